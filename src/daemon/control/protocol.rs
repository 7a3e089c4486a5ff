//! What goes over the control socket.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Largest request line.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Run a schedule now.
    Trigger {
        /// Its name.
        schedule: String,
        /// Instead of its own symbols.
        symbols: Vec<String>,
        /// Instead of its own policy.
        overlap_policy: Option<String>,
        /// Answer a second time when the run has ended.
        wait: bool,
    },
    /// Pause a schedule.
    Pause {
        /// Its name.
        schedule: String,
        /// Until when.
        until: Option<Timestamp>,
        /// Why.
        note: Option<String>,
    },
    /// End a pause.
    Resume {
        /// Its name.
        schedule: String,
    },
    /// End a run.
    Cancel {
        /// Its number.
        run: i64,
    },
    /// Run the failed tasks of a run again.
    Retry {
        /// Its number.
        run: i64,
        /// Answer a second time when the run has ended.
        wait: bool,
    },
    /// Read the configuration again.
    Reload {
        /// Only say what would change.
        dry_run: bool,
    },
    /// Another process has done a run: what runs after it is due.
    Ended(EndedRun),
    /// Tell how things stand.
    Status,
}

/// A run that another process did. Every database counts its runs from 1: the number alone may be
/// that of another run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedRun {
    /// Its number.
    pub run: i64,
    /// Whose run it was.
    pub schedule: String,
    /// The instant it was planned for.
    pub scheduled_for: Timestamp,
}

/// One answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A run was recorded.
    Run(RunAnswer),
    /// It has ended.
    Ended(Box<EndAnswer>),
    /// Done; in words.
    Done(String),
    /// What a reload changes.
    Reloaded(Box<ReloadAnswer>),
    /// The new configuration is not used: each problem as `validate` would print it.
    Rejected(Vec<String>),
    /// How things stand.
    Status(Box<StatusAnswer>),
    /// The request cannot be met; in words.
    Refused(String),
    /// The database cannot be used; in words.
    Unavailable(String),
}

/// A run that was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the ledger's columns")]
pub struct RunAnswer {
    pub id: i64,
    pub schedule: String,
    pub state: String,
    /// Whether it waits for other runs of its schedule.
    pub is_waiting: bool,
    pub tasks_total: usize,
}

/// The end of a run that was waited for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the ledger's columns")]
pub struct EndAnswer {
    pub id: i64,
    pub state: String,
    pub duration_ms: i64,
    pub tasks_total: u32,
    pub tasks_succeeded: u32,
    pub tasks_failed: u32,
    pub rows_written: u64,
    pub reason: Option<String>,
}

/// What a reload changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// New schedules.
    pub added: Vec<String>,
    /// Schedules that are gone.
    pub removed: Vec<String>,
    /// Schedules that changed.
    pub changed: Vec<ChangedSchedule>,
    /// Sections that changed and need a restart.
    pub needs_restart: Vec<String>,
    /// Other sections that changed and hold at once.
    #[serde(default)]
    pub sections: Vec<String>,
    /// What is probably not meant, each as `validate` would print it.
    pub lints: Vec<String>,
}

/// A schedule that changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangedSchedule {
    /// Its name.
    pub schedule: String,
    /// The keys whose meaning changed.
    pub keys: Vec<String>,
}

/// How the daemon stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// The program's version.
    pub version: String,
    /// The daemon's process.
    pub pid: u32,
    /// The start's number in the database.
    pub epoch: i64,
    /// When it began to serve.
    pub started_at: Timestamp,
    /// The configuration file.
    pub config_file: String,
    /// When the configuration in use was read.
    pub config_loaded_at: Timestamp,
    /// Problems of a newer configuration that was rejected; 0 when there is none.
    pub config_problems: usize,
    /// For how long the database cannot be used.
    pub store_down_ms: Option<i64>,
    /// How long ago the planner looked at the clock.
    pub planner_age_ms: i64,
    /// Whether anything is late, stale or out of order.
    pub is_late: bool,
    /// Each schedule, in order of name.
    pub schedules: Vec<ScheduleAnswer>,
    /// The runs going on.
    pub runs: Vec<ProgressAnswer>,
    /// What the cache has done since the start; absent when it is off.
    #[serde(default)]
    pub cache: Option<CacheAnswer>,
    /// How fast each provider that is in use is asked.
    #[serde(default)]
    pub paces: Vec<PaceAnswer>,
}

/// How fast a provider is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaceAnswer {
    /// Its name.
    pub provider: String,
    /// The pace in force, requests a second: less than `max_rps` since it refused us.
    pub pace_rps: f64,
    /// The most there may be.
    pub max_rps: f64,
}

/// What the cache has done since the start, and what it holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of cache::Counts")]
pub struct CacheAnswer {
    pub hits: u64,
    pub negative_hits: u64,
    pub misses: u64,
    pub loads: u64,
    pub load_errors: u64,
    pub shared: u64,
    pub stale: u64,
    pub evictions: u64,
    pub backend_errors: u64,
    pub bytes: u64,
    pub entries: u64,
}

/// How a schedule stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScheduleAnswer {
    /// Its name.
    pub schedule: String,
    /// `ok`, `running`, `paused`, `disabled`, `late` or `stale`.
    pub state: String,
    /// Its next fire; absent for one that runs after another.
    pub next: Option<Timestamp>,
    /// The schedule it runs after.
    #[serde(default)]
    pub after: Option<String>,
    /// How long a fire waits for its verdict.
    pub overdue_ms: i64,
    /// Runs going on.
    pub running: usize,
    /// Fires waiting for those.
    pub waiting: usize,
    /// Until when it is paused.
    pub paused_until: Option<Timestamp>,
    /// Who paused it, and why.
    pub paused_because: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the ledger's columns")]
pub struct ProgressAnswer {
    pub id: i64,
    pub schedule: String,
    pub trigger: String,
    pub scheduled_for: Timestamp,
    pub started_at: Timestamp,
    pub tasks_total: u32,
    pub tasks_done: u32,
}
