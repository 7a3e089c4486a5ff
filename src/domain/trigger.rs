//! When a schedule fires: cron expressions, a fixed period, or moments of a market's sessions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CronExpr, ScheduleId, SessionCalendar, SessionMoment, format_span};

/// What makes a schedule fire.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// The union of one or more cron expressions; an instant two of them name fires once.
    Cron(Vec<CronExpr>),
    /// Every `period`, aligned to the Unix epoch plus `offset`: the same instants after a restart
    /// and on every host. Zones do not matter to it.
    Every {
        /// Time between two fires; at least one second.
        period: Duration,
        /// Shift against the epoch; less than `period`.
        offset: Duration,
    },
    /// Moments of a market's sessions; a day without one has none, and early closes are followed.
    Session {
        /// The moments.
        moments: Vec<SessionMoment>,
        /// The market's calendar.
        calendar: Arc<SessionCalendar>,
    },
    /// The end of a run of another schedule that may have done something; its fire has the instant
    /// that run was planned for. It has no instants of its own.
    After(ScheduleId),
}

impl Trigger {
    /// The first fire time strictly after `after`; `None` past the end of the calendar.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Cron(list) => list
                .iter()
                .filter_map(|cron| cron.next_after(after, zone))
                .min(),
            Self::Every { period, offset } => {
                let (period, offset) = (nanos(*period)?, nanos(*offset)?);
                let steps = (after.as_nanosecond() - offset).div_euclid(period) + 1;
                Timestamp::from_nanosecond(steps * period + offset).ok()
            }
            Self::Session { moments, calendar } => moments
                .iter()
                .filter_map(|moment| moment.next_after(calendar, after))
                .min(),
            Self::After(_) => None,
        }
    }

    /// The schedule it runs after, when it does.
    pub fn leader(&self) -> Option<&ScheduleId> {
        match self {
            Self::After(leader) => Some(leader),
            Self::Cron(_) | Self::Every { .. } | Self::Session { .. } => None,
        }
    }
}

fn nanos(duration: Duration) -> Option<i128> {
    i128::try_from(duration.as_nanos()).ok()
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(list) => {
                let texts: Vec<&str> = list.iter().map(CronExpr::as_str).collect();
                f.pad(&texts.join(" | "))
            }
            Self::Every { period, offset } if offset.is_zero() => {
                f.pad(&format!("every {}", format_span(*period)))
            }
            Self::Every { period, offset } => f.pad(&format!(
                "every {} + {}",
                format_span(*period),
                format_span(*offset)
            )),
            Self::Session { moments, calendar } => {
                let texts: Vec<String> = moments.iter().map(ToString::to_string).collect();
                f.pad(&format!("{} of {}", texts.join(" | "), calendar.code()))
            }
            Self::After(leader) => f.pad(&format!("after {leader}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(period_s: u64, offset_s: u64) -> Trigger {
        Trigger::Every {
            period: Duration::from_secs(period_s),
            offset: Duration::from_secs(offset_s),
        }
    }

    fn next(trigger: &Trigger, after: &str) -> String {
        trigger
            .next_after(after.parse().unwrap(), &TimeZone::UTC)
            .unwrap()
            .to_string()
    }

    #[test]
    fn every_is_aligned_to_the_epoch_and_strictly_after() {
        assert_eq!(
            next(&every(900, 0), "2026-01-01T00:07:00Z"),
            "2026-01-01T00:15:00Z"
        );
        assert_eq!(
            next(&every(900, 0), "2026-01-01T00:15:00Z"),
            "2026-01-01T00:30:00Z"
        );
        assert_eq!(
            next(&every(900, 60), "2026-01-01T00:15:00Z"),
            "2026-01-01T00:16:00Z"
        );
        assert_eq!(
            next(&every(60, 0), "1969-12-31T23:58:30Z"),
            "1969-12-31T23:59:00Z"
        );
    }

    #[test]
    fn a_list_of_crons_is_a_union() {
        let crons = ["0 9 * * *", "0 9,10 * * *"].map(|c| CronExpr::try_new(c).unwrap());
        let trigger = Trigger::Cron(crons.to_vec());
        assert_eq!(
            next(&trigger, "2026-01-01T08:00:00Z"),
            "2026-01-01T09:00:00Z"
        );
        assert_eq!(
            next(&trigger, "2026-01-01T09:00:00Z"),
            "2026-01-01T10:00:00Z"
        );
    }
}
