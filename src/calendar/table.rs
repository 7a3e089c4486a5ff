//! Reads the tables of `data/`; `data/README.md` says what a line looks like.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::domain::{Day, Hours, SessionCalendar};

/// Reads one market's table; the error names the line.
pub(super) fn parse(code: &str, table: &str) -> Result<SessionCalendar, String> {
    let mut calendar = None;
    for (at, line) in table.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        let told = |error: String| format!("line {}: {error}: {line}", at + 1);
        calendar = Some(read(calendar, code, line).map_err(told)?);
    }
    calendar.ok_or_else(|| "no line".to_owned())
}

/// What the calendar is after one more line. The zone comes first: nothing means anything without.
fn read(
    calendar: Option<SessionCalendar>,
    code: &str,
    line: &str,
) -> Result<SessionCalendar, String> {
    let (key, rest) = line.split_once('\t').ok_or("no tab")?;
    let Some(calendar) = calendar else {
        let zone = (key == "zone").then(|| TimeZone::get(rest));
        let zone = zone.ok_or("the first line names no zone")?.map_err(text)?;
        let weekdays = SessionCalendar::MONDAY_TO_FRIDAY;
        return Ok(SessionCalendar::new(code, zone, weekdays));
    };
    if key == "through" {
        return Ok(calendar.with_valid_through(rest.parse().map_err(text)?));
    }
    if let Some(valid_from) = key.strip_prefix("from ") {
        return Ok(calendar.with_regular_hours(valid_from.parse().map_err(text)?, hours(rest)?));
    }
    let day = match key {
        "closed" => Day::Closed,
        key => Day::Open(hours(key)?),
    };
    let (year, dates) = rest.split_once('\t').ok_or("no dates")?;
    let year = year.parse().map_err(text)?;
    dates.split(' ').try_fold(calendar, |calendar, date| {
        let date = month_and_day(year, date)?;
        if calendar.has_session(date) && calendar.hours(date) == calendar.regular_hours(date) {
            Ok(calendar.with_day(date, day))
        } else {
            Err(format!("{date} is told twice, or no weekday"))
        }
    })
}

fn month_and_day(year: i16, text: &str) -> Result<Date, String> {
    let (month, day) = text.split_once('-').ok_or("no date")?;
    let number = |text: &str| text.parse::<i8>().map_err(|error| error.to_string());
    Date::new(year, number(month)?, number(day)?).map_err(|error| error.to_string())
}

/// Reads `09:30-16:00`.
fn hours(text: &str) -> Result<Hours, String> {
    let (open, close) = text.split_once('-').ok_or("no hours")?;
    let time = |text: &str| text.parse::<Time>().map_err(|error| error.to_string());
    let (open, close) = (time(open)?, time(close)?);
    Ok(Hours { open, close })
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape `map_err` asks for"
)]
fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    const SAMPLE: &str = "# A comment.
zone\tAsia/Kolkata
through\t2026-12-31
from 2015-01-01\t09:15-15:30
closed\t2026\t01-26 03-03
09:15-12:00\t2026\t11-09
";

    #[test]
    fn a_table_reads_as_it_says() {
        let calendar = parse("TEST", SAMPLE).unwrap();
        assert_eq!(calendar.zone().iana_name(), Some("Asia/Kolkata"));
        assert_eq!(calendar.valid_through(), Some(date(2026, 12, 31)));
        for closed in [date(2026, 1, 26), date(2026, 3, 3), date(2026, 3, 7)] {
            assert!(!calendar.has_session(closed));
        }
        let early = calendar.hours(date(2026, 11, 9)).unwrap();
        assert_eq!(
            (early.open, early.close),
            (time(9, 15, 0, 0), time(12, 0, 0, 0))
        );
    }

    #[test]
    fn a_damaged_table_is_refused_with_the_line() {
        for (from, to) in [
            ("zone\t", "place\t"),
            ("Kolkata", "Nowhere"),
            ("2026-12-31", "2026-13-31"),
            ("from 2015-01-01", "from then"),
            ("09:15-15:30", "09:15"),
            ("09:15-12:00", "09:15-25:00"),
            ("closed", "shut"),
            ("01-26 03-03", "01-26  03-03"),
            ("01-26 03-03", "01-26 02-30"),
            ("01-26 03-03", "01-26 01-26"),
            ("01-26 03-03", "01-24"),
            ("\t11-09", ""),
        ] {
            let damaged = SAMPLE.replacen(from, to, 1);
            let said = parse("TEST", &damaged).unwrap_err();
            assert!(said.starts_with("line "), "{said}");
        }
        assert!(parse("TEST", "# Nothing.\n").is_err());
    }
}
