//! `starts_at` and `expires_at`: the life of a schedule.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::reader::Table;

/// Both ends of a schedule's life; times without an offset are local to its zone.
pub(super) fn life(table: &Table<'_>, zone: &TimeZone) -> (Option<Timestamp>, Option<Timestamp>) {
    let starts_at = table.instant("starts_at", zone);
    let expires_at = table.instant("expires_at", zone);
    if let (Some(start), Some(end)) = (starts_at, expires_at)
        && start >= end
    {
        let message = format!("{} expires before it starts", table.name());
        table.context().error(table.span(), message, "");
    }
    (starts_at, expires_at)
}
