//! The axis of time.

use std::ops::Range;

use jiff::Timestamp;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// Marks on the axis of time at most.
const MOST_MARKS: i64 = 6;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 1_440 * MINUTE_MS;

/// Distances of marks on the axis of time, in minutes.
const STEPS_MIN: [i64; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 7_200, 10_080, 20_160, 43_200,
    131_040,
];

/// Time from left to right, marked at whole minutes, hours and days of UTC.
pub(super) struct TimeAxis {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl TimeAxis {
    fn length_ms(&self) -> i64 {
        (self.to_ms - self.from_ms).max(1)
    }

    fn step_ms(&self) -> i64 {
        let steps = STEPS_MIN.into_iter().map(|minutes| minutes * MINUTE_MS);
        let fits = |step: &i64| self.length_ms() / step <= MOST_MARKS;
        let years = 365 * DAY_MS;
        let of_years = (self.length_ms() / (years * MOST_MARKS) + 1) * years;
        steps.into_iter().find(fits).unwrap_or(of_years)
    }

    fn marks(&self) -> Vec<i64> {
        let step = self.step_ms();
        let first = self.from_ms.div_euclid(step) * step;
        let marks = (0..=MOST_MARKS + 1).map(|count| first + count * step);
        marks
            .filter(|at| (self.from_ms..=self.to_ms).contains(at))
            .collect()
    }
}

impl Ranged for TimeAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = i64;

    fn map(&self, value: &i64, limit: (i32, i32)) -> i32 {
        let passed = i128::from(value.saturating_sub(self.from_ms));
        let width = i128::from(limit.1) - i128::from(limit.0);
        let place = i128::from(limit.0) + width * passed / i128::from(self.length_ms());
        i32::try_from(place).unwrap_or(limit.1)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<i64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.marks()
    }

    fn range(&self) -> Range<i64> {
        self.from_ms..self.to_ms
    }
}

impl ValueFormatter<i64> for TimeAxis {
    fn format_ext(&self, value: &i64) -> String {
        let at = Timestamp::from_millisecond(*value).unwrap_or_default();
        let is_day = value.rem_euclid(DAY_MS) == 0;
        let format = if self.step_ms() >= 180 * DAY_MS {
            "%Y"
        } else if is_day {
            "%b %d"
        } else {
            "%H:%M"
        };
        at.strftime(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(length: &str) -> Vec<String> {
        let since: Timestamp = "2026-11-22T09:50:00Z".parse().unwrap();
        let until = since + length.parse::<jiff::Span>().unwrap();
        let axis = TimeAxis {
            from_ms: since.as_millisecond(),
            to_ms: until.as_millisecond(),
        };
        let marks = axis.marks();
        marks.iter().map(|at| axis.format_ext(at)).collect()
    }

    #[test]
    fn marks_are_whole_minutes_hours_or_days_and_few() {
        assert_eq!(marks("PT1M"), ["09:50", "09:51"]);
        assert_eq!(
            marks("PT1H"),
            [
                "09:50", "10:00", "10:10", "10:20", "10:30", "10:40", "10:50"
            ]
        );
        assert_eq!(
            marks("PT24H"),
            ["12:00", "18:00", "Nov 23", "06:00"],
            "a day is named at its midnight"
        );
        assert!(
            (3..=7).contains(&marks("PT720H").len()),
            "{:?}",
            marks("PT720H")
        );
        assert!(
            (4..=7).contains(&marks("PT96000H").len()),
            "{:?}",
            marks("PT96000H")
        );
    }
}
