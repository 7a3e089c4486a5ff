//! The sign of life in the log, and the alarm when planner or runtime give none. It goes by the
//! monotonic clock, whoever calls it and however often: chores that begin anew do not delay it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::telemetry::events;

/// How often the log says that the daemon lives; whoever watches may miss two.
const SIGN: Duration = Duration::from_mins(1);

/// How often it says so of a planner or runtime that does not go on.
const ALARM: Duration = Duration::from_secs(10);

/// The planner looks at the clock every two seconds; after this long it counts as stalled.
pub(super) const STALL_MS: i64 = 10_000;

/// How the daemon is.
#[derive(Debug, Clone, Copy)]
pub struct Signs {
    /// Runs that go on.
    pub runs: u64,
    /// Schedules in force.
    pub schedules: u64,
    /// How long ago the planner looked at the clock, ms.
    pub planner_age_ms: i64,
    /// How long the runtime takes to come to what it is asked, ms.
    pub runtime_ms: i64,
}

/// What the log was told of it, and when.
#[derive(Debug)]
pub struct Heart(Mutex<Due>);

#[derive(Debug)]
struct Due {
    sign: Instant,
    alarm: Instant,
}

impl Default for Heart {
    /// The first sign is due a minute from now.
    fn default() -> Self {
        let now = clock::monotonic();
        Self(Mutex::new(Due {
            sign: now + SIGN,
            alarm: now,
        }))
    }
}

impl Heart {
    /// Tells what is due; to be called about once a second. A stall is told at once.
    pub fn beat(&self, signs: &Signs) {
        let now = clock::monotonic();
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stalled = signs.planner_age_ms.max(signs.runtime_ms) > STALL_MS;
        if is_stalled && due.alarm <= now {
            due.alarm = now + ALARM;
            events::DaemonLoopStalled {
                planner_age_ms: signs.planner_age_ms,
                runtime_ms: signs.runtime_ms,
            }
            .emit();
        }
        if due.sign <= now {
            // What was slept through is not made up for.
            due.sign += SIGN;
            if due.sign <= now {
                due.sign = now + SIGN;
            }
            events::DaemonHeartbeat {
                runs: signs.runs,
                schedules: signs.schedules,
                planner_age_ms: signs.planner_age_ms,
                runtime_ms: signs.runtime_ms,
            }
            .emit();
        }
    }
}
