//! Whether a symbol is still there: when repeated `not_found` means delisted.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// Answers `not_found` in a row before a symbol is called delisted.
const NOT_FOUND_COUNT: u32 = 5;

/// Trading days these have to be spread over.
const NOT_FOUND_DAYS: u32 = 3;

/// A symbol that is called delisted is asked for again after this long.
const DELISTED_REST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is remembered about a symbol's being there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SymbolHealth {
    /// Code of its calendar; absent when none is known.
    pub calendar: Option<String>,
    /// Answers `not_found` in a row that count.
    pub not_found_count: u32,
    /// Trading days they came on.
    pub not_found_days: u32,
    /// The last of these days.
    pub not_found_on: Option<Date>,
    /// When the first of them came.
    pub not_found_since: Option<Timestamp>,
    /// Since when it is called delisted.
    pub delisted_at: Option<Timestamp>,
    /// When it was asked for last while called delisted.
    pub asked_at: Option<Timestamp>,
}

impl SymbolHealth {
    /// What is known after `not_found` that belongs to a trading day, while the provider answered
    /// for another symbol. Without such a witness it does not count: there may be no fault of the
    /// symbol's. One that belongs to an earlier day than the last counts, but for no further day.
    #[must_use]
    pub fn after_not_found(&self, trading_date: Date, now: Timestamp) -> Self {
        let mut next = self.clone();
        if self.delisted_at.is_some() {
            return next;
        }
        next.not_found_count = self.not_found_count.saturating_add(1);
        if self.not_found_on.is_none_or(|last| last < trading_date) {
            next.not_found_days = self.not_found_days.saturating_add(1);
            next.not_found_on = Some(trading_date);
        }
        next.not_found_since = self.not_found_since.or(Some(now));
        if next.not_found_count >= NOT_FOUND_COUNT && next.not_found_days >= NOT_FOUND_DAYS {
            next.delisted_at = Some(now);
            next.asked_at = Some(now);
        }
        next
    }

    /// What is known after one that is called delisted was asked for in vain.
    #[must_use]
    pub fn after_ask(&self, now: Timestamp) -> Self {
        Self {
            asked_at: self.delisted_at.map_or(self.asked_at, |_| Some(now)),
            ..self.clone()
        }
    }

    /// What is known after an answer: it is there.
    #[must_use]
    pub fn after_answer(&self) -> Self {
        Self {
            calendar: self.calendar.clone(),
            ..Self::default()
        }
    }

    /// Whether its schedules leave it alone at `now`.
    pub fn is_resting(&self, now: Timestamp) -> bool {
        self.delisted_at.is_some()
            && self
                .asked_at
                .is_some_and(|asked| now.duration_since(asked) < DELISTED_REST)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(day: i8, hour: i8) -> Timestamp {
        let time = date(2026, 11, day).at(hour, 0, 0, 0);
        time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    }

    /// `not_found` on these days of November, in order.
    fn told(days: &[i8]) -> SymbolHealth {
        let start = SymbolHealth {
            calendar: Some("XNYS".into()),
            ..SymbolHealth::default()
        };
        days.iter().fold(start, |health, day| {
            health.after_not_found(date(2026, 11, *day), at(*day, 15))
        })
    }

    #[test]
    fn delisted_takes_five_on_three_trading_days() {
        for (days, is_delisted) in [
            (&[16, 17, 18, 19][..], false),
            (&[16, 16, 16, 16, 16, 16], false),
            (&[16, 16, 16, 17, 17, 17, 17], false),
            (&[16, 16, 16, 17, 18], true),
            (&[16, 17, 18, 18, 18], true),
            (&[16, 17, 18, 19, 20], true),
        ] {
            let health = told(days);
            assert_eq!(health.delisted_at.is_some(), is_delisted, "{days:?}");
            assert_eq!(health.not_found_count as usize, days.len());
        }
    }

    #[test]
    fn an_answer_forgets_everything_but_the_calendar() {
        let again = told(&[16, 16, 17, 17]).after_answer();
        assert_eq!(again, told(&[]));
        assert_eq!(told(&[16, 16, 16, 17, 18]).after_answer(), told(&[]));
    }

    #[test]
    fn a_delisted_symbol_rests_for_a_week_after_each_ask() {
        let health = told(&[2, 3, 4, 5, 6]);
        assert!(health.is_resting(at(6, 15)));
        assert!(health.is_resting(at(13, 14)));
        assert!(!health.is_resting(at(13, 15)));
        let again = health.after_not_found(date(2026, 11, 13), at(13, 16));
        assert_eq!(again, health, "since when stays");
        let asked = health.after_ask(at(13, 16));
        assert!(asked.is_resting(at(20, 15)) && !asked.is_resting(at(20, 16)));
        assert!(!told(&[16]).is_resting(at(16, 16)));
        assert_eq!(told(&[16]).after_ask(at(16, 16)), told(&[16]));
    }
}
