//! What goes into the store about a symbol, and what is known of it before.

use jiff::civil::Date;

use crate::domain::{
    AllTimeHigh, CorporateAction, DailyBar, Flagged, QuarantineState, Quote, Rule,
};

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
    /// Rows in quarantine that are held or noted, by date.
    pub quarantine: Vec<Quarantined>,
    /// The final bars that were taken in from quarantine, oldest first: what was decided about them
    /// holds.
    pub believed: Vec<DailyBar>,
}

/// A row in quarantine, as far as the next answer needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quarantined {
    /// Its number.
    pub id: i64,
    /// The rule it broke.
    pub rule: Rule,
    /// `Held` or `Noted`.
    pub state: QuarantineState,
    /// The row; absent prices are NaN.
    pub bar: DailyBar,
}

/// A validated answer, ready to be stored.
#[derive(Debug, Clone, Default)]
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
    /// Rows for the quarantine. Only those of rule V4 stand among the bars, too.
    pub flagged: Vec<Flagged>,
    /// Splits and distributions.
    pub actions: Vec<CorporateAction>,
    /// Why the upstream has changed all of the series, when it has: the trail then keeps the factor
    /// and not each bar.
    pub restated: Option<String>,
}

/// What an answer's bars say about the time they span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Covers {
    /// They continue what is stored, or lie apart from it: the stored coverage stays as it is.
    #[default]
    Unchanged,
    /// From the first of them until now nothing is missing.
    FromFirstBar,
    /// The same, and stored bars up to the last of them that they lack no longer hold (a restated
    /// series): those are on another scale.
    Replaced,
}

/// How much of an answer was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Bars inserted or changed.
    pub bars: u64,
    /// Other rows inserted or changed, the quarantine's apart.
    pub others: u64,
    /// Rows held in quarantine that were not held before.
    pub held: u64,
    /// Held rows that this answer has confirmed.
    pub released: u64,
    /// Final bars that were corrected one by one.
    pub corrected: u64,
}

impl Written {
    /// All rows inserted or changed.
    pub fn rows(self) -> u64 {
        self.bars + self.others
    }
}
