//! A moment told by a session: `open`, `open+5m`, `close-10m`.

use std::fmt;

use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{Session, SessionCalendar, parse_span};

/// Offsets reach less far than this, so that a moment stays near its session.
const OFFSET_LIMIT: SignedDuration = SignedDuration::from_hours(24);

/// The end of a session a moment is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// When trading begins.
    Open,
    /// When trading ends, early closes included.
    Close,
}

/// A moment of every session of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionMoment {
    /// What it is told by.
    pub anchor: Anchor,
    /// Real time between the anchor and it; negative before the anchor.
    pub offset: SignedDuration,
}

/// Why a text is not a moment of a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionMomentError {
    /// Neither `open` nor `close`, or no sign after it.
    #[error(
        "`{0}` is not a moment of a session; write \"open\", \"close\", \"open+5m\" or \"close-10m\" (a fixed time of the day is a cron)"
    )]
    Syntax(String),
    /// What follows the sign is no span of time.
    #[error("`{text}` is not a moment of a session: {reason}")]
    Span {
        /// The text as written.
        text: String,
        /// What is wrong with the span, and how to write it.
        reason: String,
    },
    /// A day or more away from its session.
    #[error(
        "`{0}` is a day or more from its anchor; keep it below 24h, or anchor it to the other end of the session"
    )]
    TooFar(String),
}

impl SessionMoment {
    /// Parses `open` or `close`, with `+` or `-` and a span after it or not; blanks do not matter.
    pub fn try_new(text: &str) -> Result<Self, SessionMomentError> {
        let text = text.trim();
        let syntax = || SessionMomentError::Syntax(text.to_owned());
        let (anchor, rest) = if let Some(rest) = text.strip_prefix("open") {
            (Anchor::Open, rest.trim_start())
        } else if let Some(rest) = text.strip_prefix("close") {
            (Anchor::Close, rest.trim_start())
        } else {
            return Err(syntax());
        };
        let (sign, span) = if let Some(span) = rest.strip_prefix('+') {
            (1, span)
        } else if let Some(span) = rest.strip_prefix('-') {
            (-1, span)
        } else if rest.is_empty() {
            let offset = SignedDuration::ZERO;
            return Ok(Self { anchor, offset });
        } else {
            return Err(syntax());
        };
        let span = parse_span(span).map_err(|reason| SessionMomentError::Span {
            text: text.to_owned(),
            reason,
        })?;
        let too_far = || SessionMomentError::TooFar(text.to_owned());
        let span = SignedDuration::try_from(span).map_err(|_| too_far())?;
        if span >= OFFSET_LIMIT {
            return Err(too_far());
        }
        let offset = span * sign;
        Ok(Self { anchor, offset })
    }

    /// When it comes in `session`; `None` past the end of the calendar.
    pub fn of(&self, session: &Session) -> Option<Timestamp> {
        self.anchor_of(session).checked_add(self.offset).ok()
    }

    /// The first such moment strictly after `after`; `None` when five years have none.
    ///
    /// It follows the session: its early close, its late opening, and the clock of its zone.
    pub fn next_after(&self, calendar: &SessionCalendar, after: Timestamp) -> Option<Timestamp> {
        let after = after.checked_sub(self.offset).ok()?;
        // An evening session opens a day before its date, and a zone may skip one: begin well before.
        let from = calendar.local_date(after).checked_sub(3.days()).ok()?;
        let to_come = |session: &Session| self.anchor_of(session) > after;
        let session = calendar.sessions_after(from).find(to_come)?;
        // The evening session of an unusual date may open before the one of the date before it;
        // those of later dates cannot.
        let tomorrow = session.date.tomorrow().ok();
        let next = tomorrow.and_then(|date| calendar.session(date));
        let earliest = std::iter::once(session)
            .chain(next.filter(to_come))
            .min_by_key(|session| self.anchor_of(session))?;
        self.of(&earliest)
    }

    fn anchor_of(&self, session: &Session) -> Timestamp {
        match self.anchor {
            Anchor::Open => session.open,
            Anchor::Close => session.close,
        }
    }
}

impl fmt::Display for SessionMoment {
    /// The text [`SessionMoment::try_new`] reads, exact to the millisecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from(match self.anchor {
            Anchor::Open => "open",
            Anchor::Close => "close",
        });
        let mut rest_ms = self.offset.as_millis().unsigned_abs();
        if rest_ms > 0 {
            text.push(if self.offset.is_negative() { '-' } else { '+' });
        }
        // Every unit that is there: `format_span` keeps two, and a fire time must not be rounded.
        for (unit, unit_ms) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            let count = rest_ms / unit_ms;
            rest_ms %= unit_ms;
            if count > 0 {
                text.push_str(&count.to_string());
                text.push_str(unit);
            }
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::{Day, Hours};

    fn moment(text: &str) -> SessionMoment {
        SessionMoment::try_new(text).unwrap()
    }

    fn new_york() -> SessionCalendar {
        let hours = |close| Hours {
            open: time(9, 30, 0, 0),
            close: time(close, 0, 0, 0),
        };
        let zone = TimeZone::get("America/New_York").unwrap();
        SessionCalendar::new("TEST", zone, SessionCalendar::MONDAY_TO_FRIDAY)
            .with_regular_hours(date(2015, 1, 1), hours(16))
            .with_day(date(2026, 11, 26), Day::Closed)
            .with_day(date(2026, 11, 27), Day::Open(hours(13)))
    }

    #[test]
    fn a_moment_reads_as_written_and_prints_canonically() {
        for (text, canonical, seconds) in [
            ("open", "open", 0),
            ("close", "close", 0),
            (" close ", "close", 0),
            ("open+0s", "open", 0),
            ("open+5m", "open+5m", 300),
            ("close-10m", "close-10m", -600),
            ("open + 1h30m", "open+1h30m", 5_400),
            ("close - 1h 30m 15s", "close-1h30m15s", -5_415),
            ("open-90m", "open-1h30m", -5_400),
            ("close+23h59m59s", "close+23h59m59s", 86_399),
        ] {
            let parsed = moment(text);
            assert_eq!(parsed.offset, SignedDuration::from_secs(seconds), "{text}");
            assert_eq!(parsed.to_string(), canonical);
            assert_eq!(moment(canonical), parsed);
        }
        assert_eq!(moment("open+1500ms").to_string(), "open+1s500ms");
    }

    #[test]
    fn a_senseless_moment_says_how_it_should_look() {
        for (text, remedy) in [
            ("", "\"open+5m\""),
            ("09:30", "is a cron"),
            ("opens", "\"close-10m\""),
            ("open 5m", "\"open+5m\""),
            ("Open", "\"open\""),
            ("noon-5m", "\"open\""),
            ("open+", "\"1h30m\""),
            ("open+5", "units: ms, s, m, h, d"),
            ("close--5m", "\"1h30m\""),
            ("close+1d", "below 24h"),
            ("open-24h", "below 24h"),
            ("open+213503982334d", "below 24h"),
        ] {
            let said = SessionMoment::try_new(text).unwrap_err().to_string();
            assert!(said.contains(remedy), "{said}");
            assert!(said.starts_with(&format!("`{text}` is ")), "{said}");
        }
    }

    #[test]
    fn a_moment_follows_early_closes_holidays_and_the_clock() {
        let market = new_york();
        for (text, after, expected) in [
            ("close+30m", "2026-11-25T21:30:00Z", "2026-11-27T18:30:00Z"),
            ("close-10m", "2026-11-27T17:50:00Z", "2026-11-30T20:50:00Z"),
            ("open+5m", "2026-03-06T14:35:00Z", "2026-03-09T13:35:00Z"),
            ("open", "2026-03-06T14:29:59.999Z", "2026-03-06T14:30:00Z"),
            ("open-23h", "2026-03-07T00:00:00Z", "2026-03-08T14:30:00Z"),
            ("close+23h", "2026-03-07T00:00:00Z", "2026-03-07T20:00:00Z"),
        ] {
            let next = moment(text).next_after(&market, after.parse().unwrap());
            assert_eq!(next, Some(expected.parse().unwrap()), "{text} {after}");
        }
    }

    #[test]
    fn an_evening_session_that_opens_before_the_days_own_comes_first() {
        let early = Hours {
            open: time(5, 0, 0, 0),
            close: time(4, 0, 0, 0),
        };
        let market = new_york().with_day(date(2026, 3, 4), Day::Open(early));
        for (after, expected) in [
            ("2026-03-03T00:00:00Z", "2026-03-03T10:00:00Z"),
            ("2026-03-03T10:00:00Z", "2026-03-03T14:30:00Z"),
            ("2026-03-03T14:30:00Z", "2026-03-05T14:30:00Z"),
        ] {
            let next = moment("open").next_after(&market, after.parse().unwrap());
            assert_eq!(next, Some(expected.parse().unwrap()), "{after}");
        }
    }

    #[test]
    fn at_the_ends_of_time_there_is_no_moment_and_no_panic() {
        let market = new_york();
        for text in ["open", "open-23h", "close+23h"] {
            moment(text).next_after(&market, Timestamp::MIN);
            assert_eq!(moment(text).next_after(&market, Timestamp::MAX), None);
        }
    }
}
