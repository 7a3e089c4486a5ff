//! Whether a symbol is still there: `not_found` is counted while its provider answers for others, and
//! forgotten with the first answer.
//!
//! Only what a provider said to a request of the task itself counts, so neither kept answers nor a
//! provider that could not be asked (no key, out of order) says anything.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::super::refresh::KNOWN_BARS;
use super::super::{Services, store_fault};
use crate::domain::{Symbol, SymbolHealth};
use crate::store::{Known, StoreError};
use crate::telemetry::events;
use crate::upstream::{Budget, Fault, Said};

/// Days looked back for a session: no market rests longer.
const LONGEST_REST_DAYS: usize = 30;

/// Who has said this to the task's own requests, in the order in which they spoke.
fn who_said(budget: &Budget, wanted: Said) -> impl Iterator<Item = &'static str> {
    let heard = budget.heard().into_iter();
    heard.filter_map(move |(provider, said)| (said == wanted).then_some(provider))
}

/// `symbol` may have been asked for and answered: then it is there, and others that are not are so
/// for good.
pub(super) async fn answered(
    symbol: &Symbol,
    budget: &Budget,
    services: &Services,
) -> Result<(), Fault> {
    let now = services.clock.now();
    let mut is_there = false;
    for provider in who_said(budget, Said::Known) {
        is_there = true;
        for (other, at) in services.watch.answered(provider, symbol, now) {
            // What cannot be written is counted the next time.
            let _ = count(&other, at, services).await;
        }
    }
    if !is_there {
        return Ok(());
    }
    // Most symbols are well: that costs a look and no write.
    let health = services.store.health(symbol).await.map_err(store_fault)?;
    if health == health.after_answer() {
        return Ok(());
    }
    let well = services
        .store
        .change_health(symbol, now, SymbolHealth::after_answer);
    let (health, _) = well.await.map_err(store_fault)?;
    if let Some(since) = health.delisted_at {
        events::DataSymbolReturned {
            symbol: symbol.as_str(),
            delisted_at: &since.to_string(),
        }
        .emit();
    }
    Ok(())
}

/// Nobody who could be asked knows `symbol`. Counted when the provider whose word it is answers for
/// another symbol within the hour; that one called delisted was asked for again is noted in any case.
pub(super) async fn not_found(symbol: &Symbol, budget: &Budget, services: &Services) {
    let said: Vec<&'static str> = who_said(budget, Said::Unknown).collect();
    let Some(first) = said.first().copied() else {
        return;
    };
    let now = services.clock.now();
    // The task has failed already; what cannot be read or written is counted the next time.
    let Ok(known) = services.store.known(symbol, KNOWN_BARS).await else {
        return;
    };
    // The word of the one who keeps the series counts: another may never have had the symbol.
    let keeps = |name: &&'static str| known.sources.iter().any(|source| source == *name);
    let provider = said.iter().copied().find(keeps).unwrap_or(first);
    let Ok(health) = services.store.health(symbol).await else {
        return;
    };
    if health.delisted_at.is_some() {
        let asked = |health: &SymbolHealth| health.after_ask(now);
        let _ = services.store.change_health(symbol, now, asked).await;
    } else if services.watch.has_witness(provider, symbol, now) {
        let _ = count(symbol, now, services).await;
    }
}

async fn count(symbol: &Symbol, now: Timestamp, services: &Services) -> Result<(), StoreError> {
    let known = services.store.known(symbol, 1).await?;
    let health = services.store.health(symbol).await?;
    let date = trading_date(symbol, &known, &health, now, services);
    let missing = |health: &SymbolHealth| health.after_not_found(date, now);
    let (before, after) = services.store.change_health(symbol, now, missing).await?;
    if before.delisted_at.is_none() && after.delisted_at.is_some() {
        events::DataSymbolDelisted {
            symbol: symbol.as_str(),
            not_found: after.not_found_count.into(),
            trading_days: after.not_found_days.into(),
            since: &after.not_found_since.unwrap_or(now).to_string(),
        }
        .emit();
    }
    Ok(())
}

/// The trading day a `not_found` at `now` belongs to: the newest session that has begun its day.
/// What is said on a weekend or a holiday belongs to the session before it, so that it counts, but
/// a weekend is no second and third day. Without a calendar weekdays in UTC are trading days.
fn trading_date(
    symbol: &Symbol,
    known: &Known,
    health: &SymbolHealth,
    now: Timestamp,
    services: &Services,
) -> Date {
    let watch = &services.watch;
    let instrument = known.instrument.as_ref();
    let of_instrument = instrument.and_then(|instrument| watch.calendar(symbol, instrument));
    let by_code = || watch.by_code(health.calendar.as_deref()?);
    let calendar = of_instrument
        .or_else(by_code)
        .or_else(|| watch.of_schedule(symbol));
    if let Some(calendar) = calendar {
        let date = calendar.date_of(now);
        return back_from(date)
            .find(|date| calendar.has_session(*date))
            .unwrap_or(date);
    }
    let date = TimeZone::UTC.to_datetime(now).date();
    let is_weekday = |date: &Date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    back_from(date).find(is_weekday).unwrap_or(date)
}

/// `date` and the days before it.
fn back_from(date: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(date), |date| date.yesterday().ok()).take(LONGEST_REST_DAYS)
}
