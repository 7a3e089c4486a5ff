//! The upstreams behind one trait, and the politeness every request goes through: `gate.rs` tells
//! in which order. In front of all that the answers of a moment ago.

mod answers;
pub mod binance;
mod budget;
mod chain;
mod client;
mod cooldown;
mod deferred;
mod endpoint;
mod gate;
mod health;
mod lanes;
mod limiter;
mod line;
mod pace;
mod pings;
mod refusal;
mod retry;
mod retry_after;
mod symbols;
pub mod tiingo;
pub mod yahoo;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use answers::Answers;
pub use binance::Binance;
pub use budget::{Budget, CallCounts, Said};
pub use chain::Chain;
pub use client::ClientError;
pub use deferred::Deferred;
pub use gate::Gate;
pub use lanes::Lane;
pub use pings::Pings;
pub use retry::Waits;
pub use tiingo::Tiingo;
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

    /// The pace in force of each provider behind this one that was built, in requests a second.
    fn paces(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// What is missing here (a key), so that nobody can be asked whatever the symbol.
    fn lacks(&self) -> Option<Fault> {
        None
    }

    /// What was answered about `symbol` up to now is overtaken: the next question is asked anew
    /// even when the same one was answered a moment ago.
    fn forget(&self, _symbol: &Symbol) {}

    /// Whether a symbol of this form can be one of the provider's. Others are not asked for.
    fn can_have(&self, _symbol: &Symbol) -> bool {
        true
    }

    /// Whether [`Self::latest`] is worth asking for this task.
    fn gives_latest(&self, _budget: &Budget) -> bool {
        false
    }

    /// The latest price alone, as a chart without bars, where the provider has a cheaper way to it
    /// than a chart. `None` when it has not, or when that way failed: then a chart is asked for.
    async fn latest(&self, _request: &LatestRequest, _budget: &Budget) -> Option<Chart> {
        None
    }

    /// Daily bars of one symbol in a window, with the latest price. Bars behind the window may
    /// come, too, where the provider needs them for itself.
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

/// A question for the latest price.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestRequest {
    /// The symbol.
    pub symbol: Symbol,
    /// The exchange's zone as far as it is known; some answers do not tell it.
    pub zone: Option<TimeZone>,
}
/// Longest message of a fault in bytes: upstreams put whole pages into theirs, and a message goes
/// into the log and the ledger.
const MAX_MESSAGE_BYTES: usize = 400;

/// What went wrong with a question, as a class with words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// How to treat it.
    pub class: FaultClass,
    /// What to tell people: one short line, never with a URL.
    pub message: String,
    /// How long the upstream asked us to stay away.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault without a `Retry-After`. A message that is long or holds control characters, as
    /// parts of an answer may, is made one short line.
    pub fn new(class: FaultClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: one_line(message.into()),
            retry_after: None,
        }
    }
}

fn one_line(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        message.push('…');
        message.shrink_to_fit();
    }
    if message.contains(char::is_control) {
        message = message.replace(char::is_control, " ");
    }
    message
}

/// An answer, parsed and sorted into good and bad rows. Prices are rounded to their short form, and
/// adjusted for all splits until today, not for dividends: what a provider sends as traded, it
/// converts or refuses.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Name of the provider that answered.
    pub source: &'static str,
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

impl Chart {
    /// An answer of daily, split-adjusted bars with nothing in it yet.
    pub fn empty(source: &'static str, symbol: &str, zone: TimeZone) -> Self {
        Self {
            source,
            symbol: symbol.to_owned(),
            granularity: "1d".to_owned(),
            zone,
            currency: None,
            instrument_type: None,
            exchange: None,
            first_trade_date: None,
            bars: Vec::new(),
            rows: 0,
            null_rows: 0,
            rejected: Vec::new(),
            price: None,
            settles_at: None,
            splits: Vec::new(),
            dividends: Vec::new(),
            capital_gains: Vec::new(),
        }
    }
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
    /// Close of the session before, where the answer tells it without bars.
    pub previous_close: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_fault_is_one_short_line_whatever_the_upstream_wrote() {
        let told = |message: &str| Fault::new(FaultClass::Outage, message).message;
        assert_eq!(told("short, and `as it is`"), "short, and `as it is`");
        assert_eq!(told("a\r\nb\0c\u{1b}[2Jd"), "a  b c [2Jd");
        let long = told(&"ä".repeat(5_000_000));
        assert!(long.len() <= MAX_MESSAGE_BYTES + '…'.len_utf8() && long.ends_with("ä…"));
        assert!(
            long.capacity() < 2 * MAX_MESSAGE_BYTES,
            "the rest is kept in memory"
        );
    }
}
