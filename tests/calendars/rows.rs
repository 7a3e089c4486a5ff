//! Every row of the source's table, every day of every market, and the sessions of every year.

use std::collections::BTreeMap;

use finstage::calendar::{codes, market};
use finstage::domain::{Day, SessionCalendar};
use jiff::civil::{Date, date};

use super::book::{self, Book, dates, is_weekday};
use crate::support::recordings::table;

#[test]
fn every_row_of_the_source_is_what_the_market_says() {
    let Some(folder) = book::source() else { return };
    let rows = table(&folder.join("sessions_2015_2028.tsv"));
    for row in &rows {
        let day: Date = row[1].parse().unwrap();
        let hours = market(&row[0]).unwrap().hours(day);
        let said = hours.map(|hours| [hours.open, hours.close].map(|at| at.to_string()));
        let expected = match row[2].as_str() {
            "closed" => None,
            _ => Some([&row[3], &row[4]].map(|time| format!("{time}:00"))),
        };
        assert_eq!(said, expected, "{row:?}");
    }
    assert!(rows.len() > 3_000, "only {} rows", rows.len());
    eprintln!("{} rows agree", rows.len());
}

#[test]
fn every_day_of_every_market_is_as_in_the_source() {
    let Some(books) = book::from_source() else {
        return;
    };
    let mut known: Vec<&str> = books.iter().map(|book| book.code.as_str()).collect();
    known.sort_unstable();
    assert_eq!(known, codes());
    let mut compared = 0;
    for book in &books {
        let ours = book::of_market(&book.code);
        assert_eq!((&ours.zone, ours.last), (&book.zone, book.last));
        for day in dates(book.last) {
            let (ours, theirs) = (ours.days.get(&day), book.days.get(&day));
            assert_eq!(ours, theirs, "{} {day}", book.code);
            compared += 1;
        }
    }
    eprintln!("{compared} days of {} markets agree", books.len());
}

#[test]
fn every_year_has_as_many_sessions_as_weekdays_less_the_closed_ones() {
    let Some(folder) = book::source() else { return };
    // Counted from the rows alone, without laying out days.
    let mut closed: BTreeMap<(String, i16), usize> = BTreeMap::new();
    for row in table(&folder.join("sessions_2015_2028.tsv")) {
        let day: Date = row[1].parse().unwrap();
        assert!(is_weekday(day), "{row:?}");
        if row[2] == "closed" {
            *closed.entry((row[0].clone(), day.year())).or_default() += 1;
        }
    }
    let mut compared = 0;
    for code in codes() {
        let calendar = market(code).unwrap();
        for year in 2015..=calendar.valid_through().unwrap().year() {
            let holidays = closed.get(&(code.to_owned(), year)).copied().unwrap_or(0);
            let expected = weekdays_of(year) - holidays;
            assert_eq!(sessions_of(&calendar, year), expected, "{code} {year}");
            assert!((230..=262).contains(&expected), "{code} {year}: {expected}");
            compared += 1;
        }
    }
    eprintln!("{compared} years agree");
}

#[test]
fn stepping_from_session_to_session_meets_every_one() {
    for code in codes() {
        let calendar = market(code).unwrap();
        let Book { days, last, .. } = book::of_market(code);
        let first = days.keys().next().copied().unwrap();
        let stepped: Vec<Date> = std::iter::successors(Some(first), |day| {
            calendar.next_session(*day).map(|session| session.date)
        })
        .take_while(|day| *day <= last)
        .collect();
        assert!(days.keys().copied().eq(stepped), "{code}");
    }
}

#[test]
fn every_instant_of_a_session_belongs_to_its_date_and_sessions_do_not_overlap() {
    for code in codes() {
        let calendar = market(code).unwrap();
        let mut before = None;
        for day in book::of_market(code).days.into_keys() {
            let session = calendar.session(day).unwrap();
            assert!(session.open < session.close, "{code} {day}");
            assert!(before <= Some(session.open), "{code} {day}");
            before = Some(session.close);
            let last = session.close - std::time::Duration::from_nanos(1);
            for instant in [session.open, last] {
                assert_eq!(calendar.date_of(instant), day, "{code} {instant}");
            }
        }
    }
}

/// 52 weeks of five, and the one or two days more unless they fall on a weekend.
fn weekdays_of(year: i16) -> usize {
    let last = date(year, 12, 31);
    let before = last.yesterday().unwrap();
    let more = if last.in_leap_year() {
        vec![before, last]
    } else {
        vec![last]
    };
    260 + more.into_iter().filter(|day| is_weekday(*day)).count()
}

fn sessions_of(calendar: &SessionCalendar, year: i16) -> usize {
    dates(date(year, 12, 31))
        .filter(|day| day.year() == year && calendar.has_session(*day))
        .count()
}

#[test]
fn a_day_told_twice_is_what_was_said_last() {
    let day = date(2026, 1, 5);
    let nyse = SessionCalendar::clone(&market("XNYS").unwrap());
    let regular = nyse.regular_hours(day).unwrap();
    let own = nyse
        .with_day(day, Day::Closed)
        .with_day(day, Day::Open(regular));
    assert_eq!(own.hours(day), Some(regular));
}
