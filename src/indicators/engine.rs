//! What a set's indicators compute with: constants, shared by all symbols.

use super::adx::Adx;
use super::atr::Atr;
use super::bollinger::Bollinger;
use super::dd::Factor;
use super::ema::Ema;
use super::lines::Kept;
use super::macd::{self, Macd};
use super::rsi;
use super::set::IndicatorSet;
use super::sum::Count;

/// One of each that the set names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Engine {
    pub(super) set: IndicatorSet,
    pub(super) sma: Vec<Count>,
    /// The places of two of them, whose crosses are signals.
    pub(super) sma_50: Option<usize>,
    pub(super) sma_200: Option<usize>,
    pub(super) volume_sma: Option<Count>,
    pub(super) ema: Vec<Ema>,
    /// Of MACD's averages, gains and losses: while the RSI's first changes are summed, and after.
    pub(super) kept: [Kept; 2],
    pub(super) bollinger: Option<Bollinger>,
    /// The place of its middle band among the simple averages.
    pub(super) middle: Option<usize>,
    pub(super) macd: Option<Macd>,
    pub(super) atr: Option<Atr>,
    pub(super) adx: Option<Adx>,
}

impl Engine {
    pub(super) fn new(set: IndicatorSet) -> Self {
        let place = |period: u16| set.sma.iter().position(|sma| *sma == period);
        Self {
            sma_50: place(50),
            sma_200: place(200),
            middle: set.bollinger.and_then(|bands| place(bands.period)),
            sma: set.sma.iter().copied().map(Count::new).collect(),
            volume_sma: set.volume_sma.map(Count::new),
            ema: set.ema.iter().copied().map(Ema::new).collect(),
            kept: {
                let averages = set.macd.map_or([Factor::ONE; 2], |periods| {
                    [periods.fast, periods.slow].map(macd::kept)
                });
                let moves = set.rsi.map_or(Factor::ONE, rsi::kept);
                let [fast, slow] = averages;
                [Factor::ONE, moves].map(|moves| Kept::new([fast, slow, moves, moves]))
            },
            bollinger: set.bollinger.map(Bollinger::new),
            macd: set.macd.map(Macd::new),
            atr: set.atr.map(Atr::new),
            adx: set.adx.map(Adx::new),
            set,
        }
    }
}
