//! Prices.

use crate::telemetry::catalogue::events;

events! {
    /// Rows of an answer broke a validation rule and were not stored.
    DataRowsRejected<'a> {
        "data.rows_rejected", "FS5001", DEBUG, "rows broke a validation rule and were not stored",
        action: "Look at the symbol at the provider; stored good rows are untouched.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "rows": rows: u64,
        "first_date": first_date: &'a str,
        "first_reason": first_reason: &'a str,
    }
    /// The upstream restated a series (a split); the whole series is fetched again.
    DataRestated<'a> {
        "data.restated", "FS5002", INFO, "series restated by the upstream, fetched again",
        action: "None.",
        "task.symbol": symbol: &'a str,
        "reason": reason: &'a str,
    }
}
