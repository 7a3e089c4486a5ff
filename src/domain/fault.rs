//! Why a task failed: one variant per treatment.

use std::fmt;

/// The class of a failed task, as it stands in `run_tasks.class` and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultClass {
    /// The upstream does not know the symbol. Not retried.
    NotFound,
    /// The upstream knows the symbol and has nothing for the window. Not retried.
    NoData,
    /// 429: our address is blocked for a while. The task waits for the shared cool-down.
    RateLimited,
    /// Unreachable, 5xx, an HTML page, a truncated body: retried with backoff.
    Outage,
    /// JSON that does not keep the contract (wrong symbol, wrong interval, wrong shape).
    BadPayload,
    /// A good answer about something else than what is on record (V9). Not retried: a person decides.
    Refused,
    /// The task or its run took longer than allowed.
    Timeout,
    /// 401/403 or a redirect to a consent page: our address is refused. Opens the cool-down.
    Blocked,
    /// The upstream says our request is wrong: a bug on our side.
    BadRequest,
    /// The database did not take the result.
    Store,
    /// The daemon was told to stop before the task ended.
    Cancelled,
    /// A panic inside the job, contained.
    Internal,
}

impl FaultClass {
    /// Every class, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::NotFound,
        Self::NoData,
        Self::RateLimited,
        Self::Outage,
        Self::BadPayload,
        Self::Refused,
        Self::Timeout,
        Self::Blocked,
        Self::BadRequest,
        Self::Store,
        Self::Cancelled,
        Self::Internal,
    ];

    /// Whether the same task may succeed a while later: what a schedule's `retry` repeats.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::Outage | Self::BadPayload | Self::Timeout | Self::Store
        )
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// The stable name used in the database, in JSON and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NoData => "no_data",
            Self::RateLimited => "rate_limited",
            Self::Outage => "outage",
            Self::BadPayload => "bad_payload",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Blocked => "blocked",
            Self::BadRequest => "bad_request",
            Self::Store => "store",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
