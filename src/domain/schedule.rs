//! One entry of schedules.toml, validated.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{
    HeartbeatUrl, IndicatorChoice, JobKind, MisfirePolicy, OverlapPolicy, Providers, Retry,
    SessionCalendar, Sla, Symbol, Trigger,
};

/// The stable name of a schedule: the table's key in schedules.toml.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleId(Arc<str>);

/// Why a text is not a schedule's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a schedule name: use 1 to 64 of a-z, 0-9, - and _, starting with a letter or digit"
)]
pub struct ScheduleIdError(String);

impl ScheduleId {
    /// Parses a name.
    pub fn try_new(text: &str) -> Result<Self, ScheduleIdError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let starts_well = text.bytes().next().is_some_and(plain);
        if starts_well && text.len() <= 64 && text.bytes().all(|b| plain(b) || b"-_".contains(&b)) {
            Ok(Self(text.into()))
        } else {
            Err(ScheduleIdError(text.to_owned()))
        }
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fires on holidays in a row that are looked over for one that is not: a week of one a second.
pub const HOLIDAY_FIRES: usize = 7 * 86_400;

/// A schedule as the planner and the runner use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Stable name.
    pub id: ScheduleId,
    /// Kind of work.
    pub job: JobKind,
    /// When it fires.
    pub trigger: Trigger,
    /// Zone in which cron expressions are read.
    pub timezone: TimeZone,
    /// Market on whose days without a session fires are recorded and not run.
    pub calendar: Option<Arc<SessionCalendar>>,
    /// Symbols to fan out over, in file order, without repetition.
    pub symbols: Arc<[Symbol]>,
    /// Whether the file wants it to run.
    pub enabled: bool,
    /// Tasks of one run in flight at once.
    pub concurrency: usize,
    /// Bound on a whole run.
    pub timeout: Duration,
    /// Bound on one symbol's task, time spent waiting for the upstream's turn not counted.
    pub task_timeout: Duration,
    /// Fires are dispatched up to this much later, by an amount that is stable per schedule.
    pub jitter: Duration,
    /// What to do while the previous run is still going.
    pub overlap_policy: OverlapPolicy,
    /// What to do with fires nobody could run in time.
    pub misfire_policy: MisfirePolicy,
    /// Lateness from which a fire counts as a misfire.
    pub misfire_threshold: Duration,
    /// How far back a fire is still worth catching up.
    pub catchup_window: Duration,
    /// Fires caught up at most under `run_all`; beyond it the newest win.
    pub max_catchup: usize,
    /// How long tasks in flight may go on after the timeout or a cancellation.
    pub cancel_grace: Duration,
    /// Whether and how failed tasks are repeated within the run.
    pub retry: Option<Retry>,
    /// Failed runs in a row after which it is paused.
    pub pause_after_failures: Option<u32>,
    /// No fire before this instant.
    pub starts_at: Option<Timestamp>,
    /// No fire from this instant on.
    pub expires_at: Option<Timestamp>,
    /// What is promised.
    pub sla: Sla,
    /// Where runs report to.
    pub heartbeat_url: Option<HeartbeatUrl>,
    /// Free labels for filtering.
    pub tags: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who to ask.
    pub owner: Option<String>,
    /// Whom its tasks ask for prices, in this order.
    pub providers: Providers,
    /// What the job `indicators` works out; absent for the other jobs.
    pub indicators: Option<Arc<IndicatorChoice>>,
}

impl Schedule {
    /// The first fire time strictly after `after`.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let instant = SignedDuration::from_nanos(1);
        let not_before = self.starts_at.and_then(|at| at.checked_sub(instant).ok());
        let after = not_before.map_or(after, |start| start.max(after));
        self.trigger
            .next_after(after, &self.timezone)
            .filter(|next| self.expires_at.is_none_or(|end| *next < end))
    }

    /// The first fire time strictly after `after` that is not on a holiday.
    pub fn next_run_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut at = after;
        for _ in 0..HOLIDAY_FIRES {
            at = self.next_after(at)?;
            if self.holiday(at).is_none() {
                return Some(at);
            }
        }
        None
    }

    /// The latest fire time in `(from, until]`, found by walking forward from ever earlier starts;
    /// `None` when there is none.
    pub fn latest_between(&self, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
        // Double the look-back until a fire is inside, so that a dense schedule costs no long walk.
        let mut back = Duration::from_secs(2);
        let mut start = until;
        while start > from {
            start = until
                .saturating_sub(crate::clock::signed(back))
                .unwrap_or(from)
                .max(from);
            if let Some(mut found) = self.next_after(start).filter(|at| *at <= until) {
                while let Some(later) = self.next_after(found).filter(|at| *at <= until) {
                    found = later;
                }
                return Some(found);
            }
            back = back.saturating_mul(2);
        }
        None
    }

    /// Whether both fire at the same instants; when those are dispatched is the jitter's affair.
    pub fn has_timing_of(&self, other: &Self) -> bool {
        self.trigger == other.trigger
            && self.timezone == other.timezone
            && self.starts_at == other.starts_at
            && self.expires_at == other.expires_at
    }

    /// When it fires, as a text that changes exactly when its planned fires do; a disabled schedule
    /// has none.
    pub fn timing(&self) -> String {
        if !self.enabled {
            return "disabled".to_owned();
        }
        let bound = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
        format!(
            "{} in {} from {} to {}",
            self.trigger,
            self.timezone_name(),
            bound(self.starts_at),
            bound(self.expires_at)
        )
    }

    /// When a fire is dispatched: its instant plus this schedule's jitter.
    pub fn dispatch_at(&self, fire: Timestamp) -> Timestamp {
        let jitter = crate::clock::signed(self.jitter_offset());
        fire.saturating_add(jitter).unwrap_or(fire)
    }

    /// Why nothing is done on the day of this fire; `None` when its calendar has a session then, or
    /// when it has no calendar.
    pub fn holiday(&self, fire: Timestamp) -> Option<String> {
        let calendar = self.calendar.as_ref()?;
        let date = calendar.date_of(fire);
        let is_closed = !calendar.has_session(date);
        is_closed.then(|| format!("{} has no session on {date}", calendar.code()))
    }

    /// The zone's IANA name.
    pub fn timezone_name(&self) -> &str {
        self.timezone.iana_name().unwrap_or("UTC")
    }

    /// This schedule's share of its jitter: the same on every host and after every restart.
    pub fn jitter_offset(&self) -> Duration {
        let span = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        if span == 0 {
            return Duration::ZERO;
        }
        // FNV-1a, 64 bit (Fowler, Noll, Vo): stable across versions, unlike std's hasher.
        let hash = self
            .id
            .as_str()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Duration::from_millis(hash % span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_name_is_short_lower_case_and_plain() {
        for good in ["us-quotes", "a", "2x", "daily_bars"] {
            assert!(ScheduleId::try_new(good).is_ok(), "{good}");
        }
        for bad in ["", "US", "-a", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(ScheduleId::try_new(bad).is_err(), "{bad}");
        }
    }
}
