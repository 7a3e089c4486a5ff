//! The oracle's own reading of a cron pattern: one bit per value, nothing shared with croner.
//!
//! A day matches when its day of the month **or** its weekday does, if both are restricted; only a
//! bare `*` (or `?`) leaves a field unrestricted. That is what croner 4 documents ("a `*` field is
//! ignored"). Vixie cron looks at the first character only, so `*/2` counts as `*` there.

use super::walk::Wall;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[derive(Clone)]
pub(super) struct Pattern {
    pub(super) text: String,
    /// Seconds, minutes and hours are plain numbers or lists of them.
    pub(super) fixed_time: bool,
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Self {
        let upper = text.to_ascii_uppercase();
        let mut fields: Vec<&str> = upper.split_whitespace().collect();
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        let [seconds, minutes, hours, days, months, weekdays] = fields[..] else {
            panic!("the generator writes 5 or 6 fields, not `{text}`");
        };
        let mut weekday_bits = bits(weekdays, 0, 7, &WEEKDAYS, 0);
        weekday_bits |= weekday_bits >> 7;
        Self {
            text: text.to_owned(),
            fixed_time: [seconds, minutes, hours].into_iter().all(is_plain),
            seconds: bits(seconds, 0, 59, &[], 0),
            minutes: bits(minutes, 0, 59, &[], 0),
            hours: bits(hours, 0, 23, &[], 0),
            days: bits(days, 1, 31, &[], 0),
            months: bits(months, 1, 12, &MONTHS, 1),
            weekdays: weekday_bits,
            any_day: matches!(days, "*" | "?"),
            any_weekday: matches!(weekdays, "*" | "?"),
        }
    }

    pub(super) fn matches(&self, wall: &Wall) -> bool {
        self.minutes >> wall.minute & 1 == 1
            && self.hours >> wall.hour & 1 == 1
            && self.seconds >> wall.second & 1 == 1
            && self.matches_date(wall.month, wall.day, wall.weekday)
    }

    /// `weekday` counts from Sunday, 0.
    pub(super) fn matches_date(&self, month: i8, day: i8, weekday: i8) -> bool {
        let day_matches = self.days >> day & 1 == 1;
        let weekday_matches = self.weekdays >> weekday & 1 == 1;
        let date_matches = match (self.any_day, self.any_weekday) {
            (true, true) => true,
            (true, false) => weekday_matches,
            (false, true) => day_matches,
            (false, false) => day_matches || weekday_matches,
        };
        self.months >> month & 1 == 1 && date_matches
    }
}

fn is_plain(field: &str) -> bool {
    field
        .chars()
        .all(|letter| letter.is_ascii_digit() || letter == ',')
}

/// The set of values of one field, as bits.
fn bits(field: &str, lowest: u64, highest: u64, names: &[&str], first_name: u64) -> u64 {
    let value = |text: &str| -> u64 {
        match names.iter().position(|name| *name == text) {
            Some(position) => u64::try_from(position).unwrap() + first_name,
            None => text.parse().expect("a number or a name"),
        }
    };
    let mut set = 0;
    for item in field.split(',') {
        let (range, step) = item.split_once('/').unwrap_or((item, "1"));
        let (from, to) = match range.split_once('-') {
            // A range that ends on Sunday ends on 7, not on 0.
            Some((from, "SUN")) => (value(from), 7),
            Some((from, to)) => (value(from), value(to)),
            None if matches!(range, "*" | "?") => (lowest, highest),
            None => (value(range), value(range)),
        };
        assert!(lowest <= from && from <= to && to <= highest, "{field}");
        for each in (from..=to).step_by(step.parse().unwrap()) {
            set |= 1 << each;
        }
    }
    set
}

#[test]
fn the_oracle_reads_patterns_as_a_person_would() {
    let wall = |text: &str| Wall::of(text.parse().unwrap());
    for (pattern, text, expected) in [
        ("30 9 * * MON-FRI", "2026-03-06T09:30", true),
        ("30 9 * * MON-FRI", "2026-03-07T09:30", false),
        ("30 9 * * mon-sun", "2026-03-08T09:30", true),
        ("30 9 * * 7", "2026-03-08T09:30", true),
        ("*/20 1-5/2 * * *", "2026-03-08T03:40", true),
        ("*/20 1-5/2 * * *", "2026-03-08T04:40", false),
        ("0 0 1 * MON", "2026-03-01T00:00", true),
        ("0 0 1 * MON", "2026-03-02T00:00", true),
        ("0 0 1 * MON", "2026-03-03T00:00", false),
        ("0 0 1 JAN,mar ?", "2026-03-01T00:00", true),
        ("0 0 1 JAN,mar ?", "2026-02-01T00:00", false),
        ("15 0 0 * * *", "2026-02-01T00:00:15", true),
        ("0 0 * * *", "2026-02-01T00:00:15", false),
    ] {
        assert_eq!(
            Pattern::parse(pattern).matches(&wall(text)),
            expected,
            "{pattern} at {text}"
        );
    }
    assert!(Pattern::parse("0,30 1,02 * * *").fixed_time);
    assert!(!Pattern::parse("0,30 1-2 * * *").fixed_time);
    assert!(!Pattern::parse("* 0 1 * * *").fixed_time);
}
