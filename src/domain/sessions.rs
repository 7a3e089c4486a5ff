//! A market's calendar: on which dates it trades, and from when to when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

/// Dates searched for the next session before giving up: five years.
const MAX_SEARCH_DAYS: usize = 1_830;

/// When a session opens and closes, on the wall clock of its market.
///
/// With `open >= close` the session opens on the evening before its date: 17:00–17:00 is the
/// 24 hours that end at 17:00 of the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// First moment of trading.
    pub open: Time,
    /// Last moment of trading, on the session's date.
    pub close: Time,
}

impl Hours {
    /// Whether the session opens on the evening before its date.
    pub fn opens_the_evening_before(&self) -> bool {
        self.open >= self.close
    }
}

/// What a calendar says about a date that is not as its weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// No session.
    Closed,
    /// A session at these hours, on whatever weekday.
    Open(Hours),
}

/// One trading day of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The trading date, which the prices carry.
    pub date: Date,
    /// When trading begins.
    pub open: Timestamp,
    /// When trading ends.
    pub close: Timestamp,
}

/// The dates and hours at which a market trades.
///
/// A date has a session on the calendar's weekdays at its regular hours, unless it is listed
/// otherwise. Past `valid_through` no exception is known and every weekday counts as a session:
/// to fire on a holiday is better than to be silent on a trading day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCalendar {
    code: String,
    zone: TimeZone,
    /// One bit per weekday, Monday lowest.
    weekdays: u8,
    regular: BTreeMap<Date, Hours>,
    days: BTreeMap<Date, Day>,
    valid_through: Option<Date>,
}

impl SessionCalendar {
    /// The days on which most markets trade.
    pub const MONDAY_TO_FRIDAY: [Weekday; 5] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
    ];

    /// A calendar that has no session until hours are given to it.
    pub fn new(
        code: impl Into<String>,
        zone: TimeZone,
        weekdays: impl IntoIterator<Item = Weekday>,
    ) -> Self {
        Self {
            code: code.into(),
            zone,
            weekdays: bits(weekdays),
            regular: BTreeMap::new(),
            days: BTreeMap::new(),
            valid_through: None,
        }
    }

    /// The same calendar under another name.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// Trades on these weekdays instead.
    #[must_use]
    pub fn with_weekdays(mut self, weekdays: impl IntoIterator<Item = Weekday>) -> Self {
        self.weekdays = bits(weekdays);
        self
    }

    /// Trades at these hours from a date on, until the next such date. The earliest hours hold for
    /// the time before them, too.
    #[must_use]
    pub fn with_regular_hours(mut self, valid_from: Date, hours: Hours) -> Self {
        self.regular.insert(valid_from, hours);
        self
    }

    /// Says what a single date is like; the last word on a date counts.
    #[must_use]
    pub fn with_day(mut self, date: Date, day: Day) -> Self {
        self.days.insert(date, day);
        self
    }

    /// The last date up to which closed days and unusual hours are known.
    #[must_use]
    pub fn with_valid_through(mut self, date: Date) -> Self {
        self.valid_through = Some(date);
        self
    }

    /// The market's code, ISO 10383 where it has one.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The zone of the market's wall clock.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The last date up to which closed days are known; `None` where there is no such limit.
    pub fn valid_through(&self) -> Option<Date> {
        self.valid_through
    }

    /// The hours of an ordinary session around `date`.
    pub fn regular_hours(&self, date: Date) -> Option<Hours> {
        let era = self.regular.range(..=date).next_back();
        era.or_else(|| self.regular.first_key_value())
            .map(|(_, hours)| *hours)
    }

    /// The hours of the session of `date`; `None` when there is none.
    pub fn hours(&self, date: Date) -> Option<Hours> {
        match self.days.get(&date) {
            Some(Day::Closed) => None,
            Some(Day::Open(hours)) => Some(*hours),
            None if self.weekdays & bit(date.weekday()) == 0 => None,
            None => self.regular_hours(date),
        }
    }

    /// Whether there is a session on `date`.
    pub fn has_session(&self, date: Date) -> bool {
        self.hours(date).is_some()
    }

    /// Whether the session of `date` ends before its regular hour.
    pub fn is_early_close(&self, date: Date) -> bool {
        let both = self.hours(date).zip(self.regular_hours(date));
        both.is_some_and(|(hours, regular)| hours.close < regular.close)
    }

    /// The session of `date`; `None` when there is none.
    ///
    /// A wall-clock time that a change of the clock skips counts as much later as the clock was
    /// turned; one that it repeats is the first of the two.
    pub fn session(&self, date: Date) -> Option<Session> {
        let hours = self.hours(date)?;
        let opens_on = if hours.opens_the_evening_before() {
            date.yesterday().ok()?
        } else {
            date
        };
        Some(Session {
            date,
            open: self.instant(opens_on, hours.open)?,
            close: self.instant(date, hours.close)?,
        })
    }

    /// The first session whose date is later than `after`; `None` when five years have none.
    pub fn next_session(&self, after: Date) -> Option<Session> {
        self.sessions_after(after).next()
    }

    /// The sessions of the five years behind `after`.
    pub(super) fn sessions_after(&self, after: Date) -> impl Iterator<Item = Session> {
        let dates = std::iter::successors(after.tomorrow().ok(), |date| date.tomorrow().ok());
        dates
            .take(MAX_SEARCH_DAYS)
            .filter_map(|date| self.session(date))
    }

    /// The trading date an instant belongs to: its local date, or the next day's once an evening
    /// session has opened. There need not be a session on it.
    pub fn date_of(&self, at: Timestamp) -> Date {
        let today = self.local_date(at);
        let tomorrow = today.tomorrow().ok();
        let opened = tomorrow
            .and_then(|date| self.session(date))
            .filter(|session| session.open <= at);
        opened.map_or(today, |session| session.date)
    }

    /// The date on the market's wall calendar.
    pub(super) fn local_date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    fn instant(&self, date: Date, time: Time) -> Option<Timestamp> {
        let local = date.to_datetime(time);
        self.zone.to_ambiguous_timestamp(local).compatible().ok()
    }
}

fn bits(weekdays: impl IntoIterator<Item = Weekday>) -> u8 {
    weekdays
        .into_iter()
        .fold(0, |set, weekday| set | bit(weekday))
}

fn bit(weekday: Weekday) -> u8 {
    1 << weekday.to_monday_zero_offset()
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn hours(open: i8, close: i8) -> Hours {
        Hours {
            open: time(open, 0, 0, 0),
            close: time(close, 0, 0, 0),
        }
    }

    fn calendar(zone: &str, open: i8, close: i8) -> SessionCalendar {
        let zone = TimeZone::get(zone).unwrap();
        SessionCalendar::new("TEST", zone, SessionCalendar::MONDAY_TO_FRIDAY)
            .with_regular_hours(date(2015, 1, 1), hours(open, close))
    }

    fn told(session: Option<Session>) -> String {
        session.map_or("none".to_owned(), |session| {
            format!("{}: {} to {}", session.date, session.open, session.close)
        })
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_weekday_has_a_session_unless_it_is_listed_otherwise() {
        let market = calendar("America/New_York", 9, 16)
            .with_day(date(2026, 11, 26), Day::Closed)
            .with_day(date(2026, 11, 27), Day::Open(hours(9, 13)))
            .with_day(date(2026, 11, 28), Day::Open(hours(10, 12)));
        for (day, expected) in [
            (
                25,
                "2026-11-25: 2026-11-25T14:00:00Z to 2026-11-25T21:00:00Z",
            ),
            (26, "none"),
            (
                27,
                "2026-11-27: 2026-11-27T14:00:00Z to 2026-11-27T18:00:00Z",
            ),
            (
                28,
                "2026-11-28: 2026-11-28T15:00:00Z to 2026-11-28T17:00:00Z",
            ),
            (29, "none"),
        ] {
            let date = date(2026, 11, day);
            assert_eq!(told(market.session(date)), expected);
            assert_eq!(market.has_session(date), expected != "none");
            assert_eq!(market.is_early_close(date), matches!(day, 27 | 28));
        }
    }

    #[test]
    fn hours_hold_from_their_date_on_and_the_first_before_it() {
        let market =
            calendar("Asia/Tokyo", 9, 15).with_regular_hours(date(2024, 11, 5), hours(9, 16));
        for (day, close) in [
            (date(2010, 1, 4), 15),
            (date(2024, 11, 4), 15),
            (date(2024, 11, 5), 16),
            (date(2040, 1, 3), 16),
        ] {
            assert_eq!(market.hours(day), Some(hours(9, close)), "{day}");
            assert!(!market.is_early_close(day));
        }
    }

    #[test]
    fn a_calendar_without_hours_or_weekdays_has_no_session_and_says_so_soon() {
        let none = SessionCalendar::new("NONE", TimeZone::UTC, SessionCalendar::MONDAY_TO_FRIDAY);
        assert_eq!(none.next_session(date(2026, 1, 1)), None);
        let only = calendar("UTC", 9, 16)
            .with_weekdays([])
            .with_day(date(2029, 1, 1), Day::Open(hours(1, 2)));
        let next = only.next_session(date(2026, 1, 1)).unwrap();
        assert_eq!(next.date, date(2029, 1, 1));
        assert_eq!(only.next_session(next.date), None);
        assert_eq!(only.next_session(Date::MAX), None);
    }

    #[test]
    fn an_evening_session_opens_before_its_date_and_owns_the_evening() {
        let futures = calendar("America/Chicago", 17, 17);
        assert_eq!(
            told(futures.session(date(2026, 3, 9))),
            "2026-03-09: 2026-03-08T22:00:00Z to 2026-03-09T22:00:00Z"
        );
        for (instant, expected) in [
            ("2026-03-06T22:59:59Z", date(2026, 3, 6)),
            // Friday evening: no session opens, so the date is the local one.
            ("2026-03-06T23:00:00Z", date(2026, 3, 6)),
            ("2026-03-08T21:59:59Z", date(2026, 3, 8)),
            ("2026-03-08T22:00:00Z", date(2026, 3, 9)),
            ("2026-03-09T21:59:59Z", date(2026, 3, 9)),
            ("2026-03-09T22:00:00Z", date(2026, 3, 10)),
        ] {
            assert_eq!(futures.date_of(at(instant)), expected, "{instant}");
        }
        let day_market = calendar("America/Chicago", 9, 16);
        assert_eq!(
            day_market.date_of(at("2026-03-10T04:59:59Z")),
            date(2026, 3, 9)
        );
    }

    #[test]
    fn a_skipped_opening_time_moves_on_and_a_repeated_one_is_the_first() {
        let sundays = calendar("America/New_York", 2, 4).with_weekdays([Weekday::Sunday]);
        assert_eq!(
            told(sundays.session(date(2026, 3, 8))),
            "2026-03-08: 2026-03-08T07:00:00Z to 2026-03-08T08:00:00Z"
        );
        let sundays = calendar("America/New_York", 1, 4).with_weekdays([Weekday::Sunday]);
        assert_eq!(
            told(sundays.session(date(2026, 11, 1))),
            "2026-11-01: 2026-11-01T05:00:00Z to 2026-11-01T09:00:00Z"
        );
    }

    #[test]
    fn past_its_last_known_date_a_calendar_assumes_ordinary_weekdays() {
        let market = calendar("Asia/Tokyo", 9, 15).with_valid_through(date(2028, 12, 31));
        assert_eq!(market.valid_through(), Some(date(2028, 12, 31)));
        assert!(market.has_session(date(2029, 1, 1)));
        assert!(!market.has_session(date(2029, 1, 6)));
    }
}
