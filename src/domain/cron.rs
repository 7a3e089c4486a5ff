//! A cron expression and the instants it means in a zone.
//!
//! croner reads the expression and searches the *civil* calendar (in UTC, where nothing repeats and
//! nothing is skipped); the mapping from civil time to instants, where daylight saving lives, is
//! done here, one stretch of constant offset at a time:
//!
//! - a **fixed time** (minute and hour written as plain numbers or lists of them) inside a gap
//!   fires at the first instant after the gap, inside a repeated hour in the first pass only;
//! - anything with `*`, a range or a step fires at every real matching instant.

use std::fmt;
use std::sync::Arc;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Stretches of constant offset searched before giving up: 500 years of two changes each.
const MAX_STRETCHES: usize = 1_000;

/// A parsed cron expression: 5 fields, or 6 with seconds first, or a nickname such as `@daily`.
#[derive(Clone)]
pub struct CronExpr {
    text: Arc<str>,
    cron: Arc<Cron>,
    fixed_time: bool,
}

/// Why a text is not a usable cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not 5 or 6 fields.
    #[error(
        "cron `{text}` has {found} fields; write 5 (minute hour day month weekday) or 6 with seconds first"
    )]
    FieldCount {
        /// The expression as written.
        text: String,
        /// How many fields it has.
        found: usize,
    },
    /// A field that cannot be read.
    #[error("cron `{text}` cannot be read: {reason}")]
    Syntax {
        /// The expression as written.
        text: String,
        /// What the parser says.
        reason: String,
    },
    /// A date that never comes, such as 30 February.
    #[error("cron `{0}` never matches any date")]
    NeverMatches(String),
}

impl CronExpr {
    /// Parses an expression and proves that it matches at least once.
    pub fn try_new(text: &str) -> Result<Self, CronError> {
        let expanded = expand_nickname(text.trim());
        let fields: Vec<&str> = expanded.split_ascii_whitespace().collect();
        let time_fields = match fields.len() {
            5 => fields.get(..2),
            6 => fields.get(..3),
            found => {
                return Err(CronError::FieldCount {
                    text: text.to_owned(),
                    found,
                });
            }
        };
        // croner reads `0,,30` as `0,30`; a typing mistake should not pass for a schedule.
        if let Some(field) = fields
            .iter()
            .find(|field| field.split(',').any(str::is_empty))
        {
            let reason = format!("`{field}` has an empty list item");
            return Err(CronError::Syntax {
                text: text.to_owned(),
                reason,
            });
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(expanded).map_err(|error| CronError::Syntax {
            text: text.to_owned(),
            reason: error.to_string().trim_end_matches('.').to_owned(),
        })?;
        let fixed_time = time_fields
            .unwrap_or_default()
            .iter()
            .all(|field| is_list(field));
        let expr = Self {
            text: text.trim().into(),
            cron: Arc::new(cron),
            fixed_time,
        };
        if expr
            .next_civil(DateTime::constant(2000, 1, 1, 0, 0, 0, 0))
            .is_none()
        {
            return Err(CronError::NeverMatches(text.to_owned()));
        }
        Ok(expr)
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names fixed times of the day (see the module's rule).
    pub fn is_fixed_time(&self) -> bool {
        self.fixed_time
    }

    /// The expression in English.
    pub fn describe(&self) -> String {
        self.cron.describe().trim_end_matches('.').to_owned()
    }

    /// The first instant strictly after `after` that the expression means in `zone`; `None` past
    /// the end of the calendar.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut at = next_whole_second(after)?;
        for _ in 0..MAX_STRETCHES {
            let stretch = Stretch::containing(zone, at);
            if self.fires_for_the_gap_before(&stretch, at) {
                return Some(at);
            }
            let mut local = stretch.offset.to_datetime(at);
            if let (true, Some(repeated_until)) = (self.fixed_time, stretch.repeated_until()) {
                local = local.max(repeated_until);
            }
            let found = self.next_civil(local)?;
            let instant = stretch.offset.to_timestamp(found).ok()?;
            let Some(end) = stretch.end.filter(|end| *end <= instant) else {
                return Some(instant);
            };
            // Not straight to `found`: where the clock is turned back, earlier times come again.
            at = end;
        }
        None
    }

    /// Whether `at` is the first instant after a gap that swallowed one of our fixed times.
    fn fires_for_the_gap_before(&self, stretch: &Stretch, at: Timestamp) -> bool {
        match (self.fixed_time, stretch.skipped(), stretch.start) {
            (true, Some((from, to)), Some(start)) if start == at => {
                self.next_civil(from).is_some_and(|found| found < to)
            }
            _ => false,
        }
    }

    /// The first civil time at or after `from` that matches, ignoring zones.
    fn next_civil(&self, from: DateTime) -> Option<DateTime> {
        let from = from.to_zoned(TimeZone::UTC).ok()?;
        self.cron
            .find_next_occurrence(&from, true)
            .ok()
            .map(|found| found.datetime())
    }
}

/// A stretch of time in which a zone keeps one offset.
struct Stretch {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    offset: Offset,
    offset_before: Option<Offset>,
}

impl Stretch {
    fn containing(zone: &TimeZone, at: Timestamp) -> Self {
        let just_after = at
            .saturating_add(SignedDuration::from_nanos(1))
            .unwrap_or(at);
        let start = zone
            .preceding(just_after)
            .next()
            .map(|change| change.timestamp());
        let offset_before = start.map(|start| {
            let before = start
                .saturating_sub(SignedDuration::from_nanos(1))
                .unwrap_or(start);
            zone.to_offset(before)
        });
        let end = zone.following(at).next().map(|change| change.timestamp());
        Self {
            start,
            end,
            offset: zone.to_offset(at),
            offset_before,
        }
    }

    /// Local times before and after the change that opened this stretch.
    fn opening(&self) -> Option<(DateTime, DateTime)> {
        let (start, before) = (self.start?, self.offset_before?);
        Some((before.to_datetime(start), self.offset.to_datetime(start)))
    }

    /// The local times `[from, to)` that the clock jumped over.
    fn skipped(&self) -> Option<(DateTime, DateTime)> {
        self.opening().filter(|(before, after)| before < after)
    }

    /// The local time until which this stretch repeats the one before.
    fn repeated_until(&self) -> Option<DateTime> {
        self.opening()
            .filter(|(before, after)| before > after)
            .map(|(before, _)| before)
    }
}

fn next_whole_second(after: Timestamp) -> Option<Timestamp> {
    let floor = after.as_nanosecond().div_euclid(1_000_000_000);
    Timestamp::from_second(i64::try_from(floor).ok()?.checked_add(1)?).ok()
}

fn is_list(field: &str) -> bool {
    field
        .split(',')
        .all(|item| !item.is_empty() && item.bytes().all(|b| b.is_ascii_digit()))
}

fn expand_nickname(text: &str) -> &str {
    match text.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => text,
    }
}

impl fmt::Debug for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CronExpr({})", self.text)
    }
}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq for CronExpr {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let expr = CronExpr::try_new(cron).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        (0..count)
            .map(|_| {
                at = expr.next_after(at, &zone).unwrap();
                at.to_string()
            })
            .collect()
    }

    #[test]
    fn half_past_nine_stays_half_past_nine_across_the_spring_change() {
        assert_eq!(
            fires(
                "30 9 * * MON-FRI",
                "America/New_York",
                "2026-03-06T00:00:00Z",
                2
            ),
            ["2026-03-06T14:30:00Z", "2026-03-09T13:30:00Z"]
        );
    }

    #[test]
    fn a_fixed_time_in_the_gap_fires_at_the_first_instant_after_it() {
        assert_eq!(
            fires(
                "0,30 2 * * *",
                "America/New_York",
                "2026-03-08T05:00:00Z",
                2
            ),
            ["2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"],
            "one fire for both swallowed times"
        );
    }

    #[test]
    fn a_fixed_time_or_a_list_in_the_repeated_hour_fires_in_the_first_pass_only() {
        assert_eq!(
            fires(
                "0,30 1,2 * * *",
                "America/New_York",
                "2026-11-01T05:00:00Z",
                4
            ),
            [
                "2026-11-01T05:30:00Z",
                "2026-11-01T07:00:00Z",
                "2026-11-01T07:30:00Z",
                "2026-11-02T06:00:00Z"
            ]
        );
    }

    #[test]
    fn a_wildcard_fires_at_every_real_instant_of_the_repeated_hour() {
        assert_eq!(
            fires(
                "*/30 1 * * *",
                "America/New_York",
                "2026-11-01T04:59:59Z",
                5
            ),
            [
                "2026-11-01T05:00:00Z",
                "2026-11-01T05:30:00Z",
                "2026-11-01T06:00:00Z",
                "2026-11-01T06:30:00Z",
                "2026-11-02T06:00:00Z"
            ]
        );
    }

    #[test]
    fn a_wildcard_fires_in_both_passes_of_an_hour_repeated_across_midnight() {
        assert_eq!(
            fires("30 * 14 * *", "Africa/Khartoum", "1978-10-14T20:00:00Z", 3),
            [
                "1978-10-14T20:30:00Z",
                "1978-10-14T21:30:00Z",
                "1978-11-13T22:30:00Z"
            ],
            "00:00 on the 15th became 23:00 on the 14th once more"
        );
    }

    #[test]
    fn a_day_that_never_was_fires_at_the_first_instant_after_it() {
        assert_eq!(
            fires("0 12 30 12 *", "Pacific/Apia", "2011-01-01T00:00:00Z", 1),
            ["2011-12-30T10:00:00Z"]
        );
    }

    #[test]
    fn a_fraction_of_a_second_never_makes_a_fire_early_or_double() {
        let expr = CronExpr::try_new("* * * * * *").unwrap();
        let next = |from: &str| {
            expr.next_after(from.parse().unwrap(), &TimeZone::UTC)
                .unwrap()
                .to_string()
        };
        assert_eq!(next("2026-01-01T00:00:00.999Z"), "2026-01-01T00:00:01Z");
        assert_eq!(next("1969-12-31T23:59:58.5Z"), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn an_impossible_or_unreadable_expression_is_refused() {
        assert_eq!(
            CronExpr::try_new("0 0 30 2 *"),
            Err(CronError::NeverMatches("0 0 30 2 *".into()))
        );
        assert!(matches!(
            CronExpr::try_new("61 * * * *"),
            Err(CronError::Syntax { .. })
        ));
        assert!(matches!(
            CronExpr::try_new("* * * *"),
            Err(CronError::FieldCount { found: 4, .. })
        ));
        assert!(matches!(
            CronExpr::try_new(""),
            Err(CronError::FieldCount { found: 0, .. })
        ));
        assert!(matches!(
            CronExpr::try_new("0,,30 * * * *"),
            Err(CronError::Syntax { .. })
        ));
        assert!(CronExpr::try_new("0 0 29 2 *").is_ok());
    }
}
