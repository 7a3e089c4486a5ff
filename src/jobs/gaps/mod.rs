//! Is anything missing? Looked at after each task that keeps a series: the sessions of the
//! instrument's calendar against the stored final bars.
//!
//! A look costs three rows by their key and the dates of a month. The whole series is looked over
//! after much was written, and once for each completed session. It changes nothing but the record
//! of gaps, so it needs no turn: two looks at once find the same.

pub(super) mod fill;
mod presence;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

pub use watch::Watch;

use super::{Assignment, Done, Services, store_fault};
use crate::domain::{
    FaultClass, JobKind, KNOWN_FROM, Provider, SessionCalendar, Symbol, SymbolHealth, compare,
    last_expected,
};
use crate::store::Watched;
use crate::telemetry::events;
use crate::upstream::{Budget, Fault, Said};

/// Days before the newest completed session that an ordinary look covers: what the overlap of an
/// incremental request can have changed, and some more.
const LOOK_DAYS: i64 = 30;

/// A task that wrote more than this has loaded a series, or a good part of one.
const MANY_ROWS: u64 = 40;

/// Fewer symbols without a session are their own affair.
const SYSTEMIC_SYMBOLS: u64 = 3;

/// Above this share of a calendar's symbols it is the market's, or the upstream's.
const SYSTEMIC_SHARE: f64 = 0.2;

/// Systemic gaps told singly after one run; older ones are counted.
const TOLD_SINGLY: usize = 5;

/// What follows a task: the symbol has answered or not, and its series may lack sessions.
pub(super) async fn after(
    assignment: Assignment,
    symbol: &Symbol,
    budget: &Budget,
    result: Result<Done, Fault>,
    services: &Services,
) -> Result<Done, Fault> {
    match result {
        Ok(done) => {
            presence::answered(symbol, budget, services).await?;
            if keeps_a_series(assignment) {
                look(assignment, symbol, budget, done.rows_written, services).await?;
            }
            Ok(done)
        }
        Err(fault) if fault.class == FaultClass::NotFound => {
            presence::not_found(symbol, budget, services).await;
            Err(fault)
        }
        Err(fault) => Err(fault),
    }
}

/// Quotes come while a session is going, and what fills gaps does not ask for the newest sessions:
/// that these are not there yet says nothing.
fn keeps_a_series(assignment: Assignment) -> bool {
    !matches!(
        assignment,
        Assignment::Job(JobKind::Quotes | JobKind::FillGaps | JobKind::Indicators)
            | Assignment::Indicators(_)
    )
}

/// Compares a series with its calendar, and writes down what has changed.
async fn look(
    assignment: Assignment,
    symbol: &Symbol,
    budget: &Budget,
    rows_written: u64,
    services: &Services,
) -> Result<(), Fault> {
    let store = &services.store;
    let watched = store.watched(symbol).await.map_err(store_fault)?;
    let now = services.clock.now();
    let calendar = calendar(symbol, &watched, services, now).await?;
    let (Some(calendar), Some(covered_from)) = (calendar, watched.covered_from) else {
        return Ok(());
    };
    let provider = expected_of(symbol, budget, services).await?;
    let Some(last) = last_expected(&calendar, provider, now) else {
        return Ok(());
    };
    let first_trade = watched.instrument.and_then(|known| known.first_trade_date);
    let begins = covered_from
        .max(first_trade.unwrap_or(covered_from))
        .max(KNOWN_FROM);
    let is_whole = rows_written > MANY_ROWS || !services.watch.has_seen_whole(symbol, last);
    let month = last.saturating_sub(jiff::Span::new().days(LOOK_DAYS));
    let (from, to) = match assignment {
        Assignment::Backfill { from, to } => (begins.max(from), last.min(to)),
        _ if is_whole => (begins, last),
        _ => (begins.max(month), last),
    };
    if from <= to {
        let stored = store.final_sessions(symbol, from, to).await;
        let known = store.gap_states(symbol, from, to).await;
        let (stored, known) = (stored.map_err(store_fault)?, known.map_err(store_fault)?);
        let changes = compare(&calendar, (from, to), &stored, &known);
        if !changes.is_empty() {
            let settled = store.settle_gaps(symbol, calendar.code(), &changes, now);
            settled.await.map_err(store_fault)?;
        }
        tell_found(symbol, &calendar, &changes.found, services);
    }
    if is_whole && matches!(assignment, Assignment::Job(_)) {
        services.watch.note_whole(symbol, last);
    }
    Ok(())
}

/// Whose bars the series must have by now: of the provider that has just answered, else of the one
/// that gave the newest bar, else of the one that would be asked first.
async fn expected_of(
    symbol: &Symbol,
    budget: &Budget,
    services: &Services,
) -> Result<Provider, Fault> {
    let mut heard = budget.heard().into_iter().rev();
    let answered = heard.find(|(_, said)| *said == Said::Known);
    if let Some(provider) = answered.and_then(|(name, _)| Provider::from_name(name)) {
        return Ok(provider);
    }
    let known = services.store.known(symbol, 1).await.map_err(store_fault)?;
    let newest = known.sources.last();
    let provider = newest.and_then(|name| Provider::from_name(name));
    Ok(provider.unwrap_or(budget.providers().first()))
}

fn tell_found(symbol: &Symbol, calendar: &SessionCalendar, found: &[Date], services: &Services) {
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return;
    };
    services.watch.note_found();
    events::DataGapsFound {
        symbol: symbol.as_str(),
        calendar: calendar.code(),
        sessions: found.len() as u64,
        first: &first.to_string(),
        last: &last.to_string(),
    }
    .emit();
}

/// The calendar `symbol` is held against; a change is remembered, and an unknown one told once.
async fn calendar(
    symbol: &Symbol,
    watched: &Watched,
    services: &Services,
    now: Timestamp,
) -> Result<Option<Arc<SessionCalendar>>, Fault> {
    let Some(instrument) = &watched.instrument else {
        return Ok(None);
    };
    let calendar = services.watch.calendar(symbol, instrument);
    let code = calendar.as_ref().map(|calendar| calendar.code().to_owned());
    if code != watched.health.calendar {
        let with_calendar = |health: &SymbolHealth| SymbolHealth {
            calendar: code.clone(),
            ..health.clone()
        };
        let changed = services.store.change_health(symbol, now, with_calendar);
        changed.await.map_err(store_fault)?;
    }
    if calendar.is_none() && services.watch.is_first_without_calendar(instrument) {
        events::DataCalendarUnknown {
            symbol: symbol.as_str(),
            exchange: instrument.exchange.as_deref().unwrap_or_default(),
            instrument_type: instrument.instrument_type.as_deref().unwrap_or_default(),
        }
        .emit();
    }
    Ok(calendar)
}

/// The symbols of a run that have something to do. A run of `fill_gaps` has those with due gaps,
/// so that the others cost neither a request nor a row. One that no person asked for leaves
/// delisted symbols alone until their week is over. When the database cannot say, all have.
pub(super) async fn needed(
    assignment: Assignment,
    symbols: &Arc<[Symbol]>,
    is_planned: bool,
    services: &Services,
) -> Arc<[Symbol]> {
    let now = services.clock.now();
    let due = match assignment {
        Assignment::Job(JobKind::FillGaps) => services.store.symbols_with_due_gaps(now).await.ok(),
        Assignment::Job(_) => None,
        // Indicators ask nobody: a delisted symbol may still get a corrected bar.
        Assignment::Backfill { .. } | Assignment::Indicators(_) => return Arc::clone(symbols),
    };
    let mut resting = HashSet::new();
    if is_planned && let Ok(delisted) = services.store.delisted().await {
        let at_rest = delisted
            .into_iter()
            .filter(|(_, health)| health.is_resting(now));
        resting.extend(at_rest.map(|(symbol, _)| symbol));
    }
    if due.is_none() && resting.is_empty() {
        return Arc::clone(symbols);
    }
    let is_needed = |symbol: &&Symbol| {
        let is_due = due.as_ref().is_none_or(|due| due.contains(symbol.as_str()));
        is_due && !resting.contains(symbol.as_str())
    };
    symbols.iter().filter(is_needed).cloned().collect()
}

/// After a run: does a whole market lack a session? Asked here because a run is what finds gaps,
/// and only when some task has found one since it was asked last. A failure is not told: the
/// question stays open until the next run.
pub(super) async fn after_run(assignment: Assignment, services: &Services) {
    if !keeps_a_series(assignment) || !services.watch.take_found() {
        return;
    }
    let now = services.clock.now();
    let taken = services
        .store
        .take_systemic_gaps(SYSTEMIC_SYMBOLS, SYSTEMIC_SHARE, now)
        .await;
    let Ok(gaps) = taken else {
        services.watch.note_found();
        return;
    };
    let older = gaps.len().saturating_sub(TOLD_SINGLY);
    for gap in gaps.iter().take(TOLD_SINGLY) {
        events::DataSystemicGap {
            calendar: &gap.calendar,
            session: &gap.trading_date.to_string(),
            symbols_missing: gap.missing,
            symbols_watched: gap.watched,
            share_percent: (gap.missing * 100).checked_div(gap.watched).unwrap_or(100),
            older_sessions: older as u64,
        }
        .emit();
    }
}
