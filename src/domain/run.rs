//! Runs, their states, and the outcome of each task.

use std::fmt;

use jiff::Timestamp;

use super::{FaultClass, ScheduleId, Symbol};

/// One due instant of one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fire {
    /// Whose fire it is.
    pub schedule: ScheduleId,
    /// The planned instant, never "now", never jittered.
    pub scheduled_for: Timestamp,
}

/// Where a run stands. Every due fire has one row in one of these states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// The fire is ours; the run has not begun.
    Claimed,
    /// Tasks are in flight.
    Running,
    /// Every task succeeded.
    Succeeded,
    /// Some tasks succeeded, some failed.
    PartlyFailed,
    /// No task succeeded.
    Failed,
    /// The run reached its timeout.
    TimedOut,
    /// Ended by a shutdown or by an operator.
    Cancelled,
    /// Its daemon died; closed by the next one.
    Abandoned,
    /// Not run: the previous run was still going.
    SkippedOverlap,
    /// Not run: nobody could in time.
    Missed,
    /// Not run: the schedule was paused.
    Paused,
    /// Not run: its calendar has no session on that day.
    Holiday,
}

impl RunState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::Claimed,
        Self::Running,
        Self::Succeeded,
        Self::PartlyFailed,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Abandoned,
        Self::SkippedOverlap,
        Self::Missed,
        Self::Paused,
        Self::Holiday,
    ];

    /// The name used in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::PartlyFailed => "partly_failed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
            Self::SkippedOverlap => "skipped_overlap",
            Self::Missed => "missed",
            Self::Paused => "paused",
            Self::Holiday => "holiday",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether a run that ended like this counts as failed as a whole.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }

    /// Whether a run that ended like this may have done something, so that schedules that run after
    /// it have something to go on from.
    pub fn has_done_some(self) -> bool {
        matches!(self, Self::Succeeded | Self::PartlyFailed | Self::TimedOut)
    }

    /// Whether a fire in this state was recorded and not run.
    pub fn is_unrun(self) -> bool {
        matches!(
            self,
            Self::SkippedOverlap | Self::Missed | Self::Paused | Self::Holiday
        )
    }

    /// Whether the row will never change again.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Claimed | Self::Running)
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What started a run (column `trigger`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunOrigin {
    /// Its fire time came.
    Schedule,
    /// Its fire time had passed while nobody was there.
    CatchUp,
    /// A person asked for it.
    Manual,
    /// A person asked for the failed tasks of an earlier run.
    Retry,
    /// `finstage backfill`.
    Backfill,
}

impl RunOrigin {
    /// Every origin.
    pub const ALL: [Self; 5] = [
        Self::Schedule,
        Self::CatchUp,
        Self::Manual,
        Self::Retry,
        Self::Backfill,
    ];

    /// The origin of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == name)
    }

    /// Whether a fire time made it due, and not a person.
    pub fn is_planned(self) -> bool {
        matches!(self, Self::Schedule | Self::CatchUp)
    }

    /// The name used in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch_up",
            Self::Manual => "manual",
            Self::Retry => "retry",
            Self::Backfill => "backfill",
        }
    }
}

impl fmt::Display for RunOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How one symbol's share of a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOutcome {
    /// The symbol.
    pub symbol: Symbol,
    /// What came of it.
    pub result: TaskResult,
    /// Requests sent for it, retries included.
    pub calls: u32,
    /// Requests beyond the first of each question.
    pub retries: u32,
    /// Answers that were 429.
    pub rate_limited: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, the wait for the upstream's turn included.
    pub duration_ms: i64,
}

/// The result of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskResult {
    /// Everything the upstream sent is stored.
    Succeeded {
        /// Rows inserted or changed.
        rows_written: u64,
        /// Rows the validation refused.
        rows_rejected: u64,
    },
    /// Nothing new is stored.
    Failed {
        /// Why, as a class.
        class: FaultClass,
        /// Why, in words.
        message: String,
    },
}

/// Sums over the tasks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunTotals {
    /// Tasks the run has.
    pub tasks_total: u32,
    /// Tasks that succeeded.
    pub tasks_succeeded: u32,
    /// Tasks that failed.
    pub tasks_failed: u32,
    /// Requests sent.
    pub calls: u32,
    /// Requests that repeated a question.
    pub retries: u32,
    /// Answers that were 429.
    pub rate_limited: u32,
    /// Rows inserted or changed.
    pub rows_written: u64,
    /// Rows of answers that broke a validation rule.
    pub rows_rejected: u64,
}

/// What the process used while a run went on. It is the whole process that is counted: runs that
/// overlap are each charged with what all of them used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunCost {
    /// Highest resident memory of the process seen meanwhile.
    pub memory_peak_bytes: i64,
    /// CPU time the process used meanwhile, to 10 ms.
    pub cpu_ms: i64,
}

impl RunTotals {
    /// Adds one outcome.
    pub fn add(&mut self, outcome: &TaskOutcome) {
        match &outcome.result {
            TaskResult::Succeeded {
                rows_written,
                rows_rejected,
            } => {
                self.tasks_succeeded += 1;
                self.rows_written += rows_written;
                self.rows_rejected += rows_rejected;
            }
            TaskResult::Failed { .. } => self.tasks_failed += 1,
        }
        self.calls += outcome.calls;
        self.retries += outcome.retries;
        self.rate_limited += outcome.rate_limited;
    }

    /// The state a run that was allowed to finish ends in.
    pub fn final_state(&self) -> RunState {
        if self.tasks_failed == 0 {
            RunState::Succeeded
        } else if self.tasks_succeeded == 0 {
            RunState::Failed
        } else {
            RunState::PartlyFailed
        }
    }
}
