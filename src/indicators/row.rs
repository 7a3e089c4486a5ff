//! The values of one bar.

use super::set::{MAX_EMA, MAX_SMA};
use super::signals::Signals;

/// Averages, and the sixteen other values.
const MAX_VALUES: usize = MAX_SMA + MAX_EMA + 16;

/// The values of one bar in the order of [`IndicatorSet::columns`], and the signals it raised.
///
/// Two rows are equal when every bit is.
///
/// [`IndicatorSet::columns`]: super::IndicatorSet::columns
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// NaN where there is no value: no formula here yields one.
    values: [f64; MAX_VALUES],
    filled: usize,
    pub(super) signals: Signals,
}

impl Row {
    pub(super) const EMPTY: Self = Self {
        values: [f64::NAN; MAX_VALUES],
        filled: 0,
        signals: Signals::NONE,
    };

    /// The values in their order; `None` where a window is not full or the formula has no value.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<f64>> + '_ {
        self.slots().iter().map(|value| present(*value))
    }

    /// One value by its place.
    pub fn get(&self, column: usize) -> Option<f64> {
        self.slots().get(column).copied().and_then(present)
    }

    /// What the bar raised.
    pub fn signals(&self) -> Signals {
        self.signals
    }

    #[inline]
    pub(super) fn begin(&mut self) {
        self.filled = 0;
    }

    #[inline]
    pub(super) fn put(&mut self, value: Option<f64>) {
        if let Some(slot) = self.values.get_mut(self.filled) {
            *slot = value.unwrap_or(f64::NAN);
        }
        self.filled += 1;
    }

    fn slots(&self) -> &[f64] {
        self.values.get(..self.filled).unwrap_or_default()
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        let bits = self.slots().iter().map(|value| value.to_bits());
        let others = other.slots().iter().map(|value| value.to_bits());
        self.signals == other.signals && bits.eq(others)
    }
}

impl Eq for Row {}

#[inline]
fn present(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}
