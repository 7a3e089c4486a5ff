//! What the log says of an answer.

use crate::domain::{Flagged, Rule, Symbol};
use crate::store::{Answer, Known, Written};
use crate::telemetry::events;

/// Says what was kept out and what was let in: loudly when a person should look, and once.
pub(super) fn tell(symbol: &Symbol, provider: &str, rejected: &[Flagged], written: Written) {
    let symbol = symbol.as_str();
    let doubts = || rejected.iter().filter(|one| one.rule.is_doubt());
    if let Some(first) = doubts().next()
        && written.held > 0
    {
        events::DataRowsHeld {
            provider,
            symbol,
            rows: doubts().count() as u64,
            first_date: &first.bar.trading_date.to_string(),
            rule: first.rule.as_str(),
            reason: &first.reason,
        }
        .emit();
    } else if let Some(first) = rejected.first() {
        events::DataRowsRejected {
            provider,
            symbol,
            rows: rejected.len() as u64,
            first_date: &first.bar.trading_date.to_string(),
            first_reason: &format!("{}: {}", first.rule, first.reason),
        }
        .emit();
    }
    if written.released > 0 {
        events::DataRowsReleased {
            provider,
            symbol,
            rows: written.released,
        }
        .emit();
    }
    if written.corrected > 0 {
        events::DataBarsCorrected {
            provider,
            symbol,
            bars: written.corrected,
        }
        .emit();
    }
}

/// Says that a bar came for a day without a session, once.
pub(super) fn tell_notes(symbol: &Symbol, answer: &Answer, known: &Known) {
    if let Some(first) = newly_noted(answer, known) {
        events::DataNoSession {
            provider: answer.source,
            symbol: symbol.as_str(),
            first_date: &first.bar.trading_date.to_string(),
            reason: &first.reason,
        }
        .emit();
    }
}

/// The first bar on a day without a session that was not noted before.
fn newly_noted<'a>(answer: &'a Answer, known: &Known) -> Option<&'a Flagged> {
    let mut strays = answer
        .flagged
        .iter()
        .filter(|one| one.rule == Rule::NoSession);
    let is_noted = |one: &Flagged| {
        let mut rows = known.quarantine.iter();
        rows.any(|row| row.rule == one.rule && row.bar.trading_date == one.bar.trading_date)
    };
    strays.find(|one| !is_noted(one))
}
