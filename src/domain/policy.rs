//! What an operator may decide about a schedule's runs.

use std::fmt;
use std::time::Duration;

/// What happens to a fire while another run of its schedule is going on. The names are Temporal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverlapPolicy {
    /// The fire is recorded as `skipped_overlap`.
    Skip,
    /// One fire waits until the run is over; further ones are skipped.
    BufferOne,
    /// All fires wait and run one after another.
    BufferAll,
    /// The run is cancelled, and the fire runs when it has ended.
    CancelOther,
    /// The fire runs beside the other.
    AllowAll,
}

impl OverlapPolicy {
    /// Every policy, in the order the documentation lists them.
    pub const ALL: [Self; 5] = [
        Self::Skip,
        Self::BufferOne,
        Self::BufferAll,
        Self::CancelOther,
        Self::AllowAll,
    ];

    /// The name used in schedules.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::BufferOne => "buffer_one",
            Self::BufferAll => "buffer_all",
            Self::CancelOther => "cancel_other",
            Self::AllowAll => "allow_all",
        }
    }
}

impl fmt::Display for OverlapPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What happens to fires that were due while nobody could run them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MisfirePolicy {
    /// The newest runs late, the others are recorded as `missed`.
    RunOnce,
    /// Each runs late, one after another, the newest `max_catchup` of them.
    RunAll,
    /// All are recorded as `missed`.
    Skip,
}

impl MisfirePolicy {
    /// Every policy, in the order the documentation lists them.
    pub const ALL: [Self; 3] = [Self::RunOnce, Self::RunAll, Self::Skip];

    /// The name used in schedules.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunOnce => "run_once",
            Self::RunAll => "run_all",
            Self::Skip => "skip",
        }
    }
}

impl fmt::Display for MisfirePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is promised about a schedule; each breach is one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sla {
    /// A run begins at most this long after its fire, the jitter not counted.
    pub late_after: Option<Duration>,
    /// There is a run that succeeded at least this often.
    pub max_time_since_success: Option<Duration>,
    /// A run takes at most this long.
    pub max_runtime: Option<Duration>,
}

/// Exponential backoff; the names are the backoff crate's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Attempts, the first included.
    pub max_attempts: u32,
    /// Wait before the second.
    pub initial_interval: Duration,
    /// Growth of the wait.
    pub multiplier: f64,
    /// Longest wait.
    pub max_interval: Duration,
    /// Each wait is drawn from ± this share of it.
    pub randomization_factor: f64,
}

/// Where a run reports to: a dead man's switch that alerts when nothing comes. Whoever knows the
/// address can silence it, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HeartbeatUrl(String);

impl HeartbeatUrl {
    /// Wraps an address that was checked.
    pub fn new(url: String) -> Self {
        Self(url)
    }

    /// The address, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HeartbeatUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
