//! `SessionMoment::next_after` against an oracle: every session of the market laid out on its own,
//! its instants found by reading the wall clock, and the earliest one that is later picked.

use std::collections::BTreeMap;

use finstage::calendar::{codes, market};
use finstage::domain::{Anchor, Day, Hours, SessionCalendar, SessionMoment};
use jiff::civil::{Date, DateTime, Weekday, date, time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::book::{self, Book};
use crate::support::random::Random;
use crate::support::tally::{Tally, seed, setting};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// A calendar under test, and for each date the Unix seconds at which it opens and closes.
struct Subject {
    calendar: SessionCalendar,
    sessions: BTreeMap<Date, [i64; 2]>,
    last: Date,
    /// Dates worth a visit: unusual days, and those around a change of the clock.
    unusual: Vec<Date>,
}

#[test]
fn the_next_moment_of_a_market_is_the_earliest_later_one_of_its_days() {
    let books =
        book::from_source().unwrap_or_else(|| codes().into_iter().map(book::of_market).collect());
    let subjects = books.into_iter().map(|book| {
        let calendar = SessionCalendar::clone(&market(&book.code).unwrap());
        Subject::new(calendar, &book)
    });
    compare(
        "session moments of markets",
        &subjects.collect::<Vec<_>>(),
        120_000,
    );
}

#[test]
fn the_next_moment_of_a_strange_calendar_is_the_earliest_later_one_of_its_days() {
    let mut random = Random::named(seed(), "strange calendars");
    let subjects: Vec<Subject> = (0..40)
        .map(|_| {
            let calendar = strange(&mut random);
            let book = book::of(&calendar, date(2019, 12, 31));
            Subject::new(calendar, &book)
        })
        .collect();
    compare("session moments of strange calendars", &subjects, 40_000);
}

fn compare(what: &str, subjects: &[Subject], cases: u64) {
    let mut tally = Tally::new();
    let mut random = Random::named(seed(), what);
    let cases = setting("FINSTAGE_ORACLE_CASES", cases).max(cases);
    while tally.compared < cases {
        let subject = random.pick(subjects);
        let moment = moment(&mut random);
        let after = subject.instant(&mut random, moment);
        let got = moment.next_after(&subject.calendar, after);
        let expected = subject.next(moment, after);
        tally.check(got == expected, || {
            let code = subject.calendar.code();
            format!("{code}, {moment}, after {after}: expected {expected:?}, got {got:?}")
        });
    }
    tally.finish(what);
}

fn moment(random: &mut Random) -> SessionMoment {
    let offset = match random.between(0, 3) {
        0 => 0,
        1 => random.between(-90, 90) * MINUTE,
        2 => random.between(-DAY + 1, DAY - 1),
        _ => *random.pick(&[-DAY + 1, -1, 1, 5 * MINUTE, DAY - 1]),
    };
    SessionMoment {
        anchor: *random.pick(&[Anchor::Open, Anchor::Close]),
        offset: SignedDuration::from_secs(offset),
    }
}

impl Subject {
    fn new(calendar: SessionCalendar, book: &Book) -> Self {
        let zone = TimeZone::get(&book.zone).unwrap();
        let mut sessions = BTreeMap::new();
        let mut unusual = Vec::new();
        let mut hours_before = None;
        let mut offset_before = None;
        for day in book::dates(book.last) {
            let hours = book.days.get(&day);
            if let Some((open, close)) = hours {
                let opens_on = if open < close {
                    day
                } else {
                    day.yesterday().unwrap()
                };
                let opens = wall_shows(&zone, opens_on.to_datetime(*open));
                sessions.insert(day, [opens, wall_shows(&zone, day.to_datetime(*close))]);
            }
            let offset = Some(zone.to_offset(Offset::UTC.to_timestamp(day.into()).unwrap()));
            if offset != offset_before || (book::is_weekday(day) && hours != hours_before) {
                unusual.push(day);
            }
            offset_before = offset;
            hours_before = hours.or(hours_before);
        }
        let last = book.last;
        Self {
            calendar,
            sessions,
            last,
            unusual,
        }
    }

    /// Day by day around the instant: of all moments that are later, the earliest.
    fn next(&self, moment: SessionMoment, after: Timestamp) -> Option<Timestamp> {
        let about = Offset::UTC.to_datetime(after).date();
        let reach = jiff::Span::new().days(4);
        let from = about.saturating_sub(reach);
        let of = |[open, close]: &[i64; 2]| {
            let anchor = match moment.anchor {
                Anchor::Open => *open,
                Anchor::Close => *close,
            };
            Timestamp::from_second(anchor + moment.offset.as_secs()).unwrap()
        };
        let mut found: Option<Timestamp> = None;
        for (day, session) in self.sessions.range(from..) {
            // A date's moment is never more than two days from it, a zone's offset included.
            if found.is_some() && *day > about.max(book::FIRST).saturating_add(reach * 8) {
                break;
            }
            let at = of(session);
            if at > after && found.is_none_or(|found| at < found) {
                found = Some(at);
            }
        }
        found
    }

    /// Anywhere, or at a moment's own instant, or a little off it; unusual days more often.
    fn instant(&self, random: &mut Random, moment: SessionMoment) -> Timestamp {
        // Sessions behind the last known date are no part of the book: keep away from the end.
        let end = self.last.saturating_sub(jiff::Span::new().days(60));
        let first = day_second(book::FIRST) + 3 * DAY;
        let anywhere = random.between(first, day_second(end));
        let day = if random.chance(50) {
            *random.pick(&self.unusual)
        } else {
            Timestamp::from_second(anywhere)
                .unwrap()
                .to_zoned(TimeZone::UTC)
                .date()
        };
        let second = match self.sessions.range(day..).next() {
            Some((day, [open, close])) if *day < end && random.chance(70) => {
                let anchor = if moment.anchor == Anchor::Open {
                    open
                } else {
                    close
                };
                let off = *random.pick(&[0, 0, 0, -1, 1, -MINUTE, DAY / 2, -DAY]);
                (anchor + moment.offset.as_secs() + off).max(first)
            }
            _ => anywhere,
        };
        let nanos = *random.pick(&[0, 0, 1, 999_999_999]);
        crate::support::tally::instant(second, nanos)
    }
}

/// The first Unix second at which the wall shows `local`. Where it is skipped, the second at which
/// a clock that nobody turned would have shown it.
fn wall_shows(zone: &TimeZone, local: DateTime) -> i64 {
    let as_utc = Offset::UTC.to_timestamp(local).unwrap().as_second();
    let offset_at = |second: i64| {
        let at = Timestamp::from_second(second).unwrap();
        i64::from(zone.to_offset(at).seconds())
    };
    let before = offset_at(as_utc - DAY - DAY / 2);
    let candidates = [before, offset_at(as_utc + DAY + DAY / 2)].map(|offset| as_utc - offset);
    let matches = |second: &i64| *second + offset_at(*second) == as_utc;
    let shown = candidates.into_iter().filter(matches).min();
    shown.unwrap_or(as_utc - before)
}

fn day_second(day: Date) -> i64 {
    Offset::UTC.to_timestamp(day.into()).unwrap().as_second()
}

/// Hours at which clocks are turned, in zones that turn them by an hour, by half an hour or at
/// midnight, on any weekdays, with evening sessions among others.
fn strange(random: &mut Random) -> SessionCalendar {
    let zones = [
        "America/New_York",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Europe/London",
    ];
    let zone = *random.pick(&zones);
    let mut hours = || {
        let mut clock = |hours: &[i8]| time(*random.pick(hours), *random.pick(&[0, 10, 30]), 0, 0);
        let open = clock(&[0, 1, 2, 3, 9, 18, 23]);
        let close = clock(&[0, 1, 2, 3, 12, 16, 17]);
        Hours { open, close }
    };
    let (first, second) = (hours(), hours());
    let unusual: Vec<Hours> = (0..200).map(|_| hours()).collect();
    let weekdays = Weekday::Monday.cycle_forward().take(7);
    let weekdays: Vec<Weekday> = weekdays.filter(|_| random.chance(70)).collect();
    let mut calendar = SessionCalendar::new(zone, TimeZone::get(zone).unwrap(), weekdays)
        .with_regular_hours(book::FIRST, first)
        .with_regular_hours(date(2017, 6, 1), second);
    for hours in unusual {
        let days = random.between(0, 1_700);
        let day = book::FIRST.saturating_add(jiff::Span::new().days(days));
        let closed = random.chance(40);
        calendar = calendar.with_day(
            day,
            if closed {
                Day::Closed
            } else {
                Day::Open(hours)
            },
        );
    }
    // Never without a session for long: the oracle's book ends some day.
    (0..60).fold(calendar, |calendar, month| {
        let day = book::FIRST.saturating_add(jiff::Span::new().days(month * 30 + 7));
        calendar.with_day(day, Day::Open(first))
    })
}
