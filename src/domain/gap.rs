//! Gaps: sessions of an instrument's calendar without a final bar, and when to ask for them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::provider::SETTLING;
use super::{Provider, Session, SessionCalendar};

/// Closed days are known from here on: before it every holiday would look like a gap.
pub const KNOWN_FROM: Date = jiff::civil::date(2015, 1, 1);

/// Waits before each ask. The first counts from when the gap was seen, the others from the ask
/// before: asks never come in a row because the daemon was away for a while.
const LADDER: [SignedDuration; 6] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(3 * 24),
    SignedDuration::from_hours(7 * 24),
    SignedDuration::from_hours(30 * 24),
];

/// Days looked back for a completed session: no market rests longer.
const LONGEST_REST_DAYS: usize = 30;

/// Where a gap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapState {
    /// It lacks its bar and is asked for again.
    Open,
    /// Its bar came.
    Filled,
    /// Asked for as often as the ladder has rungs: nobody traded.
    ConfirmedNoTrade,
}

impl GapState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 3] = [Self::Open, Self::Filled, Self::ConfirmedNoTrade];

    /// The name used in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Filled => "filled",
            Self::ConfirmedNoTrade => "confirmed_no_trade",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for GapState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When a gap that has been asked for `asked` times is asked for next, the last time at `now` (or
/// seen at `now`, for the first); `None` when the ladder has ended.
pub fn next_ask(asked: u32, now: Timestamp) -> Option<Timestamp> {
    let rung = LADDER.get(usize::try_from(asked).ok()?)?;
    Some(now.saturating_add(*rung).unwrap_or(Timestamp::MAX))
}

/// When a gap at the end of the ladder is asked for again, as long as a row that came for it waits
/// in quarantine: the last rung once more.
pub fn last_ask_again(now: Timestamp) -> Timestamp {
    let [.., rung] = LADDER;
    now.saturating_add(rung).unwrap_or(Timestamp::MAX)
}

/// The newest session of `calendar` that is complete at `now`, half an hour after its close; never
/// one past the days the calendar knows.
pub fn last_completed(calendar: &SessionCalendar, now: Timestamp) -> Option<Date> {
    newest(calendar, now, |session| {
        let settled = session.close.saturating_add(SETTLING);
        settled.unwrap_or(Timestamp::MAX)
    })
}

/// The newest session of `calendar` whose bar `provider` must have by `now`; never one past the
/// days the calendar knows.
pub fn last_expected(
    calendar: &SessionCalendar,
    provider: Provider,
    now: Timestamp,
) -> Option<Date> {
    newest(calendar, now, |session| provider.missed_at(session))
}

/// The newest session whose moment, as `moment` tells it, is not after `now`.
fn newest(
    calendar: &SessionCalendar,
    now: Timestamp,
    moment: impl Fn(&Session) -> Timestamp,
) -> Option<Date> {
    let is_over = |date: &Date| {
        let session = calendar.session(*date);
        session.is_some_and(|session| moment(&session) <= now)
    };
    let today = calendar.date_of(now);
    let newest = calendar.valid_through().map_or(today, |end| end.min(today));
    std::iter::successors(Some(newest), |date| date.yesterday().ok())
        .take(LONGEST_REST_DAYS)
        .find(is_over)
}

/// What a look at a series finds, against the gaps on record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GapChanges {
    /// Sessions that lack their bar and are not on record, or were thought filled.
    pub found: Vec<Date>,
    /// Gaps on record whose bar is there.
    pub filled: Vec<Date>,
    /// Gaps on record whose day is no session: the calendar was corrected.
    pub dropped: Vec<Date>,
}

impl GapChanges {
    /// Whether the record is right as it is.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.filled.is_empty() && self.dropped.is_empty()
    }
}

/// Compares the sessions of `calendar` from `from` to `to`, both included, with the dates of the
/// stored final bars and with the gaps on record.
pub fn compare(
    calendar: &SessionCalendar,
    (from, to): (Date, Date),
    stored: &[Date],
    known: &BTreeMap<Date, GapState>,
) -> GapChanges {
    let stored: BTreeSet<Date> = stored.iter().copied().collect();
    let mut changes = GapChanges::default();
    let days = std::iter::successors(Some(from), |date| date.tomorrow().ok());
    for date in days.take_while(|date| *date <= to) {
        let state = known.get(&date);
        let is_open = state.is_some_and(|state| *state != GapState::Filled);
        if stored.contains(&date) {
            if is_open {
                changes.filled.push(date);
            }
        } else if calendar.has_session(date) {
            if !is_open {
                changes.found.push(date);
            }
        } else if state.is_some() {
            changes.dropped.push(date);
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::{Day, Hours};

    fn market() -> SessionCalendar {
        let (open, close) = (time(9, 30, 0, 0), time(16, 0, 0, 0));
        let early = Hours {
            open,
            close: time(13, 0, 0, 0),
        };
        let zone = TimeZone::get("America/New_York").unwrap();
        SessionCalendar::new("TEST", zone, SessionCalendar::MONDAY_TO_FRIDAY)
            .with_regular_hours(date(2015, 1, 1), Hours { open, close })
            .with_day(date(2026, 11, 26), Day::Closed)
            .with_day(date(2026, 11, 27), Day::Open(early))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_name_is_read_back() {
        for state in GapState::ALL {
            assert_eq!(GapState::from_name(state.as_str()), Some(state));
        }
    }

    #[test]
    fn the_ladder_has_six_rungs_and_ends() {
        let seen = at("2026-11-20T22:00:00Z");
        let mut asks = Vec::new();
        let mut now = seen;
        for asked in 0.. {
            let Some(next) = next_ask(asked, now) else {
                break;
            };
            asks.push(next.duration_since(now).as_hours());
            now = next;
        }
        assert_eq!(asks, [1, 6, 24, 72, 168, 720]);
        assert_eq!(next_ask(6, now), None);
        assert_eq!(next_ask(u32::MAX, now), None);
    }

    #[test]
    fn a_session_is_complete_half_an_hour_after_its_close_early_closes_too() {
        let market = market();
        for (now, expected) in [
            ("2026-11-25T21:29:59Z", date(2026, 11, 24)),
            ("2026-11-25T21:30:00Z", date(2026, 11, 25)),
            ("2026-11-26T23:00:00Z", date(2026, 11, 25)),
            ("2026-11-27T18:29:59Z", date(2026, 11, 25)),
            ("2026-11-27T18:30:00Z", date(2026, 11, 27)),
            ("2026-11-29T12:00:00Z", date(2026, 11, 27)),
        ] {
            assert_eq!(last_completed(&market, at(now)), Some(expected), "{now}");
        }
        let ended = market.clone().with_valid_through(date(2026, 11, 24));
        let now = at("2027-03-01T12:00:00Z");
        assert_eq!(last_completed(&ended, now), Some(date(2026, 11, 24)));
        let never = SessionCalendar::new("NONE", TimeZone::UTC, []);
        assert_eq!(last_completed(&never, now), None);
    }

    #[test]
    fn a_bar_published_in_the_evening_is_not_missed_before() {
        let market = market();
        for (now, yahoo, tiingo) in [
            ("2026-11-25T21:30:00Z", 25, 24),
            ("2026-11-26T01:29:59Z", 25, 24),
            ("2026-11-26T01:30:00Z", 25, 25),
            // An early close is published no earlier.
            ("2026-11-27T18:30:00Z", 27, 25),
            ("2026-11-28T01:30:00Z", 27, 27),
        ] {
            let expected = |provider| last_expected(&market, provider, at(now));
            assert_eq!(
                expected(Provider::Yahoo),
                Some(date(2026, 11, yahoo)),
                "{now}"
            );
            assert_eq!(
                expected(Provider::Tiingo),
                Some(date(2026, 11, tiingo)),
                "{now}"
            );
        }
    }

    #[test]
    fn a_look_finds_fills_and_drops() {
        let market = market().with_day(date(2026, 11, 20), Day::Closed);
        let november = |day| date(2026, 11, day);
        let known = BTreeMap::from([
            (november(16), GapState::Open),
            (november(17), GapState::ConfirmedNoTrade),
            (november(18), GapState::Open),
            (november(19), GapState::Filled),
            (november(20), GapState::Open),
        ]);
        let stored = [16, 17, 21, 23, 25].map(november);
        let changes = compare(&market, (november(16), november(27)), &stored, &known);
        assert_eq!(changes.filled, [16, 17].map(november));
        assert_eq!(changes.found, [19, 24, 27].map(november));
        assert_eq!(changes.dropped, [november(20)]);
        assert!(compare(&market, (november(28), november(27)), &[], &known).is_empty());
    }
}
