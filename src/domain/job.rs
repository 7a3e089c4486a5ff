//! The closed set of work a schedule can name.

use std::fmt;

/// A kind of work. There is no plugin system and no shell: this enum is the registry's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobKind {
    /// The latest price of each symbol.
    Quotes,
    /// Daily bars: ten years the first time, then what is new with a 10-session overlap.
    DailyBars,
    /// Close, high and low of the last completed session.
    PriceSnapshots,
    /// The highest price since the first trade.
    AllTimeHigh,
    /// Sessions that lack their bar, asked for again.
    FillGaps,
    /// Averages, oscillators and signals of the stored bars.
    Indicators,
}

impl JobKind {
    /// Every kind, in the order the documentation lists them.
    pub const ALL: [Self; 6] = [
        Self::Quotes,
        Self::DailyBars,
        Self::PriceSnapshots,
        Self::AllTimeHigh,
        Self::FillGaps,
        Self::Indicators,
    ];

    /// The name used in schedules.toml, the database and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quotes => "quotes",
            Self::DailyBars => "daily_bars",
            Self::PriceSnapshots => "price_snapshots",
            Self::AllTimeHigh => "all_time_high",
            Self::FillGaps => "fill_gaps",
            Self::Indicators => "indicators",
        }
    }

    /// What it does, in one line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Quotes => "latest price of each symbol",
            Self::DailyBars => "daily bars, ten years the first time, then only what is new",
            Self::PriceSnapshots => "close, high and low of the last completed session",
            Self::AllTimeHigh => "highest price since the first trade",
            Self::FillGaps => "sessions that lack their bar, asked for again",
            Self::Indicators => "averages, oscillators and signals of the stored bars",
        }
    }

    /// Whether a run sends about one request a symbol: what plans of the load reckon with.
    pub fn asks_for_every_symbol(self) -> bool {
        !matches!(self, Self::FillGaps | Self::Indicators)
    }

    /// Finds a kind by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
