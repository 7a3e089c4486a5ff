//! Between the domain's values and the columns' types: chrono lives here and nowhere else.

use chrono::{DateTime, Datelike as _, NaiveDate, SecondsFormat, Utc};
use jiff::Timestamp;
use jiff::civil::Date;

/// An instant as a column, to the millisecond: what every backend keeps exactly.
pub(super) fn to_column(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.as_millisecond()).unwrap_or_default()
}

/// The same in words, exactly as sqlx writes it into SQLite.
pub(super) fn to_text(at: Timestamp) -> String {
    to_column(at).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// A column as an instant.
pub(super) fn to_timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_millisecond(at.timestamp_millis()).unwrap_or_default()
}

/// A trading date as a column.
pub(super) fn to_naive(date: Date) -> NaiveDate {
    let (year, month, day) = (date.year(), date.month(), date.day());
    NaiveDate::from_ymd_opt(
        year.into(),
        month.unsigned_abs().into(),
        day.unsigned_abs().into(),
    )
    .unwrap_or_default()
}

/// A column as a trading date.
pub(super) fn to_date(date: NaiveDate) -> Date {
    let year = i16::try_from(date.year()).unwrap_or(i16::MAX);
    let month = i8::try_from(date.month()).unwrap_or(1);
    let day = i8::try_from(date.day()).unwrap_or(1);
    Date::new(year, month, day).unwrap_or_default()
}

/// A count as a column.
pub(super) fn to_i32(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A count as a column.
pub(super) fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_dates_survive_the_round_trip() {
        for text in [
            "1962-01-02T14:30:00Z",
            "2026-11-22T10:00:00.123Z",
            "1970-01-01T00:00:00Z",
        ] {
            let at: Timestamp = text.parse().unwrap();
            assert_eq!(to_timestamp(to_column(at)), at);
        }
        for text in ["1962-01-02", "2024-02-29", "2100-12-31"] {
            let date: Date = text.parse().unwrap();
            assert_eq!(to_date(to_naive(date)), date);
        }
    }
}
