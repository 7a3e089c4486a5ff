//! A span of time in equal parts, for curves.

use jiff::{SignedDuration, Timestamp};

/// A span of time, cut into equal parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    since: Timestamp,
    until: Timestamp,
    parts: usize,
}

impl Window {
    /// From `since` to `until`, which is later, in `parts` of a second at least.
    pub fn new(since: Timestamp, until: Timestamp, parts: usize) -> Self {
        let shortest = since.saturating_add(SignedDuration::from_secs(1));
        let until = until.max(shortest.unwrap_or(until));
        let seconds = usize::try_from(until.as_second() - since.as_second()).unwrap_or(1);
        Self {
            since,
            until,
            parts: parts.clamp(1, seconds.max(1)),
        }
    }

    /// Its beginning.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Its end.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// How many parts it has.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// When a part begins; the one after the last is the end.
    pub fn begin_of(&self, part: usize) -> Timestamp {
        let part = i128::try_from(part).unwrap_or(i128::MAX);
        let parts = i128::try_from(self.parts).unwrap_or(1);
        let ms = i128::from(self.length_ms()).saturating_mul(part) / parts;
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        let at = self.since.saturating_add(SignedDuration::from_millis(ms));
        at.unwrap_or(Timestamp::MAX)
    }

    /// The part an instant lies in; none outside the window. The end belongs to the last.
    pub fn part_of(&self, at: Timestamp) -> Option<usize> {
        if at < self.since || at > self.until {
            return None;
        }
        let passed = i128::from(at.as_millisecond() - self.since.as_millisecond());
        let parts = i128::try_from(self.parts).ok()?;
        let part = passed * parts / i128::from(self.length_ms());
        usize::try_from(part)
            .ok()
            .map(|part| part.min(self.parts - 1))
    }

    /// Length of a part in milliseconds.
    pub fn part_ms(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "milliseconds below 2^53")]
        let (length, parts) = (self.length_ms() as f64, self.parts as f64);
        length / parts
    }

    fn length_ms(&self) -> i64 {
        (self.until.as_millisecond() - self.since.as_millisecond()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_instant_lies_between_the_begins_of_its_part_and_the_next(
            length_ms in 1_000_i64..100_000_000_000,
            parts in 1_usize..500,
            share in 0.0_f64..1.0,
        ) {
            let since: Timestamp = "2026-11-22T10:00:00.123Z".parse().unwrap();
            let until = since + SignedDuration::from_millis(length_ms);
            let window = Window::new(since, until, parts);
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a share")]
            let at = since + SignedDuration::from_millis((length_ms as f64 * share) as i64);
            let part = window.part_of(at).unwrap();
            prop_assert!(part < window.parts());
            prop_assert!(window.begin_of(part) <= at);
            // Begins are rounded down to a millisecond.
            let next = window.begin_of(part + 1) + SignedDuration::from_millis(1);
            prop_assert!(at <= next);
            prop_assert_eq!(window.begin_of(window.parts()), until);
            prop_assert_eq!(window.part_of(until), Some(window.parts() - 1));
        }
    }

    #[test]
    fn what_lies_outside_has_no_part_and_no_window_is_empty() {
        let since: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let window = Window::new(since, since, 100);
        assert_eq!(window.parts(), 1);
        assert_eq!(window.part_of(since), Some(0));
        assert_eq!(window.part_of(since - SignedDuration::from_millis(1)), None);
        assert_eq!(window.part_of(since + SignedDuration::from_secs(2)), None);
        let whole = Window::new(Timestamp::MIN, Timestamp::MAX, 7);
        assert_eq!(whole.part_of(Timestamp::MAX), Some(6));
        assert_eq!(whole.begin_of(0), Timestamp::MIN);
    }
}
