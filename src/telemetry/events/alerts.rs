//! Price alerts: what people asked to be told of a price.

use crate::telemetry::catalogue::events;

/// All alerts say the same of their price; a log alert goes by their names.
macro_rules! price_alerts {
    ($(
        #[doc = $meaning:literal]
        $name:ident { $event:literal, $code:literal, $message:literal }
    )*) => {
        events! {
            $(
                #[doc = $meaning]
                $name<'a> {
                    $event, $code, WARN, $message,
                    action: "None for the operator; thresholds stand under [alerts].",
                    tells: PRICE_ALERT,
                    "task.symbol": symbol: &'a str,
                    "rules": rules: &'a str,
                    "threshold_pct": threshold_pct: f64,
                    "change_pct": change_pct: f64,
                    "price": price: f64,
                    "reference_price": reference_price: f64,
                    "reference_date": reference_date: &'a str,
                    "market_time": market_time: &'a str,
                }
            )*
            /// Alerts on a price could not be looked up or remembered; the next price tries again.
            AlertsUnchecked<'a> {
                "alert.unchecked", "FS5107", WARN, "price could not be checked for alerts",
                action: "Look for store events nearby; the price itself is stored.",
                "task.symbol": symbol: &'a str,
                "reason": reason: &'a str,
            }
        }
    };
}

price_alerts! {
    /// A price rose by a threshold above the previous close.
    AlertRise { "alert.rise", "FS5101", "price rose above its threshold" }
    /// A price fell by a threshold below the previous close.
    AlertDrop { "alert.drop", "FS5102", "price fell below its threshold" }
    /// A price is above the highest high on record.
    AlertNewHigh { "alert.new_high", "FS5103", "price above its all-time high" }
    /// A price fell by a threshold below the highest high on record.
    AlertDropFromHigh { "alert.drop_from_high", "FS5104", "price far below its all-time high" }
    /// A price is above the previous session's high.
    AlertBreakHigh { "alert.break_high", "FS5105", "price above the previous session's high" }
    /// A price is below the previous session's low.
    AlertBreakLow { "alert.break_low", "FS5106", "price below the previous session's low" }
}
