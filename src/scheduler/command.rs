//! What the daemon asks of the planner while it runs.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::domain::{OverlapPolicy, Pause, RunOrigin, RunState, Schedule, ScheduleId, Symbol};
use crate::runner::Ended;
use crate::store::RunEnd;

/// One request; each but the stop and the news of an end is answered.
pub enum Command {
    /// Claim no fire any more and end.
    Stop,
    /// Plan these schedules instead of the present ones; answered when they are planned.
    Replace(Vec<Arc<Schedule>>, oneshot::Sender<()>),
    /// Run a schedule now.
    Trigger(Trigger, oneshot::Sender<Result<Triggered, Refusal>>),
    /// Pause a schedule.
    Pause(Pause, oneshot::Sender<Result<(), Refusal>>),
    /// End a pause; answered with the pause that was there.
    Resume(ScheduleId, oneshot::Sender<Result<Option<Pause>, Refusal>>),
    /// A run that another process did has ended; the planner knows it from its own runs.
    Ended(Ended),
    /// Tell how things stand.
    Status(oneshot::Sender<PlanStatus>),
}

/// A run somebody asks for.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Whose.
    pub schedule: ScheduleId,
    /// For which symbols instead of the schedule's.
    pub symbols: Option<Arc<[Symbol]>>,
    /// `Manual`, or `Retry` of an earlier run.
    pub origin: RunOrigin,
    /// What to do about runs going on, instead of the schedule's policy.
    pub overlap_policy: Option<OverlapPolicy>,
    /// Who asked, for the ledger.
    pub reason: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Triggered {
    /// The row.
    pub run_id: i64,
    /// `Claimed`, or `SkippedOverlap`.
    pub state: RunState,
    /// Whether it waits for others.
    pub is_waiting: bool,
    /// Its end; `None` when it is skipped.
    pub ending: Option<oneshot::Receiver<RunEnd>>,
}

/// Why a request is not met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such schedule.
    #[error("there is no schedule `{0}`")]
    UnknownSchedule(ScheduleId),
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Store(String),
}

/// How the plan stands.
#[derive(Debug, Clone)]
pub struct PlanStatus {
    /// Each schedule, in order of name.
    pub schedules: Vec<ScheduleStatus>,
    /// Since when the ledger cannot be used, ms ago.
    pub store_down_ms: Option<i64>,
}

/// How one schedule stands.
#[derive(Debug, Clone)]
pub struct ScheduleStatus {
    /// Which.
    pub id: ScheduleId,
    /// Whether the file wants it to run.
    pub enabled: bool,
    /// Its next fire; `None` for one that runs after another.
    pub next: Option<Timestamp>,
    /// The schedule it runs after.
    pub after: Option<ScheduleId>,
    /// How long a fire waits for its verdict, ms; beyond a second or two something is wrong.
    pub overdue_ms: i64,
    /// Runs going on.
    pub running: usize,
    /// Runs waiting for those.
    pub waiting: usize,
    /// Its pause.
    pub pause: Option<Pause>,
    /// Since when no run has succeeded for longer than promised.
    pub stale_since: Option<Timestamp>,
}
