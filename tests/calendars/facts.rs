//! Facts about single days, known without the source; all in UTC.

use finstage::calendar::market;
use finstage::domain::{Session, SessionMoment};
use jiff::Timestamp;

use crate::support::values::{at, day};

const CLOSED: &str = "closed";

/// Market, date, open and close.
const SESSIONS: &[(&str, &str, &str)] = &[
    ("XNYS", "2026-11-25", "2026-11-25T14:30Z 2026-11-25T21:00Z"),
    // Thanksgiving and the short Friday after it.
    ("XNYS", "2026-11-26", CLOSED),
    ("XNYS", "2026-11-27", "2026-11-27T14:30Z 2026-11-27T18:00Z"),
    // The Friday before and the Monday after the clock goes forward.
    ("XNYS", "2026-03-06", "2026-03-06T14:30Z 2026-03-06T21:00Z"),
    ("XNYS", "2026-03-09", "2026-03-09T13:30Z 2026-03-09T20:00Z"),
    // National days of mourning.
    ("XNYS", "2018-12-05", CLOSED),
    ("XNYS", "2025-01-09", CLOSED),
    // Tokyo closes half an hour later from 5 November 2024 on; the day before was a holiday.
    ("XTKS", "2024-11-01", "2024-11-01T00:00Z 2024-11-01T06:00Z"),
    ("XTKS", "2024-11-04", CLOSED),
    ("XTKS", "2024-11-05", "2024-11-05T00:00Z 2024-11-05T06:30Z"),
    // Seoul closes half an hour later from 1 August 2016 on.
    ("XKRX", "2016-07-29", "2016-07-29T00:00Z 2016-07-29T06:00Z"),
    ("XKRX", "2016-08-01", "2016-08-01T00:00Z 2016-08-01T06:30Z"),
    // On the day of the university entrance exam it opens and closes an hour later,
    ("XKRX", "2020-12-03", "2020-12-03T01:00Z 2020-12-03T07:30Z"),
    // on the first day of the year it opens an hour later.
    ("XKRX", "2026-01-02", "2026-01-02T01:00Z 2026-01-02T06:30Z"),
    ("XLON", "2026-12-24", "2026-12-24T08:00Z 2026-12-24T12:30Z"),
    ("XLON", "2026-07-01", "2026-07-01T07:00Z 2026-07-01T15:30Z"),
    ("XETR", "2026-05-01", CLOSED),
    ("XBOM", "2026-01-27", "2026-01-27T03:45Z 2026-01-27T10:00Z"),
    // Ash Wednesday.
    ("BVMF", "2026-02-18", "2026-02-18T16:00Z 2026-02-18T21:00Z"),
    // Sunday evening in Chicago, the first one of summer time, and Thanksgiving's noon.
    ("CMES", "2026-03-09", "2026-03-08T22:00Z 2026-03-09T22:00Z"),
    ("CMES", "2026-11-26", "2026-11-25T23:00Z 2026-11-26T18:00Z"),
    (
        "us_futures",
        "2026-03-09",
        "2026-03-08T22:00Z 2026-03-09T22:00Z",
    ),
];

#[test]
fn the_sessions_of_known_days_are_as_known() {
    for (code, date, expected) in SESSIONS {
        let session = market(code).unwrap().session(day(date));
        let expected = expected.split_once(' ').map(|(open, close)| Session {
            date: day(date),
            open: minute(open),
            close: minute(close),
        });
        assert_eq!(session, expected, "{code} {date}");
    }
}

/// Market, moment, after when, and when it comes next.
const MOMENTS: &[(&str, &str, &str, &str)] = &[
    (
        "XNYS",
        "close+30m",
        "2026-11-25T21:30Z",
        "2026-11-27T18:30Z",
    ),
    ("XNYS", "open+5m", "2026-03-06T14:35Z", "2026-03-09T13:35Z"),
    // Golden Week: 29 April is past, 4 to 6 May 2026 are holidays.
    ("XTKS", "open", "2026-05-01T00:00Z", "2026-05-07T00:00Z"),
    (
        "XTKS",
        "close-10m",
        "2024-11-01T05:50Z",
        "2024-11-05T06:20Z",
    ),
    ("XKRX", "open-30m", "2025-12-30T12:00Z", "2026-01-02T00:30Z"),
    ("XBOM", "close", "2026-01-23T10:00Z", "2026-01-27T10:00Z"),
    ("CMES", "open", "2026-03-06T12:00Z", "2026-03-08T22:00Z"),
    ("CMES", "close+5m", "2026-11-25T23:05Z", "2026-11-26T18:05Z"),
    // Past what is known: 1 January 2027 is a holiday, and Shanghai's calendar ends before it.
    ("XSHG", "open", "2026-12-31T12:00Z", "2027-01-01T01:30Z"),
];

#[test]
fn known_moments_come_when_they_should() {
    for (code, moment, after, expected) in MOMENTS {
        let next = SessionMoment::try_new(moment)
            .unwrap()
            .next_after(&market(code).unwrap(), minute(after));
        assert_eq!(next, Some(minute(expected)), "{code} {moment} {after}");
    }
}

#[test]
fn a_late_change_of_the_regular_hours_is_no_early_close() {
    for (code, date, early) in [
        ("XNYS", "2026-11-27", true),
        ("XNYS", "2026-11-25", false),
        ("XTKS", "2024-10-31", false),
        ("XTKS", "2024-12-30", false),
        ("CMES", "2026-11-26", true),
        ("XKRX", "2020-12-03", false),
    ] {
        assert_eq!(
            market(code).unwrap().is_early_close(day(date)),
            early,
            "{code} {date}"
        );
    }
}

fn minute(text: &str) -> Timestamp {
    at(&text.replace('Z', ":00Z"))
}
