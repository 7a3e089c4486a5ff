//! A time zone as a table of its changes: thousands of conversions per answer without a calendar.

use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Changes before this second (1970-01-01) are not kept: no symbol traded then.
const TABLE_START_S: i64 = 0;
/// Changes after this second (2100-01-01) are not kept.
const TABLE_END_S: i64 = 4_102_444_800;

/// A named zone and its changes of offset between 1970 and 2100.
#[derive(Debug)]
pub(super) struct Zone {
    /// IANA name.
    pub(super) name: &'static str,
    /// The zone itself, for calendar questions.
    pub(super) tz: TimeZone,
    first_offset_s: i64,
    changes: Vec<Change>,
}

#[derive(Debug)]
#[allow(clippy::struct_field_names, reason = "a name ends with its unit")]
struct Change {
    utc_s: i64,
    /// First local second that is read with the new offset; as in Temporal's "compatible", a
    /// repeated hour is read as its first pass and a skipped one with the offset before it.
    local_s: i64,
    offset_s: i64,
}

impl Zone {
    /// Reads a zone from the system's database.
    pub(super) fn load(name: &'static str) -> io::Result<Self> {
        let tz = TimeZone::get(name).map_err(io::Error::other)?;
        let start = Timestamp::from_second(TABLE_START_S).map_err(io::Error::other)?;
        let first_offset_s = i64::from(tz.to_offset(start).seconds());
        let mut before_s = first_offset_s;
        let changes = tz
            .following(start)
            .take_while(|change| change.timestamp().as_second() < TABLE_END_S)
            .map(|change| {
                let utc_s = change.timestamp().as_second();
                let offset_s = i64::from(change.offset().seconds());
                let local_s = utc_s + offset_s.max(before_s);
                before_s = offset_s;
                Change {
                    utc_s,
                    local_s,
                    offset_s,
                }
            })
            .collect();
        Ok(Self {
            name,
            tz,
            first_offset_s,
            changes,
        })
    }

    /// Local seconds minus UTC seconds at an instant.
    pub(super) fn offset_s(&self, utc_s: i64) -> i64 {
        self.offset_of(self.changes.partition_point(|c| c.utc_s <= utc_s))
    }

    /// The instant of a local wall-clock second (counted as if it were UTC).
    pub(super) fn to_utc_s(&self, local_s: i64) -> i64 {
        local_s - self.offset_of(self.changes.partition_point(|c| c.local_s <= local_s))
    }

    /// The offset after the first `passed` changes.
    fn offset_of(&self, passed: usize) -> i64 {
        passed
            .checked_sub(1)
            .and_then(|last| self.changes.get(last))
            .map_or(self.first_offset_s, |change| change.offset_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_calendar_at_every_hour_around_a_change() {
        for name in ["America/New_York", "Europe/London", "Australia/Sydney"] {
            let zone = Zone::load(name).unwrap();
            let from: Timestamp = "2025-03-01T00:00:00Z".parse().unwrap();
            for hour in 0..24 * 300 {
                let utc_s = from.as_second() + hour * 3600;
                let instant = Timestamp::from_second(utc_s).unwrap();
                let expected = i64::from(zone.tz.to_offset(instant).seconds());
                assert_eq!(zone.offset_s(utc_s), expected, "{name} {instant}");
                let civil = Timestamp::from_second(utc_s)
                    .unwrap()
                    .to_zoned(TimeZone::UTC)
                    .datetime();
                let back = civil.to_zoned(zone.tz.clone()).unwrap().timestamp();
                assert_eq!(zone.to_utc_s(utc_s), back.as_second(), "{name} {civil}");
            }
        }
    }

    #[test]
    fn a_zone_without_changes_is_a_constant() {
        let zone = Zone::load("UTC").unwrap();
        assert_eq!(zone.offset_s(1_760_000_000), 0);
        assert_eq!(zone.to_utc_s(-5), -5);
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        assert!(Zone::load("Mars/Olympus").is_err());
    }
}
