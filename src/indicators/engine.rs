//! What a set's indicators compute with: constants, shared by all symbols.

use super::adx::Adx;
use super::atr::Atr;
use super::bollinger::Bollinger;
use super::ema::Ema;
use super::macd::Macd;
use super::rsi::Rsi;
use super::set::IndicatorSet;
use super::sum::Count;

/// One of each that the set names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Engine {
    pub(super) set: IndicatorSet,
    pub(super) sma: Vec<Count>,
    pub(super) volume_sma: Option<Count>,
    pub(super) ema: Vec<Ema>,
    pub(super) rsi: Option<Rsi>,
    pub(super) bollinger: Option<Bollinger>,
    pub(super) macd: Option<Macd>,
    pub(super) atr: Option<Atr>,
    pub(super) adx: Option<Adx>,
}

impl Engine {
    pub(super) fn new(set: IndicatorSet) -> Self {
        Self {
            sma: set.sma.iter().copied().map(Count::new).collect(),
            volume_sma: set.volume_sma.map(Count::new),
            ema: set.ema.iter().copied().map(Ema::new).collect(),
            rsi: set.rsi.map(Rsi::new),
            bollinger: set.bollinger.map(Bollinger::new),
            macd: set.macd.map(Macd::new),
            atr: set.atr.map(Atr::new),
            adx: set.adx.map(Adx::new),
            set,
        }
    }
}
