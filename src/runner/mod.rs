//! One run: admitted by its policy, fanned out over its symbols, what fails contained, always ended.

mod admission;
mod begin;
mod control;
mod fan_out;
mod record;
mod run;
mod told;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::domain::{RunOrigin, RunState, RunTotals, Schedule, ScheduleId, Symbol, TaskOutcome};
use crate::jobs::{Assignment, Perform, Services};
use crate::store::{Ledger, RunEnd};
use crate::telemetry::Meter;
use crate::upstream::Pings;
pub use admission::Admission;
use admission::{Found, Moves, Ready, Slots};
pub use begin::HeldBack;
use begin::{Beginning, Door};
use control::Control;
pub use control::Progress;

/// What those who watch a run are told.
#[derive(Debug, Clone, Copy)]
pub enum News<'n> {
    /// A task has ended.
    Ended(&'n TaskOutcome),
    /// Tasks that failed are done again after a while.
    Waits {
        /// The symbols.
        symbols: &'n [Symbol],
        /// How long from now.
        wait: Duration,
    },
}

/// Called with what happens in a run as it does, e.g. by a progress bar.
pub type OnNews = Arc<dyn Fn(News<'_>) + Send + Sync>;

/// A claimed fire, ready to be run.
#[derive(Clone)]
pub struct RunSpec {
    /// Its row in the ledger.
    pub run_id: i64,
    /// Whose run it is, as it was when it was claimed: a reload does not touch it.
    pub schedule: Arc<Schedule>,
    /// The planned instant.
    pub scheduled_for: Timestamp,
    /// What made it due.
    pub origin: RunOrigin,
    /// What to do for each symbol.
    pub assignment: Assignment,
    /// The symbols.
    pub symbols: Arc<[Symbol]>,
    /// Bound on the run.
    pub timeout: Duration,
    /// How late the fire was claimed.
    pub lateness_ms: i64,
    /// Whether an earlier daemon has done some of its tasks.
    pub is_resumed: bool,
    /// Whether a person waits in this process for its end.
    pub is_awaited: bool,
    /// Who watches it.
    pub on_news: Option<OnNews>,
}

/// What runs work with.
#[derive(Clone)]
pub struct Desk {
    /// Where records are kept.
    pub ledger: Arc<dyn Ledger>,
    /// What does a task.
    pub work: Arc<dyn Perform>,
    /// Time.
    pub clock: Clock,
    /// Durations.
    pub meter: Meter,
    /// How `heartbeat_url` is called.
    pub pings: Option<Pings>,
}

impl From<Services> for Desk {
    fn from(services: Services) -> Self {
        Self {
            ledger: Arc::new(services.store.clone()),
            clock: services.clock.clone(),
            meter: services.meter.clone(),
            pings: Some(Pings::default()),
            work: Arc::new(services),
        }
    }
}

/// The end of a run that somebody waits to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whose run it was.
    pub schedule: ScheduleId,
    /// How it ended.
    pub state: RunState,
    /// The instant it was planned for.
    pub scheduled_for: Timestamp,
    /// When.
    pub finished_at: Timestamp,
}

/// Starts runs and knows which are going on. Cheap to clone.
#[derive(Clone)]
pub struct Runner(Arc<Shared>);

struct Shared {
    desk: Desk,
    runtime: Handle,
    tracker: TaskTracker,
    door: Door,
    abort: CancellationToken,
    slots: Mutex<Slots>,
    ended: OnceLock<UnboundedSender<Ended>>,
    /// Schedules whose every end is told.
    announced: Mutex<HashSet<ScheduleId>>,
}

impl Runner {
    /// A runner whose runs live on the current runtime.
    pub fn new(desk: Desk) -> Self {
        Self(Arc::new(Shared {
            desk,
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            door: Door::default(),
            abort: CancellationToken::new(),
            slots: Mutex::default(),
            ended: OnceLock::new(),
            announced: Mutex::default(),
        }))
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the ends of all runs of these schedules are told, too: others follow them.
    pub fn announce(&self, schedules: HashSet<ScheduleId>) {
        *self.announced() = schedules;
    }

    fn announced(&self) -> MutexGuard<'_, HashSet<ScheduleId>> {
        let announced = self.0.announced.lock();
        announced.unwrap_or_else(PoisonError::into_inner)
    }

    /// The ends of runs whose schedule promises something about them or is announced; for one
    /// listener.
    pub fn ends(&self) -> UnboundedReceiver<Ended> {
        let (sender, receiver) = unbounded_channel();
        let _ = self.0.ended.set(sender);
        receiver
    }

    /// Lets a run join the others of its schedule. It ends by itself, by its timeout, when it is
    /// cancelled or by [`Self::abort`], and writes its end.
    pub fn admit(&self, spec: RunSpec, admission: Admission) -> oneshot::Receiver<RunEnd> {
        let (done, ending) = oneshot::channel();
        // The lock is held until the run stands among the others: nobody may pass it by.
        let mut slots = self.slots();
        let Moves { start, dropped } = slots.admit(Ready { spec, done }, admission);
        if let Some(ready) = start {
            self.launch(&mut slots, ready);
        }
        drop(slots);
        self.close_dropped(dropped);
        ending
    }

    fn launch(&self, slots: &mut Slots, ready: Ready) {
        let spec = &ready.spec;
        let control = Arc::new(Control::new(spec, self.0.desk.clock.now()));
        slots.enter(&spec.schedule.id, spec.run_id, Arc::clone(&control));
        let pinged = self.ping(spec, "/start", None);
        let beginning = Beginning {
            runner: self.clone(),
            ready,
            control,
            pinged,
            _counted: self.0.tracker.token(),
        };
        self.0.door.pass(vec![beginning], &self.0.runtime);
    }

    /// Lets runs be admitted, but begin only when what is given back is dropped: admitting
    /// thousands is quick while they do not yet take the processor.
    pub fn hold_back(&self) -> HeldBack {
        HeldBack::new(self)
    }

    fn leave(&self, spec: &RunSpec) {
        let mut slots = self.slots();
        if let Some(next) = slots.leave(&spec.schedule.id, spec.run_id) {
            self.launch(&mut slots, next);
        }
    }

    /// Tells of a run's end whoever waits for it.
    fn tell(&self, spec: &RunSpec, end: &RunEnd, pinged: Option<JoinHandle<()>>) {
        let suffix = if end.state == RunState::Succeeded {
            ""
        } else {
            "/fail"
        };
        drop(self.ping(spec, suffix, pinged));
        let schedule = &spec.schedule;
        let is_awaited = schedule.sla.max_time_since_success.is_some()
            || schedule.pause_after_failures.is_some()
            || self.announced().contains(&schedule.id);
        if let Some(ended) = self.0.ended.get().filter(|_| is_awaited) {
            let _ = ended.send(Ended {
                schedule: schedule.id.clone(),
                state: end.state,
                scheduled_for: spec.scheduled_for,
                finished_at: self.0.desk.clock.now(),
            });
        }
    }

    /// Calls the schedule's heartbeat address after the call before has ended; none of them holds
    /// up a run, or an abort.
    fn ping(
        &self,
        spec: &RunSpec,
        suffix: &'static str,
        after: Option<JoinHandle<()>>,
    ) -> Option<JoinHandle<()>> {
        let url = spec.schedule.heartbeat_url.clone()?;
        let pings = self.0.desk.pings.clone()?;
        if !spec.origin.is_planned() {
            return None;
        }
        let (schedule, abort) = (spec.schedule.id.clone(), self.0.abort.clone());
        let ping = async move {
            let in_turn = async {
                if let Some(before) = after {
                    let _ = before.await;
                }
                pings.send(&schedule, &url, suffix).await;
            };
            tokio::select! {
                biased;
                () = abort.cancelled() => {}
                () = in_turn => {}
            }
        };
        Some(self.0.tracker.spawn_on(ping, &self.0.runtime))
    }

    /// Closes the rows of runs that waited and shall not run any more.
    fn close_dropped(&self, dropped: Vec<(Ready, String)>) {
        for (Ready { spec, done }, reason) in dropped {
            let runner = self.clone();
            let close = async move {
                let end = RunEnd {
                    state: RunState::Cancelled,
                    totals: RunTotals::default(),
                    duration_ms: 0,
                    reason: Some(reason),
                    cost: None,
                };
                record::without_tasks(&spec, &runner.0.desk, &end, &runner.0.abort).await;
                let _ = done.send(end);
            };
            drop(self.0.tracker.spawn_on(close, &self.0.runtime));
        }
    }

    /// How many runs of this schedule are going on in this process, and how many wait for them. One
    /// whose tasks are done counts no more, though others wait until its end is written.
    pub fn count(&self, schedule: &ScheduleId) -> (usize, usize) {
        self.slots().count(schedule)
    }

    /// How many runs are going on, and how many wait.
    pub fn totals(&self) -> (usize, usize) {
        self.slots().totals()
    }

    /// The numbers of all runs that go on or wait.
    pub fn held(&self) -> HashSet<i64> {
        self.slots().held()
    }

    /// How many runs are going on.
    pub fn active_runs(&self) -> u64 {
        self.totals().0 as u64
    }

    /// The runs that are going on.
    pub fn progress(&self) -> Vec<Progress> {
        self.slots().progress()
    }

    /// Asks a run to end: no new tasks, and those in flight have the schedule's grace. False when
    /// it is not going on here.
    pub fn cancel(&self, run_id: i64, reason: &str) -> bool {
        let found = self.slots().cancel(run_id, reason);
        match found {
            Found::Nowhere => return false,
            Found::Running => {}
            Found::Waiting(ready) => self.close_dropped(vec![(*ready, reason.to_owned())]),
        }
        true
    }

    /// No run begins any more; those that wait are closed.
    pub fn close(&self) {
        let dropped = self.slots().close();
        self.close_dropped(dropped);
    }

    /// Waits until no run is going on; no run may be started any more.
    pub async fn drained(&self) {
        self.close();
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    /// Ends all runs at once; each still writes its end.
    pub fn abort(&self) {
        self.0.abort.cancel();
    }
}
