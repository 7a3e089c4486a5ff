//! The values of one bar.

use super::set::{IndicatorSet, MAX_EMA, MAX_SMA};
use super::signals::Signals;

/// The values of one bar in the order of [`IndicatorSet::columns`], and the signals it raised.
///
/// Two rows are equal when every bit is.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Which places, in the order of [`Values::places`], the set fills; one bit each.
    chosen: u64,
    pub(super) values: Values,
    pub(super) signals: Signals,
}

/// Every value there can be, at a place of its own; NaN where there is none: no formula here
/// yields one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values {
    pub(super) sma: [f64; MAX_SMA],
    pub(super) ema: [f64; MAX_EMA],
    pub(super) rsi: f64,
    /// Upper, middle, lower.
    pub(super) bollinger: [f64; 3],
    /// MACD, signal line, histogram.
    pub(super) macd: [f64; 3],
    /// %K, %D.
    pub(super) stochastic: [f64; 2],
    pub(super) atr: f64,
    /// +DI, −DI, ADX.
    pub(super) adx: [f64; 3],
    pub(super) obv: f64,
    pub(super) volume_sma: f64,
    pub(super) vwap: f64,
}

impl Values {
    const NONE: Self = Self {
        sma: [f64::NAN; MAX_SMA],
        ema: [f64::NAN; MAX_EMA],
        rsi: f64::NAN,
        bollinger: [f64::NAN; 3],
        macd: [f64::NAN; 3],
        stochastic: [f64::NAN; 2],
        atr: f64::NAN,
        adx: [f64::NAN; 3],
        obv: f64::NAN,
        volume_sma: f64::NAN,
        vwap: f64::NAN,
    };

    /// In the order of the columns.
    fn places(&self) -> impl Iterator<Item = f64> {
        let averages = self.sma.into_iter().chain(self.ema);
        let momentum = [self.rsi]
            .into_iter()
            .chain(self.bollinger)
            .chain(self.macd);
        let ranges = (self.stochastic.into_iter())
            .chain([self.atr])
            .chain(self.adx);
        let volume = [self.obv, self.volume_sma, self.vwap];
        averages.chain(momentum).chain(ranges).chain(volume)
    }
}

/// The places a set fills, as the bits of [`Row`].
fn chosen(set: &IndicatorSet) -> u64 {
    let groups = [
        (MAX_SMA, set.sma.len()),
        (MAX_EMA, set.ema.len()),
        (1, usize::from(set.rsi.is_some())),
        (3, 3 * usize::from(set.bollinger.is_some())),
        (3, 3 * usize::from(set.macd.is_some())),
        (2, 2 * usize::from(set.stochastic.is_some())),
        (1, usize::from(set.atr.is_some())),
        (3, 3 * usize::from(set.adx.is_some())),
        (1, usize::from(set.obv)),
        (1, usize::from(set.volume_sma.is_some())),
        (1, usize::from(set.vwap.is_some())),
    ];
    let (bits, _) = groups
        .iter()
        .fold((0, 0), |(bits, place), (places, filled)| {
            let group = (1_u64 << filled) - 1;
            (bits | group << place, place + places)
        });
    bits
}

impl Row {
    /// Of a set, before the first bar.
    pub(super) fn new(set: &IndicatorSet) -> Self {
        Self {
            chosen: chosen(set),
            values: Values::NONE,
            signals: Signals::NONE,
        }
    }

    /// The values in their order; `None` where a window is not full or the formula has no value.
    pub fn values(&self) -> impl Iterator<Item = Option<f64>> {
        self.filled()
            .map(|value| (!value.is_nan()).then_some(value))
    }

    /// One value by its place.
    pub fn get(&self, column: usize) -> Option<f64> {
        self.values().nth(column).flatten()
    }

    /// What the bar raised.
    pub fn signals(&self) -> Signals {
        self.signals
    }

    fn filled(&self) -> impl Iterator<Item = f64> {
        let chosen = self.chosen;
        let places = self.values.places().enumerate();
        places
            .filter(move |(place, _)| chosen >> place & 1 == 1)
            .map(|(_, value)| value)
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        let bits = self.filled().map(f64::to_bits);
        self.signals == other.signals && bits.eq(other.filled().map(f64::to_bits))
    }
}

impl Eq for Row {}

/// NaN for none.
#[inline]
pub(super) fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
