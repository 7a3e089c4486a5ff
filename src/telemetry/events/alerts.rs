//! Price alerts: what people asked to be told of a price.

use crate::telemetry::catalogue::events;

events! {
    /// A price rose by a threshold above the previous close.
    AlertRise<'a> {
        "alert.rise", "FS5101", WARN, "price rose above its threshold",
        action: "None for the operator; thresholds stand under [alerts].",
        "task.symbol": symbol: &'a str,
        "rules": rules: &'a str,
        "threshold_pct": threshold_pct: f64,
        "change_pct": change_pct: f64,
        "price": price: f64,
        "reference_price": reference_price: f64,
        "reference_date": reference_date: &'a str,
        "market_time": market_time: &'a str,
    }
    /// A price fell by a threshold below the previous close.
    AlertDrop<'a> {
        "alert.drop", "FS5102", WARN, "price fell below its threshold",
        action: "None for the operator; thresholds stand under [alerts].",
        "task.symbol": symbol: &'a str,
        "rules": rules: &'a str,
        "threshold_pct": threshold_pct: f64,
        "change_pct": change_pct: f64,
        "price": price: f64,
        "reference_price": reference_price: f64,
        "reference_date": reference_date: &'a str,
        "market_time": market_time: &'a str,
    }
    /// A price is above the highest high on record.
    AlertNewHigh<'a> {
        "alert.new_high", "FS5103", WARN, "price above its all-time high",
        action: "None for the operator; thresholds stand under [alerts].",
        "task.symbol": symbol: &'a str,
        "rules": rules: &'a str,
        "threshold_pct": threshold_pct: f64,
        "change_pct": change_pct: f64,
        "price": price: f64,
        "reference_price": reference_price: f64,
        "reference_date": reference_date: &'a str,
        "market_time": market_time: &'a str,
    }
    /// A price fell by a threshold below the highest high on record.
    AlertDropFromHigh<'a> {
        "alert.drop_from_high", "FS5104", WARN, "price far below its all-time high",
        action: "None for the operator; thresholds stand under [alerts].",
        "task.symbol": symbol: &'a str,
        "rules": rules: &'a str,
        "threshold_pct": threshold_pct: f64,
        "change_pct": change_pct: f64,
        "price": price: f64,
        "reference_price": reference_price: f64,
        "reference_date": reference_date: &'a str,
        "market_time": market_time: &'a str,
    }
    /// A price is above the previous session's high.
    AlertBreakHigh<'a> {
        "alert.break_high", "FS5105", WARN, "price above the previous session's high",
        action: "None for the operator; thresholds stand under [alerts].",
        "task.symbol": symbol: &'a str,
        "rules": rules: &'a str,
        "threshold_pct": threshold_pct: f64,
        "change_pct": change_pct: f64,
        "price": price: f64,
        "reference_price": reference_price: f64,
        "reference_date": reference_date: &'a str,
        "market_time": market_time: &'a str,
    }
    /// A price is below the previous session's low.
    AlertBreakLow<'a> {
        "alert.break_low", "FS5106", WARN, "price below the previous session's low",
        action: "None for the operator; thresholds stand under [alerts].",
        "task.symbol": symbol: &'a str,
        "rules": rules: &'a str,
        "threshold_pct": threshold_pct: f64,
        "change_pct": change_pct: f64,
        "price": price: f64,
        "reference_price": reference_price: f64,
        "reference_date": reference_date: &'a str,
        "market_time": market_time: &'a str,
    }
    /// Alerts on a price could not be looked up or remembered; the next price tries again.
    AlertsUnchecked<'a> {
        "alert.unchecked", "FS5107", WARN, "price could not be checked for alerts",
        action: "Look for store events nearby; the price itself is stored.",
        "task.symbol": symbol: &'a str,
        "reason": reason: &'a str,
    }
}
