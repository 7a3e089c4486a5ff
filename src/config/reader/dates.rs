//! Dates and instants, as TOML's own values or as texts.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::DeValue;

use super::Table;

impl Table<'_> {
    /// A date, as TOML's own or as a text.
    pub(in crate::config) fn date(&self, key: &'static str) -> Option<Date> {
        let value = self.get(key)?;
        self.date_of(key, value)
    }

    /// A list of dates.
    pub(in crate::config) fn dates(&self, key: &'static str) -> Vec<Date> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of dates");
            return Vec::new();
        };
        list.iter()
            .filter_map(|item| self.date_of(key, item))
            .collect()
    }

    fn date_of(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Date> {
        let date = written(value).and_then(|text| text.parse::<Date>().ok());
        if date.is_none() {
            let message = format!("`{key}` must be a date");
            self.context
                .error(value.span(), message, "write it like 2026-12-31");
        }
        date
    }

    /// An instant: with an offset, or a local time or date of `zone`.
    pub(in crate::config) fn instant(
        &self,
        key: &'static str,
        zone: &TimeZone,
    ) -> Option<Timestamp> {
        let value = self.get(key)?;
        let instant = written(value).and_then(|text| {
            let local = || text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok();
            let parsed = text.parse::<Timestamp>().ok();
            parsed.or_else(|| local().map(|zoned| zoned.timestamp()))
        });
        if instant.is_none() {
            let message = format!("`{key}` must be a date or an instant");
            let hint = "write it like 2026-12-31, 2026-12-31T09:30:00 or 2026-12-31T14:30:00Z";
            self.context.error(value.span(), message, hint);
        }
        instant
    }
}

/// A date or a time as it stands in the file, TOML's own or in quotes.
fn written(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::Datetime(datetime) => Some(datetime.to_string()),
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    }
}
