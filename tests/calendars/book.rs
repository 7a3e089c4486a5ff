//! A market as a plain list of days, read from the source's table or from the calendar under test.

use std::collections::BTreeMap;
use std::path::PathBuf;

use finstage::calendar::market;
use finstage::domain::SessionCalendar;
use jiff::civil::{Date, Time, Weekday, date};

use crate::support::recordings::table;

pub(super) const FIRST: Date = date(2015, 1, 1);

/// The hours of each date that has a session; with `open >= close` it opens the evening before.
pub(super) type Days = BTreeMap<Date, (Time, Time)>;

pub(super) struct Book {
    pub(super) code: String,
    pub(super) zone: String,
    pub(super) last: Date,
    pub(super) days: Days,
}

/// The table the calendars were made from, beside the project; not everybody has it. Says
/// so where it is absent.
pub(super) fn source() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/calendars");
    if folder.join("regular_hours.tsv").exists() {
        return Some(folder);
    }
    eprintln!(
        "SKIPPED: the source of the calendars; {} is absent",
        folder.display()
    );
    None
}

/// Every market as the source has it, laid out day by day.
pub(super) fn from_source() -> Option<Vec<Book>> {
    let folder = source()?;
    let regular = table(&folder.join("regular_hours.tsv"));
    let special = table(&folder.join("sessions_2015_2028.tsv"));
    let mut books: Vec<Book> = Vec::new();
    for row in &regular {
        if books.iter().any(|book| book.code == row[0]) {
            continue;
        }
        let last = match row[0].as_str() {
            "XSHG" | "XBOM" | "XSES" => date(2026, 12, 31),
            _ => date(2028, 12, 31),
        };
        let mut book = Book {
            code: row[0].clone(),
            zone: row[1].clone(),
            last,
            days: Days::new(),
        };
        for day in dates(last).filter(|day| is_weekday(*day)) {
            let of_its_year = regular
                .iter()
                .rfind(|row| row[0] == book.code && row[2].as_str() <= &*day.to_string())
                .unwrap();
            book.days
                .insert(day, (clock(&of_its_year[3]), clock(&of_its_year[4])));
        }
        for row in special.iter().filter(|row| row[0] == book.code) {
            let day = row[1].parse().unwrap();
            match row[2].as_str() {
                "closed" => book.days.remove(&day),
                _ => book.days.insert(day, (clock(&row[3]), clock(&row[4]))),
            };
        }
        books.push(book);
    }
    Some(books)
}

/// A calendar as it says itself, from [`FIRST`] to `last`.
pub(super) fn of(calendar: &SessionCalendar, last: Date) -> Book {
    let hours = |day| calendar.hours(day).map(|hours| (hours.open, hours.close));
    Book {
        code: calendar.code().to_owned(),
        zone: calendar.zone().iana_name().unwrap().to_owned(),
        last,
        days: dates(last)
            .filter_map(|day| Some((day, hours(day)?)))
            .collect(),
    }
}

/// A market of the program as it says itself, as far as it knows.
pub(super) fn of_market(code: &str) -> Book {
    let calendar = market(code).unwrap();
    of(&calendar, calendar.valid_through().unwrap())
}

pub(super) fn dates(last: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(FIRST), |day| day.tomorrow().ok())
        .take_while(move |day| *day <= last)
}

pub(super) fn is_weekday(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn clock(text: &str) -> Time {
    text.parse().unwrap()
}
