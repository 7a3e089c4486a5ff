//! Everything a run needs, wired as the daemon does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::{Cooldown, UpstreamSettings};
use finstage::domain::Retry;
use finstage::domain::{AlertRules, DailyBar, JobKind, RunOrigin, Symbol, TaskOutcome};
use finstage::jobs::{AlertBook, Assignment, Freshness, Services, Watch};
use finstage::runner::{Admission, News, RunSpec, Runner};
use finstage::simulator::{Options, Simulator};
use finstage::store::{Epoch, RunEnd, RunRow, Store, TaskRow};
use finstage::telemetry::Meter;
use finstage::upstream::{MarketData, Yahoo};

use crate::support::database::Database;
use crate::support::values::{at, claim, day, planned, symbol};

/// A Saturday: the markets rest and nothing changes by itself.
pub(crate) const SATURDAY: &str = "2026-11-21T12:00:00Z";

/// A store, an upstream and a runner.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) runner: Runner,
    services: Services,
    epoch: Epoch,
    fires: AtomicI64,
    database: Database,
}

/// What a run has left behind.
pub(crate) struct Left {
    pub(crate) end: RunEnd,
    pub(crate) run: RunRow,
    pub(crate) tasks: Vec<TaskRow>,
}

impl Left {
    /// `SYMBOL outcome` or `SYMBOL class` of each task, in order of symbol.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = |task: &TaskRow| {
            let word = task.class.as_ref().unwrap_or(&task.outcome);
            format!("{} {word}", task.symbol)
        };
        self.tasks.iter().map(told).collect()
    }
}

/// A simulator and what talks to it; both see the same Saturday.
pub(crate) async fn simulated(options: Options) -> (Simulator, World) {
    let clock = Clock::starting_at(at(SATURDAY));
    let simulator = Simulator::start(options, clock.clone()).await.unwrap();
    let settings = fast(simulator.base_url());
    let upstream = Yahoo::new(&settings, clock.clone(), Meter::default()).unwrap();
    let world = World::new(Arc::new(upstream), clock).await;
    (simulator, world)
}

/// No pace, many retries, short waits: what fails, fails for good reason.
pub(crate) fn fast(base_url: String) -> UpstreamSettings {
    UpstreamSettings {
        base_url,
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
            max_attempts: 12,
            initial_interval: Duration::from_millis(1),
            multiplier: 2.0,
            max_interval: Duration::from_millis(10),
            randomization_factor: 0.5,
        },
    }
}

impl World {
    pub(crate) async fn new(upstream: Arc<dyn MarketData>, clock: Clock) -> Self {
        let database = Database::sqlite();
        let store = database.migrated().await;
        let epoch = store.begin_epoch(clock.now()).await.unwrap();
        let services = Services {
            store: store.clone(),
            upstream,
            clock,
            meter: Meter::default(),
            freshness: Freshness::default(),
            alerts: AlertBook::default(),
            watch: Watch::default(),
        };
        Self {
            store,
            runner: Runner::new(services.clone().into()),
            services,
            epoch,
            fires: AtomicI64::new(0),
            database,
        }
    }

    /// Forgets what was fetched a moment ago, as a restart does.
    pub(crate) fn forget(&mut self) {
        let services = Services {
            freshness: Freshness::default(),
            watch: Watch::default(),
            ..self.services.clone()
        };
        self.runner = Runner::new(services.into());
    }

    /// From now on prices of `symbols` are judged by `rules`.
    pub(super) fn watch(&self, symbols: &[&str], rules: AlertRules) {
        let rules = Arc::new(rules);
        let book = symbols
            .iter()
            .map(|name| (symbol(name), Arc::clone(&rules)));
        self.services.alerts.replace(Arc::new(book.collect()));
    }

    /// A claimed fire of `assignment` over `symbols`, for a start.
    pub(crate) async fn spec(&self, assignment: Assignment, symbols: &[&str]) -> RunSpec {
        let fire = self.fires.fetch_add(1, Ordering::Relaxed);
        let scheduled_for = at(SATURDAY) + jiff::SignedDuration::from_secs(fire);
        let claims = [claim("tests", scheduled_for)];
        let ours = self
            .store
            .claim(&claims, self.epoch, scheduled_for)
            .await
            .unwrap();
        RunSpec {
            run_id: ours[0].unwrap().run_id,
            schedule: Arc::new(planned("tests")),
            scheduled_for,
            origin: RunOrigin::Schedule,
            assignment,
            symbols: symbols.iter().map(|name| symbol(name)).collect(),
            timeout: Duration::from_mins(1),
            lateness_ms: 0,
            is_resumed: false,
            is_awaited: false,
            on_news: None,
        }
    }

    /// Runs a job to its end.
    pub(crate) async fn run(&self, job: JobKind, symbols: &[&str]) -> Left {
        let spec = self.spec(Assignment::Job(job), symbols).await;
        self.finish(spec).await
    }

    /// Runs `spec` to its end; what is told on the way is what is stored.
    pub(crate) async fn finish(&self, mut spec: RunSpec) -> Left {
        let outcomes: Arc<std::sync::Mutex<Vec<TaskOutcome>>> = Arc::default();
        let heard = Arc::clone(&outcomes);
        spec.on_news = Some(Arc::new(move |news: News<'_>| {
            if let News::Ended(outcome) = news {
                heard.lock().unwrap().push(outcome.clone());
            }
        }));
        let (run_id, symbols) = (spec.run_id, spec.symbols.len());
        let end = self.runner.admit(spec, Admission::Beside).await.unwrap();
        let left = self.left(run_id, end).await;
        assert_eq!(
            outcomes.lock().unwrap().len(),
            symbols,
            "told once a symbol"
        );
        left
    }

    /// What stands in the ledger; every symbol must have its outcome, and the run its end.
    pub(crate) async fn left(&self, run_id: i64, end: RunEnd) -> Left {
        let run = self.store.run(run_id).await.unwrap().unwrap();
        let tasks = self.store.tasks(run_id).await.unwrap();
        assert_eq!(run.state, end.state.as_str());
        assert!(run.finished_at.is_some() && run.started_at.is_some());
        assert_eq!(u32::try_from(tasks.len()).unwrap(), end.totals.tasks_total);
        let failed = tasks.iter().filter(|task| task.outcome == "failed").count();
        assert_eq!(u32::try_from(failed).unwrap(), end.totals.tasks_failed);
        let written: i64 = tasks.iter().map(|task| task.rows_written).sum();
        assert_eq!(written, run.rows_written);
        Left { end, run, tasks }
    }

    /// The database's file, for tests that spoil it.
    pub(crate) fn database_file(&self) -> std::path::PathBuf {
        self.database.file()
    }

    pub(crate) async fn bars(&self, name: &str) -> Vec<DailyBar> {
        let name: Symbol = symbol(name);
        let (from, to) = (day("1800-01-01"), day("2100-01-01"));
        self.store.bars(&name, from, to).await.unwrap()
    }
}
