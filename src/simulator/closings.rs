//! When an exchange is closed on a weekday or closes early, as far as the embedded calendars know.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::market::day_number;
use crate::calendar::Book;
use crate::domain::{KNOWN_FROM, SessionCalendar};

/// The exceptions of a market: none for one whose exchange is not known. Outside the years its
/// calendar reaches every weekday is a session.
#[derive(Debug, Default)]
pub(super) struct Closings {
    /// Weekdays without a session, counted from 1970 (Thursday the 1st of January is 3), in order.
    closed: Vec<i32>,
    /// Closes before the usual hour: seconds after local midnight, by day since 1970.
    early: BTreeMap<i32, i64>,
}

/// The number of the first weekday on or after a day.
fn weekday_from(day: i32) -> i32 {
    let since_monday = day + 3; // 1970-01-01 was a Thursday
    since_monday.div_euclid(7) * 5 + since_monday.rem_euclid(7).min(5)
}

/// The day of a weekday's number.
fn day_of_weekday(weekday: i32) -> i32 {
    weekday.div_euclid(5) * 7 + weekday.rem_euclid(5) - 3
}

impl Closings {
    /// Those of the market an instrument of this type, exchange and zone trades at.
    pub(super) fn of(instrument: &str, exchange: &str, zone: &str) -> Self {
        let book = Book::default();
        let calendar = book.of_instrument(Some(instrument), Some(exchange), zone);
        let known = calendar.and_then(|calendar| Some((calendar.valid_through()?, calendar)));
        known.map_or_else(Self::default, |(through, calendar)| {
            Self::until(through, &calendar)
        })
    }

    fn until(through: Date, calendar: &SessionCalendar) -> Self {
        let mut closings = Self::default();
        let dates = std::iter::successors(Some(KNOWN_FROM), |date| date.tomorrow().ok());
        for date in dates.take_while(|date| *date <= through) {
            let day = day_number(date);
            if day_of_weekday(weekday_from(day)) != day {
                continue;
            }
            match calendar.hours(date) {
                None => closings.closed.push(weekday_from(day)),
                Some(hours) if calendar.is_early_close(date) => {
                    let close_s = i64::from(hours.close.hour()) * 3_600
                        + i64::from(hours.close.minute()) * 60;
                    closings.early.insert(day, close_s);
                }
                Some(_) => {}
            }
        }
        closings
    }

    /// Number of the first session on or after a day (days and sessions both count from 1970).
    pub(super) fn session_from(&self, day: i32) -> i32 {
        let weekday = weekday_from(day);
        weekday - count(self.closed.partition_point(|closed| *closed < weekday))
    }

    /// The day a session is held on.
    pub(super) fn day_of(&self, session: i32) -> i32 {
        // Before the closed weekday in place `n` lie `closed - n` sessions.
        let mut before = 0;
        let mut after = self.closed.len();
        while before < after {
            let middle = before.midpoint(after);
            let closed = self.closed.get(middle).copied().unwrap_or(i32::MAX);
            if closed - count(middle) <= session {
                before = middle + 1;
            } else {
                after = middle;
            }
        }
        day_of_weekday(session + count(before))
    }

    /// The early close of a day, if it has one.
    pub(super) fn early_close_s(&self, day: i32) -> Option<i64> {
        self.early.get(&day).copied()
    }
}

/// A number of weekdays.
fn count(weekdays: usize) -> i32 {
    i32::try_from(weekdays).unwrap_or(i32::MAX / 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::market;

    #[test]
    fn sessions_are_those_of_the_calendar_in_order_without_holes() {
        for (instrument, exchange, zone, code) in [
            ("EQUITY", "NMS", "America/New_York", "XNYS"),
            ("INDEX", "SNP", "America/New_York", "XNYS"),
            ("EQUITY", "KSC", "Asia/Seoul", "XKRX"),
            ("EQUITY", "LSE", "Europe/London", "XLON"),
        ] {
            let (closings, calendar) = (Closings::of(instrument, exchange, zone), market(code));
            let calendar = calendar.unwrap();
            let first = closings.session_from(day_number(KNOWN_FROM));
            let mut session = first;
            let mut date = KNOWN_FROM;
            while date <= calendar.valid_through().unwrap() {
                let day = day_number(date);
                assert_eq!(closings.session_from(day), session, "{code} {date}");
                if calendar.has_session(date) && weekday_from(day) != weekday_from(day + 1) {
                    assert_eq!(closings.day_of(session), day, "{code} {date}");
                    session += 1;
                }
                date = date.tomorrow().unwrap();
            }
            assert!(session - first > 3_000, "{code}");
        }
    }

    #[test]
    fn a_market_nobody_knows_has_every_weekday() {
        let none = Closings::of("FUTURE", "CMX", "America/New_York");
        let christmas = day_number(Date::constant(2026, 12, 25));
        assert_eq!(none.day_of(none.session_from(christmas)), christmas);
        let us = Closings::of("EQUITY", "NMS", "America/New_York");
        assert_eq!(us.day_of(us.session_from(christmas)), christmas + 3);
        let eve = day_number(Date::constant(2026, 12, 24));
        assert_eq!(us.early_close_s(eve), Some(13 * 3_600));
        assert_eq!(us.early_close_s(eve - 1), None);
    }
}
