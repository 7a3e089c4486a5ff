//! The latest price of a symbol, and what is derived from its final bars.

use jiff::Timestamp;
use jiff::civil::Date;

/// The latest known price of a symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// Last traded price in `currency`.
    pub price: f64,
    /// When the exchange stamped that price.
    pub market_time: Timestamp,
    /// Session the price belongs to (exchange's local date).
    pub trading_date: Date,
    /// Quoted unit, sub-units kept as sent (`GBp`); absent for dead symbols.
    pub currency: Option<String>,
    /// Close of the last final bar before `trading_date`.
    pub previous_close: Option<f64>,
    /// Highest price of the session so far.
    pub day_high: Option<f64>,
    /// Lowest price of the session so far.
    pub day_low: Option<f64>,
    /// Volume of the session so far.
    pub day_volume: Option<i64>,
}

/// Close, high and low of the last completed session: what a live price is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceSnapshot {
    /// The completed session (exchange's local date).
    pub trading_date: Date,
    /// Its close.
    pub close: f64,
    /// Its high.
    pub high: f64,
    /// Its low.
    pub low: f64,
}

/// The highest high of all final bars on record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllTimeHigh {
    /// The highest high.
    pub price: f64,
    /// Its session; the earliest when the high was reached more than once.
    pub trading_date: Date,
    /// First session considered: an all-time high is only as old as the bars behind it.
    pub covered_from: Date,
}
