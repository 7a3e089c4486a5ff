//! The validated configuration as the rest of the program sees it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::alerts::AlertTable;
use super::secrets::Secret;
use crate::calendar::Book;
use crate::domain::{Provider, Retry, Schedule, SessionCalendar};
use crate::telemetry::{LogFormat, LogLevel};

/// Everything schedules.toml says.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// Every file it was read from, that one and those of symbols.
    pub files: Vec<PathBuf>,
    /// `[daemon]`.
    pub daemon: DaemonSettings,
    /// `[store]`.
    pub store: StoreSettings,
    /// `[upstream.yahoo]`.
    pub yahoo: UpstreamSettings,
    /// `[cache]`.
    pub cache: crate::cache::Settings,
    /// `[history]`.
    pub history: HistorySettings,
    /// `[alerts.*]`, by symbol.
    pub alerts: AlertTable,
    /// `[schedules.*]`, in order of name.
    pub schedules: Vec<Arc<Schedule>>,
    /// `[upstream.tiingo]`.
    pub tiingo: UpstreamSettings,
    /// `[upstream.binance]`.
    pub binance: UpstreamSettings,
    /// The key for Tiingo, which never stands in the file.
    pub tiingo_key: Option<Secret>,
    /// `[upstream.yahoo] quotes.batch`.
    pub quote_batch: QuoteBatch,
    /// `[calendars.*]` over the markets the program knows.
    pub calendars: Book,
}

impl Config {
    /// Calendars in use whose holidays are known for 60 more days at most.
    pub fn ending_calendars(&self, now: Timestamp) -> Vec<Arc<SessionCalendar>> {
        let ending = super::lints::ending_calendars(self, now);
        ending
            .into_iter()
            .map(|(calendar, _)| Arc::clone(calendar))
            .collect()
    }

    /// How a provider is asked.
    pub fn upstream(&self, provider: Provider) -> &UpstreamSettings {
        match provider {
            Provider::Yahoo => &self.yahoo,
            Provider::Tiingo => &self.tiingo,
            Provider::Binance => &self.binance,
        }
    }

    /// The schedule of that name.
    pub fn schedule(&self, id: &str) -> Option<&Arc<Schedule>> {
        self.schedules
            .iter()
            .find(|schedule| schedule.id.as_str() == id)
    }

    /// The names of the enabled schedules that run after `id`.
    pub fn followers(&self, id: &str) -> Vec<&str> {
        let is_led = |one: &&Arc<Schedule>| {
            let leader = one.trigger.leader();
            one.enabled && leader.is_some_and(|leader| leader.as_str() == id)
        };
        let followers = self.schedules.iter().filter(is_led);
        followers.map(|one| one.id.as_str()).collect()
    }
}

/// `[daemon]`.
#[derive(Debug, Clone, PartialEq)]
pub struct DaemonSettings {
    /// `log.format`.
    pub log_format: LogFormat,
    /// `log.level`.
    pub log_level: LogLevel,
    /// How long runs in flight may go on after a SIGTERM.
    pub drain: Duration,
    /// Where the control socket is; `None` for the place found by itself.
    pub socket: Option<PathBuf>,
    /// `http`: where it can be watched; `None` for nowhere.
    pub http: Option<HttpSettings>,
}

/// `[daemon] http`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Address and port.
    pub listen: std::net::SocketAddr,
    /// What every request has to carry; never absent where other machines can connect.
    pub token: Option<Secret>,
}

/// `[store]`.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreSettings {
    /// Where the database is.
    pub url: StoreUrl,
    /// `[store] pool`.
    pub pool: PoolSettings,
}

/// A database URL whose printed form hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(Secret);

impl StoreUrl {
    /// Wraps a URL.
    pub fn new(url: String) -> Self {
        Self(Secret::new(url))
    }

    /// The URL itself, for connecting.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether it names an SQLite database.
    pub fn is_sqlite(&self) -> bool {
        self.expose().starts_with("sqlite:")
    }

    /// The file of an SQLite URL; `None` for other databases and for one in memory.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        let rest = self.expose().strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let path = path.split('?').next().unwrap_or_default();
        (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
    }

    /// The URL without user, password and options, for people.
    pub fn redacted(&self) -> String {
        let url = self.expose();
        let url = url.split('?').next().unwrap_or(url);
        match (url.find("://"), url.rfind('@')) {
            (Some(scheme), Some(at)) if at > scheme => {
                let (scheme, host) = (url.get(..scheme + 3), url.get(at + 1..));
                format!(
                    "{}…@{}",
                    scheme.unwrap_or_default(),
                    host.unwrap_or_default()
                )
            }
            _ => url.to_owned(),
        }
    }
}

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// `[store] pool`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolSettings {
    /// Connections kept for ordinary load.
    pub max: u32,
    /// Further connections for bursts; closed again when idle.
    pub overflow: u32,
    /// Longest wait for a connection.
    pub acquire_timeout: Duration,
    /// Age at which a connection is replaced.
    pub max_lifetime: Duration,
    /// Whether a connection that was idle is tried before use.
    pub check_before_use: bool,
}

/// `[history]`: how long rows are kept. What is older is removed whenever it was written, so a
/// changed value holds for old rows too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistorySettings {
    /// Rows of the ledger, from their claim on.
    pub runs: Duration,
    /// The outcome of each symbol of a run, from the run's claim on; never longer than `runs`.
    pub tasks: Duration,
    /// Resource samples.
    pub samples: Duration,
    /// Roll-ups of durations.
    pub durations: Duration,
    /// Price alerts that are over, from when they were told.
    pub alerts: Duration,
    /// Gaps whose bar has come, from when it came.
    pub gaps: Duration,
    /// Final bars as they were before they were replaced, from when they were.
    pub revisions: Duration,
}

/// `[upstream.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamSettings {
    /// Scheme, host and port; no path.
    pub base_url: String,
    /// Requests a second at most, over all jobs; fewer after a refusal.
    pub max_rps: f64,
    /// Requests that may go out at once after a pause.
    pub burst: u32,
    /// Requests in flight at most, over all jobs.
    pub concurrency: u32,
    /// Sent with every request.
    pub user_agent: String,
    /// Bound on connecting.
    pub connect_timeout: Duration,
    /// Bound on one request, from sending to the last byte.
    pub request_timeout: Duration,
    /// What happens when the upstream blocks us.
    pub cooldown: Cooldown,
    /// What happens after an outage-class fault.
    pub retry: Retry,
}

/// How quotes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteBatch {
    /// Each symbol's chart by itself.
    None,
    /// Up to 20 symbols in one request to the spark endpoint, closes only.
    Spark,
}

/// How long all requests wait when the upstream blocks us.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cooldown {
    /// The first wait; doubled as long as refusals follow each other.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
}
