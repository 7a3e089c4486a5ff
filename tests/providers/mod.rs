//! Several providers end to end: the real clients, gates and chain, a store, and simulators on
//! loopback that tell of one market in three formats.

mod batches;
mod chains;
mod kept;
mod series;

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::{Cooldown, Secret, UpstreamSettings};
use finstage::domain::{JobKind, Provider, Providers, Retry, RunOrigin};
use finstage::jobs::{AlertBook, Assignment, Freshness, Services, Watch};
use finstage::runner::{Admission, RunSpec, Runner};
use finstage::simulator::{Options, Simulator};
use finstage::store::{Epoch, Store, TaskRow};
use finstage::telemetry::Meter;
use finstage::upstream::{Binance, Chain, Tiingo, Yahoo};

use crate::support::database::Database;
use crate::support::values::{at, claim, planned, symbol};

/// A Saturday: New York rests, and its Friday is final at every provider.
const SATURDAY: &str = "2026-11-21T12:00:00Z";

/// No pace, few retries, short waits.
fn fast(base_url: &str) -> UpstreamSettings {
    UpstreamSettings {
        base_url: base_url.to_owned(),
        max_rps: 5_000.0,
        burst: 100,
        concurrency: 8,
        user_agent: "finstage tests".to_owned(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        cooldown: Cooldown {
            initial: Duration::from_millis(2),
            max: Duration::from_millis(10),
        },
        retry: Retry {
            max_attempts: 6,
            initial_interval: Duration::from_millis(1),
            multiplier: 2.0,
            max_interval: Duration::from_millis(10),
            randomization_factor: 0.5,
        },
    }
}

/// One simulator a provider, all of the same seed and the same time.
struct Market {
    clock: Clock,
    yahoo: Simulator,
    tiingo: Simulator,
    binance: Simulator,
}

impl Market {
    /// `first` is how Yahoo behaves; the others are well.
    async fn open(first: Options) -> Self {
        crate::support::lines::listen();
        let clock = Clock::starting_at(at(SATURDAY));
        let start = |options| Simulator::start(options, clock.clone());
        let (yahoo, tiingo, binance) = (
            start(first).await.unwrap(),
            start(Options::default()).await.unwrap(),
            start(Options::default()).await.unwrap(),
        );
        Self {
            clock,
            yahoo,
            tiingo,
            binance,
        }
    }

    fn yahoo(&self) -> Yahoo {
        Yahoo::new(
            &fast(&self.yahoo.base_url()),
            self.clock.clone(),
            Meter::default(),
        )
        .unwrap()
    }

    fn tiingo(&self) -> Tiingo {
        let key = Secret::new("made-up".to_owned());
        let (clock, meter) = (self.clock.clone(), Meter::default());
        Tiingo::new(&fast(&self.tiingo.base_url()), Some(&key), clock, meter).unwrap()
    }

    fn binance(&self) -> Binance {
        let settings = fast(&self.binance.base_url());
        Binance::new(&settings, self.clock.clone(), Meter::default()).unwrap()
    }

    /// All three behind one, with Yahoo as given.
    fn chain(&self, yahoo: Yahoo) -> Chain {
        Chain::new(vec![
            (Provider::Yahoo, Arc::new(yahoo)),
            (Provider::Tiingo, Arc::new(self.tiingo())),
            (Provider::Binance, Arc::new(self.binance())),
        ])
    }
}

/// Yahoo where nobody listens.
fn unreachable(clock: &Clock) -> Yahoo {
    Yahoo::new(&fast("http://127.0.0.1:1"), clock.clone(), Meter::default()).unwrap()
}

/// A store, and runs over it.
struct World {
    store: Store,
    epoch: Epoch,
    clock: Clock,
    fires: std::sync::atomic::AtomicI64,
    freshness: std::sync::Mutex<Freshness>,
    _database: Database,
}

impl World {
    async fn new(clock: &Clock) -> Self {
        let database = Database::sqlite();
        let store = database.migrated().await;
        let epoch = store.begin_epoch(clock.now()).await.unwrap();
        Self {
            store,
            epoch,
            clock: clock.clone(),
            fires: std::sync::atomic::AtomicI64::new(0),
            freshness: std::sync::Mutex::default(),
            _database: database,
        }
    }

    /// One run of a job with nothing remembered from runs before; gives its tasks.
    async fn run(
        &self,
        chain: &Arc<Chain>,
        job: JobKind,
        order: &[Provider],
        symbols: &[&str],
    ) -> Vec<TaskRow> {
        *self.freshness.lock().unwrap() = Freshness::default();
        self.run_on(chain, job, order, symbols).await
    }

    /// The next run of the same process.
    async fn run_on(
        &self,
        chain: &Arc<Chain>,
        job: JobKind,
        order: &[Provider],
        symbols: &[&str],
    ) -> Vec<TaskRow> {
        let services = Services {
            store: self.store.clone(),
            upstream: Arc::clone(chain) as Arc<_>,
            clock: self.clock.clone(),
            meter: Meter::default(),
            freshness: self.freshness.lock().unwrap().clone(),
            alerts: AlertBook::default(),
            watch: Watch::default(),
        };
        let fire = self
            .fires
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let scheduled_for = at(SATURDAY) + jiff::SignedDuration::from_secs(fire);
        let claims = [claim("tests", scheduled_for)];
        let ours = self.store.claim(&claims, self.epoch, scheduled_for).await;
        let run_id = ours.unwrap()[0].unwrap().run_id;
        let mut schedule = planned("tests");
        schedule.providers = Providers::try_new(order).unwrap();
        schedule.concurrency = 40;
        let spec = RunSpec {
            run_id,
            schedule: Arc::new(schedule),
            scheduled_for,
            origin: RunOrigin::Schedule,
            assignment: Assignment::Job(job),
            symbols: symbols.iter().map(|name| symbol(name)).collect(),
            timeout: Duration::from_mins(1),
            lateness_ms: 0,
            is_resumed: false,
            is_awaited: false,
            on_news: None,
        };
        let runner = Runner::new(services.into());
        runner.admit(spec, Admission::Beside).await.unwrap();
        self.store.tasks(run_id).await.unwrap()
    }

    /// The providers of the newest bars of a symbol, each once, and how many bars there are.
    async fn sources(&self, name: &str) -> (Vec<String>, usize) {
        let known = self.store.known(&symbol(name), 5_000).await.unwrap();
        let mut sources = known.sources.clone();
        sources.sort();
        sources.dedup();
        (sources, known.bars.len())
    }
}

/// `SYMBOL outcome` or `SYMBOL class` of each task.
fn told(tasks: &[TaskRow]) -> Vec<String> {
    let told = |task: &TaskRow| {
        let word = task.class.as_ref().unwrap_or(&task.outcome);
        format!("{} {word}", task.symbol)
    };
    tasks.iter().map(told).collect()
}
