//! One run: fan out over its symbols, contain what fails, always write an end.

mod active;
mod fan_out;
mod record;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::{RunOrigin, ScheduleId, Symbol, TaskOutcome};
use crate::jobs::{Assignment, Services};
use crate::store::RunEnd;
use active::Active;

/// Called with each task's outcome as it comes, e.g. by a progress bar.
pub type OnOutcome = Arc<dyn Fn(&TaskOutcome) + Send + Sync>;

/// A claimed fire, ready to be run.
#[derive(Clone)]
pub struct RunSpec {
    /// Its row in the ledger.
    pub run_id: i64,
    /// Whose run it is.
    pub schedule: ScheduleId,
    /// The planned instant.
    pub scheduled_for: Timestamp,
    /// What made it due.
    pub origin: RunOrigin,
    /// What to do for each symbol.
    pub assignment: Assignment,
    /// The symbols.
    pub symbols: Arc<[Symbol]>,
    /// Tasks in flight at once.
    pub concurrency: usize,
    /// Bound on the run.
    pub timeout: Duration,
    /// Bound on each task.
    pub task_timeout: Duration,
    /// How late the fire was claimed.
    pub lateness_ms: i64,
    /// Who wants to see each outcome.
    pub on_outcome: Option<OnOutcome>,
}

/// Starts runs and knows which are going on. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    services: Services,
    runtime: Handle,
    tracker: TaskTracker,
    abort: CancellationToken,
    active: Active,
}

impl Runner {
    /// A runner whose runs live on the current runtime.
    pub fn new(services: Services) -> Self {
        Self {
            services,
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            abort: CancellationToken::new(),
            active: Active::default(),
        }
    }

    /// Starts a run; it ends by itself, by its timeout or by [`Self::abort`], and writes its end.
    pub fn start(&self, spec: RunSpec) -> JoinHandle<RunEnd> {
        let presence = self.active.enter(&spec.schedule);
        let (services, abort) = (self.services.clone(), self.abort.child_token());
        self.tracker.spawn_on(
            async move {
                let run = AssertUnwindSafe(fan_out::run(&spec, &services, &abort));
                let end = match run.catch_unwind().await {
                    Ok(end) => end,
                    Err(_) => record::panicked(&spec, &services).await,
                };
                drop(presence);
                end
            },
            &self.runtime,
        )
    }

    /// Whether a run of this schedule is going on in this process.
    pub fn is_active(&self, schedule: &ScheduleId) -> bool {
        self.active.contains(schedule)
    }

    /// How many runs are going on.
    pub fn active_runs(&self) -> u64 {
        self.active.len()
    }

    /// Waits until no run is going on; no run may be started any more.
    pub async fn drained(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Ends all runs at once; each still writes its end.
    pub fn abort(&self) {
        self.abort.cancel();
    }
}
