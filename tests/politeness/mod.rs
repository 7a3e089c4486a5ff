//! The gate in front of the upstream, driven with a virtual clock: fast, and never too fast.

mod bounds;
mod lanes;
mod limits;
mod pace;
mod refusals;
mod retries;
mod unknown;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::clock::monotonic;
use finstage::config::{Cooldown, UpstreamSettings};
use finstage::domain::Retry;
use finstage::domain::{FaultClass, Symbol};
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, CallCounts, Fault, Gate, Lane};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::values::symbol;

/// Time an upstream here takes to answer.
const LATENCY: Duration = Duration::from_millis(100);

fn settings() -> UpstreamSettings {
    UpstreamSettings {
        base_url: "http://127.0.0.1".to_owned(),
        max_rps: 20.0,
        burst: 2,
        concurrency: 5,
        user_agent: "tests".to_owned(),
        connect_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(20),
        cooldown: Cooldown {
            initial: Duration::from_mins(1),
            max: Duration::from_mins(30),
        },
        retry: Retry {
            max_attempts: 4,
            initial_interval: Duration::from_millis(500),
            multiplier: 2.0,
            max_interval: Duration::from_secs(30),
            randomization_factor: 0.5,
        },
    }
}

/// What an upstream does with a request for a symbol that reaches it so long after the start.
type Behaviour = dyn Fn(&Symbol, Duration) -> Result<(), Fault> + Send + Sync;

/// When a request went out, and what it was told.
type Request = (Duration, Result<(), FaultClass>);

/// An upstream that answers after [`LATENCY`] and remembers when it was asked.
#[derive(Clone)]
struct Upstream {
    gate: Arc<Gate>,
    started: Instant,
    seen: Arc<Mutex<Vec<Request>>>,
    /// The symbols of these requests.
    symbols: Arc<Mutex<Vec<Symbol>>>,
    behaviour: Arc<Behaviour>,
    /// How many requests went out, for waiting until one has.
    count: watch::Sender<usize>,
}

/// What became of one question.
struct Asked {
    outcome: Result<(), Fault>,
    counts: Arc<CallCounts>,
    ended: Duration,
}

impl Upstream {
    fn new(
        settings: &UpstreamSettings,
        behaviour: impl Fn(Duration) -> Result<(), FaultClass> + Send + Sync + 'static,
    ) -> Self {
        Self::with(settings, move |_, at| {
            behaviour(at).map_err(|class| Fault::new(class, "as told"))
        })
    }

    /// One that looks at the symbol, too.
    fn with(
        settings: &UpstreamSettings,
        behaviour: impl Fn(&Symbol, Duration) -> Result<(), Fault> + Send + Sync + 'static,
    ) -> Self {
        crate::support::lines::listen();
        Self {
            gate: Arc::new(Gate::new("test", settings, Meter::default())),
            started: monotonic(),
            seen: Arc::default(),
            symbols: Arc::default(),
            behaviour: Arc::new(behaviour),
            count: watch::Sender::new(0),
        }
    }

    /// One request: noted when it goes out, judged then, answered later.
    fn request(&self, symbol: &Symbol) -> impl Future<Output = Result<(), Fault>> + Send + use<> {
        let now = self.started.elapsed();
        let verdict = (self.behaviour)(symbol, now);
        let class = verdict.clone().map_err(|fault| fault.class);
        self.seen.lock().unwrap().push((now, class));
        self.symbols.lock().unwrap().push(symbol.clone());
        self.count.send_modify(|count| *count += 1);
        async move {
            tokio::time::sleep(LATENCY).await;
            verdict
        }
    }

    /// Asks one question with a budget of `allowed`.
    async fn ask(&self, symbol: Symbol, allowed: Duration) -> Asked {
        self.ask_in(Lane::Live, symbol, allowed).await
    }

    /// Asks one question that waits in `lane`.
    async fn ask_in(&self, lane: Lane, symbol: Symbol, allowed: Duration) -> Asked {
        let counts = Arc::new(CallCounts::default());
        let budget = Budget::starting_now(allowed, Arc::clone(&counts)).in_lane(lane);
        let asked = self
            .gate
            .ask(&symbol, "test", &budget, || self.request(&symbol));
        let outcome = asked.await;
        Asked {
            outcome,
            counts,
            ended: self.started.elapsed(),
        }
    }

    /// Asks `count` questions at the same time, each with a budget of `allowed`.
    async fn ask_many(&self, count: usize, allowed: Duration) -> Vec<Asked> {
        let mut questions = JoinSet::new();
        for number in 0..count {
            let (upstream, symbol) = (self.clone(), symbol(&format!("S{number}")));
            questions.spawn(async move { upstream.ask(symbol, allowed).await });
        }
        questions.join_all().await
    }

    /// Waits until so many requests have gone out.
    async fn sent(&self, count: usize) {
        let mut sent = self.count.subscribe();
        sent.wait_for(|sent| *sent >= count).await.unwrap();
    }

    fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The names of the symbols asked for, in order.
    fn names(&self) -> Vec<String> {
        let symbols = self.symbols.lock().unwrap();
        symbols.iter().map(ToString::to_string).collect()
    }

    fn starts(&self) -> Vec<Duration> {
        self.requests().iter().map(|(at, _)| *at).collect()
    }
}
