//! Is an answer about what is on record under its symbol?

use jiff::civil::Date;

use super::validation::other_instrument;
use super::{Services, store_fault};
use crate::domain::{DailyBar, FaultClass, Flagged, Rule, Symbol};
use crate::store::Known;
use crate::telemetry::events;
use crate::upstream::{Chart, Fault};

/// Refuses an answer about something else than the instrument on record (rule V9): nothing of it is
/// stored but a note in quarantine.
pub(super) async fn check_identity(
    symbol: &Symbol,
    chart: &Chart,
    known: &Known,
    services: &Services,
) -> Result<(), Fault> {
    let now = services.clock.now();
    // Providers name currencies and zones in ways of their own: one is held to what it said itself,
    // which is certain only where nobody else has had a part in the series.
    let mut sources = known.sources.iter();
    let is_own = !known.sources.is_empty() && sources.all(|source| source == chart.source);
    let recorded = known.instrument.as_ref().filter(|_| is_own);
    let Some(reason) = other_instrument(chart, symbol, recorded, now) else {
        return Ok(());
    };
    let provider = chart.source;
    // One note while it lasts: the newest stored session does not change meanwhile.
    let newest = known.bars.last().map(|bar| bar.trading_date);
    let note = Flagged {
        bar: absent(newest.unwrap_or_else(|| chart.zone.to_datetime(now).date())),
        rule: Rule::Identity,
        reason: reason.clone(),
    };
    let held = services.store.hold(symbol, &[note], provider, now).await;
    if held.map_err(store_fault)? > 0 {
        events::DataAnswerRefused {
            provider,
            symbol: symbol.as_str(),
            reason: &reason,
        }
        .emit();
    }
    let message = format!("V9: {reason}; nothing of the answer is stored");
    Err(Fault::new(FaultClass::Refused, message))
}

/// A row without any value.
fn absent(trading_date: Date) -> DailyBar {
    DailyBar {
        trading_date,
        open: f64::NAN,
        high: f64::NAN,
        low: f64::NAN,
        close: f64::NAN,
        adj_close: None,
        volume: None,
        is_final: false,
    }
}
