//! The upstreams behind one trait, and the politeness every request goes through:
//! places in flight ▸ cool-down ▸ pace (governor) ▸ client (reqwest), with retries
//! (backoff) around them; and in front of all that the answers of a moment ago.

mod answers;
mod budget;
mod client;
mod cooldown;
mod gate;
mod limiter;
mod pings;
mod retry;
pub mod yahoo;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use answers::Answers;
pub use budget::{Budget, CallCounts};
pub use client::ClientError;
pub use gate::Gate;
pub use pings::Pings;
pub use retry::Waits;
pub use yahoo::Yahoo;

use crate::domain::{BarFlaw, DailyBar, FaultClass, Symbol};

/// A provider of daily bars and the latest price.
#[async_trait::async_trait]
pub trait MarketData: Send + Sync {
    /// The provider's name in tables and log lines.
    fn name(&self) -> &'static str;

    /// Whose prices these are, as the database remembers it: `simulated`, or the host.
    fn origin(&self) -> String;

    /// Whether the upstream refuses our address right now, so that requests only wait.
    fn is_refusing(&self) -> bool {
        false
    }

    /// What was answered about `symbol` up to now is overtaken: the next question is asked anew
    /// even when the same one was answered a moment ago.
    fn forget(&self, _symbol: &Symbol) {}

    /// Daily bars of one symbol in a window, with the latest price.
    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault>;
}

/// A question for daily bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartRequest {
    /// The symbol.
    pub symbol: Symbol,
    /// Start of the window, included.
    pub from: Timestamp,
    /// End of the window, included.
    pub to: Timestamp,
}

/// What went wrong with a question, as a class with words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// How to treat it.
    pub class: FaultClass,
    /// What to tell people; never contains a URL.
    pub message: String,
    /// How long the upstream asked us to stay away.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault without a `Retry-After`.
    pub fn new(class: FaultClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            retry_after: None,
        }
    }
}

/// An answer, parsed and sorted into good and bad rows. Prices are rounded to their short form.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The symbol as the upstream spells it.
    pub symbol: String,
    /// The interval of the rows as the upstream states it.
    pub granularity: String,
    /// The exchange's zone.
    pub zone: TimeZone,
    /// Quoted unit, sub-units kept.
    pub currency: Option<String>,
    /// `EQUITY`, `INDEX` …, as sent.
    pub instrument_type: Option<String>,
    /// The exchange's code, as sent.
    pub exchange: Option<String>,
    /// Local date of the first trade.
    pub first_trade_date: Option<Date>,
    /// Good bars within the window, oldest first, one per local date.
    pub bars: Vec<DailyBar>,
    /// When the upstream stamped the first and the last good row.
    pub stamps: Option<(Timestamp, Timestamp)>,
    /// Rows in the answer.
    pub rows: usize,
    /// Rows without any price.
    pub null_rows: usize,
    /// Rows that broke a rule by themselves, absent prices NaN.
    pub rejected: Vec<(DailyBar, BarFlaw)>,
    /// The latest price.
    pub price: Option<LatestPrice>,
    /// When the bar of the session now going on (or just over) becomes final; absent when every
    /// bar is final already.
    pub settles_at: Option<Timestamp>,
    /// Splits in the window: local date, new shares per old share.
    pub splits: Vec<(Date, f64)>,
    /// Dividends in the window: local date, amount per share.
    pub dividends: Vec<(Date, f64)>,
    /// Capital gains distributed in the window: local date, amount per share.
    pub capital_gains: Vec<(Date, f64)>,
}

/// The latest price of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatestPrice {
    /// The price.
    pub price: f64,
    /// When the exchange stamped it.
    pub market_time: Timestamp,
    /// Highest of the session so far.
    pub day_high: Option<f64>,
    /// Lowest of the session so far.
    pub day_low: Option<f64>,
    /// Volume of the session so far.
    pub day_volume: Option<i64>,
}
