//! `[calendars.*]`: markets of the operator's own, and corrections to those the program knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::problem::suggestion;
use super::reader::{At, Entry, Table};
use super::schedules::timezone;
use crate::calendar::{Book, codes, market};
use crate::domain::{Day, Hours, SessionCalendar};

/// Says that a schedule has no calendar though `[defaults]` names one.
const NONE: &str = "none";

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MON", Weekday::Monday),
    ("TUE", Weekday::Tuesday),
    ("WED", Weekday::Wednesday),
    ("THU", Weekday::Thursday),
    ("FRI", Weekday::Friday),
    ("SAT", Weekday::Saturday),
    ("SUN", Weekday::Sunday),
];

/// The calendar a schedule names.
#[derive(Clone)]
pub(super) enum Chosen {
    /// It names none.
    None,
    /// This one.
    Named(Arc<SessionCalendar>),
    /// One with problems, which are told.
    Broken,
}

impl Chosen {
    pub(super) fn into_named(self) -> Option<Arc<SessionCalendar>> {
        match self {
            Self::Named(calendar) => Some(calendar),
            Self::None | Self::Broken => None,
        }
    }
}

/// The calendars of the file; `None` for one whose problems are told already.
pub(super) struct Calendars(BTreeMap<String, Option<Arc<SessionCalendar>>>);

/// Reads `[calendars.*]`.
pub(super) fn read(root: &Table<'_>) -> Calendars {
    let tables = root.tables("calendars");
    let own = tables.iter().map(|(name, table)| {
        let calendar = calendar(name, table);
        (name.value.to_owned(), calendar.map(Arc::new))
    });
    Calendars(own.collect())
}

impl Calendars {
    /// Those without problems, over the markets the program knows.
    pub(super) fn book(&self) -> Book {
        let own = self.0.iter();
        let good = own.filter_map(|(name, own)| Some((name.clone(), own.clone()?)));
        Book::new(good.collect())
    }

    /// The calendar `table` names with `calendar`; `None` when it does not say.
    pub(super) fn chosen(&self, table: &Table<'_>) -> Option<Chosen> {
        let text = table.text("calendar")?;
        if text.value == NONE {
            return Some(Chosen::None);
        }
        if let Some(own) = self.0.get(text.value) {
            return Some(own.clone().map_or(Chosen::Broken, Chosen::Named));
        }
        if let Some(known) = market(text.value) {
            return Some(Chosen::Named(known));
        }
        let message = if codes().contains(&text.value) {
            format!(
                "the time zone of `{}` is unknown to this system",
                text.value
            )
        } else {
            format!("there is no calendar `{}`", text.value)
        };
        let mut names = codes();
        names.extend(self.0.keys().map(String::as_str));
        let hint = if codes().contains(&text.value) {
            "install the package tzdata".to_owned()
        } else {
            suggestion(text.value, &names)
        };
        table.context().error(text.span, message, hint);
        Some(Chosen::Broken)
    }
}

fn calendar(name: &At<&str>, table: &Table<'_>) -> Option<SessionCalendar> {
    let context = table.context();
    let before = context.count();
    let base = base(name, table);
    let zone = timezone(table);
    let weekdays = weekdays(table);
    let hours = table.text("hours").and_then(|at| hours(table, &at));
    let mut calendar = match (base, &zone) {
        (Some(base), _) => base.with_code(name.value),
        (None, Some(zone)) if hours.is_some() => {
            let days = SessionCalendar::MONDAY_TO_FRIDAY;
            SessionCalendar::new(name.value, zone.clone(), days)
        }
        // What is there and cannot be read is told already.
        (None, _) if table.has("base") || table.has("timezone") && table.has("hours") => {
            return None;
        }
        (None, _) => {
            let message = format!("{} needs `timezone` and `hours`", table.name());
            let hint = "timezone = \"Europe/Berlin\", hours = \"09:00-17:30\"; or base = \"XETR\"";
            context.missing(table.span(), message, hint);
            SessionCalendar::new(name.value, TimeZone::UTC, [])
        }
    };
    if let Some(weekdays) = weekdays {
        calendar = calendar.with_weekdays(weekdays);
    }
    if let Some(hours) = hours {
        calendar = calendar.with_regular_hours(Date::MIN, hours);
    }
    calendar = days(calendar, table);
    if let Some(date) = table.date("valid_through") {
        calendar = calendar.with_valid_through(date);
    }
    table.finish(&[]);
    (context.count() == before).then_some(calendar)
}

/// The market a calendar is laid over: the one it names, or the one whose name it bears.
fn base(name: &At<&str>, table: &Table<'_>) -> Option<SessionCalendar> {
    let Some(text) = table.text("base") else {
        return market(name.value).map(|known| (*known).clone());
    };
    let known = market(text.value);
    if known.is_none() {
        let message = format!("there is no market `{}`", text.value);
        let hint = suggestion(text.value, &codes());
        table.context().error(text.span, message, hint);
    }
    known.map(|known| (*known).clone())
}

/// `holidays`, `early_closes` and `sessions`, the later over the earlier.
fn days(mut calendar: SessionCalendar, table: &Table<'_>) -> SessionCalendar {
    let context = table.context();
    for date in table.dates("holidays") {
        calendar = calendar.with_day(date, Day::Closed);
    }
    for (date, text) in by_date(table, "early_closes") {
        let regular = calendar.regular_hours(date);
        match (text.value.parse::<Time>(), regular) {
            (Ok(close), Some(Hours { open, .. })) => {
                calendar = calendar.with_day(date, Day::Open(Hours { open, close }));
            }
            (Err(_), _) => {
                let message = format!("`{}` is not a time of day", text.value);
                context.error(text.span, message, "write it like \"13:00\"");
            }
            (Ok(_), None) => {}
        }
    }
    for (date, text) in by_date(table, "sessions") {
        if let Some(hours) = hours(table, &text) {
            calendar = calendar.with_day(date, Day::Open(hours));
        }
    }
    calendar
}

/// The entries of a table whose keys are dates and whose values are texts.
fn by_date<'a>(table: &Table<'a>, key: &'static str) -> Vec<(Date, At<&'a str>)> {
    let Some(days) = table.table(key) else {
        return Vec::new();
    };
    let context = table.context();
    let mut found = Vec::new();
    for (name, entry) in days.entries() {
        let Ok(date) = name.value.parse::<Date>() else {
            let message = format!("`{}` is not a date", name.value);
            context.error(name.span, message, "write it like \"2026-11-27\"");
            continue;
        };
        match entry {
            Entry::Texts(texts) => found.extend(texts.into_iter().map(|text| (date, text))),
            Entry::Table(_) => {
                let message = format!("`{}` must be a text, not a table", name.value);
                context.error(name.span, message, "");
            }
        }
    }
    found
}

/// `09:30-16:00`; an opening not before the close is that of the evening before.
fn hours(table: &Table<'_>, text: &At<&str>) -> Option<Hours> {
    let parts = text.value.split_once('-');
    let hours = parts.and_then(|(open, close)| {
        Some(Hours {
            open: open.trim().parse().ok()?,
            close: close.trim().parse().ok()?,
        })
    });
    if hours.is_none() {
        let message = format!("`{}` is not a session's hours", text.value);
        let hint = "write them like \"09:30-16:00\"";
        table.context().error(text.span.clone(), message, hint);
    }
    hours
}

fn weekdays(table: &Table<'_>) -> Option<Vec<Weekday>> {
    let texts = table.texts("weekdays")?;
    let names: Vec<&str> = WEEKDAYS.iter().map(|(name, _)| *name).collect();
    let mut days = Vec::with_capacity(texts.len());
    for At { value, span } in texts {
        let known = WEEKDAYS.iter().find(|(name, _)| *name == value);
        if let Some((_, day)) = known {
            days.push(*day);
        } else {
            let message = format!("`{value}` is not a weekday");
            let hint = suggestion(value, &names);
            table.context().error(span, message, hint);
        }
    }
    Some(days)
}
