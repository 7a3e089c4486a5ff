//! What goes into the store about a symbol, and what is known of it before.

use jiff::civil::Date;

use crate::domain::{AllTimeHigh, DailyBar, Quote};

/// What the upstream says a symbol is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instrument {
    /// Quoted unit, sub-units kept (`GBp`).
    pub currency: Option<String>,
    /// IANA name of the exchange's zone.
    pub timezone: String,
    /// `EQUITY`, `INDEX`, `CURRENCY` …, as sent.
    pub instrument_type: Option<String>,
    /// The exchange's code, as sent.
    pub exchange: Option<String>,
    /// Local date of the first trade.
    pub first_trade_date: Option<Date>,
}

/// What is stored about a symbol before an answer is looked at.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The newest stored bars, oldest first.
    pub bars: Vec<DailyBar>,
    /// The stored quote.
    pub quote: Option<Quote>,
    /// The stored instrument.
    pub instrument: Option<Instrument>,
    /// The stored all-time high.
    pub high: Option<AllTimeHigh>,
    /// The provider of each of the bars, in their order.
    pub sources: Vec<String>,
}

/// A validated answer, ready to be stored.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Bars, oldest first, one per date.
    pub bars: Vec<DailyBar>,
    /// The quote, when the upstream sent a price.
    pub quote: Option<Quote>,
    /// The instrument.
    pub instrument: Instrument,
    /// Provider's name.
    pub source: &'static str,
    /// What the bars say about the time they span.
    pub covers: Covers,
    /// Whether the bars only fill sessions without a final one: those of another provider stay.
    pub fills_only: bool,
}

/// What an answer's bars say about the time they span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covers {
    /// They continue what is stored, or lie apart from it: the stored coverage stays as it is.
    Unchanged,
    /// From the first of them until now nothing is missing.
    FromFirstBar,
    /// The same, and stored bars in their range that they lack no longer hold (a restated series).
    Replaced,
}

/// How much of an answer was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Bars inserted or changed.
    pub bars: u64,
    /// Other rows inserted or changed.
    pub others: u64,
}

impl Written {
    /// All rows inserted or changed.
    pub fn rows(self) -> u64 {
        self.bars + self.others
    }
}
