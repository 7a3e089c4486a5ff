//! Whether a symbol is still there: `not_found` is counted while others answer, and forgotten with
//! the first answer.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::super::{Services, store_fault};
use crate::domain::{Symbol, SymbolHealth};
use crate::store::StoreError;
use crate::telemetry::events;
use crate::upstream::Fault;

/// `symbol` was asked for and answered: it is there, and others that are not are so for good.
pub(super) async fn answered(symbol: &Symbol, services: &Services) -> Result<(), Fault> {
    let now = services.clock.now();
    for (other, at) in services.watch.answered(symbol, now) {
        // What cannot be written is counted the next time.
        let _ = count(&other, at, services).await;
    }
    let health = services.store.health(symbol).await.map_err(store_fault)?;
    let well = health.after_answer();
    if health == well {
        return Ok(());
    }
    let saved = services.store.save_health(symbol, &well, now).await;
    saved.map_err(store_fault)?;
    if let Some(since) = health.delisted_at {
        events::DataSymbolReturned {
            symbol: symbol.as_str(),
            delisted_at: &since.to_string(),
        }
        .emit();
    }
    Ok(())
}

/// The upstream does not know `symbol`. Counted when another one answers within the hour; that one
/// called delisted was asked for again is noted in any case.
pub(super) async fn not_found(symbol: &Symbol, services: &Services) {
    let now = services.clock.now();
    // The task has failed already; what cannot be read or written is counted the next time.
    let Ok(mut health) = services.store.health(symbol).await else {
        return;
    };
    if health.delisted_at.is_some() {
        health.asked_at = Some(now);
        let _ = services.store.save_health(symbol, &health, now).await;
    } else if services.watch.has_witness(symbol, now) {
        let _ = count(symbol, now, services).await;
    }
}

async fn count(symbol: &Symbol, now: Timestamp, services: &Services) -> Result<(), StoreError> {
    let health = services.store.health(symbol).await?;
    let Some(date) = trading_date(&health, now, services) else {
        return Ok(());
    };
    let next = health.after_not_found(date, now);
    services.store.save_health(symbol, &next, now).await?;
    if health.delisted_at.is_none() && next.delisted_at.is_some() {
        events::DataSymbolDelisted {
            symbol: symbol.as_str(),
            not_found: next.not_found_count.into(),
            trading_days: next.not_found_days.into(),
            since: &next.not_found_since.unwrap_or(now).to_string(),
        }
        .emit();
    }
    Ok(())
}

/// The session of the symbol's calendar at `now`; a weekday in UTC where no calendar is known.
fn trading_date(health: &SymbolHealth, now: Timestamp, services: &Services) -> Option<Date> {
    let code = health.calendar.as_deref();
    if let Some(calendar) = code.and_then(|code| services.watch.by_code(code)) {
        let date = calendar.date_of(now);
        return calendar.has_session(date).then_some(date);
    }
    let date = TimeZone::UTC.to_datetime(now).date();
    let is_weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    (!is_weekend || code == Some("24/7")).then_some(date)
}
