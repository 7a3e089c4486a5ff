//! MACD (Gerald Appel): EMA fast − EMA slow, its signal line (an EMA of it), and the difference.
//!
//! Aligned as TA-Lib's: both averages begin at the bar where the slow one can (the fast one seeded
//! with the last closes before it), the signal line with the mean of its first values, and none of
//! the three is given before the signal line.

use std::cmp::Ordering;

use super::dd::{Dd, Factor};
use super::set::MacdPeriods;
use super::sum::Sum;
use super::window::Totals;

/// An exponential average as `ema` keeps it, its distance in double-double: its crosses are
/// signals, and ties must be seen.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    period: u16,
    kept: Factor,
}

impl Line {
    fn new(period: u16) -> Self {
        Self {
            period,
            kept: Factor::ratio(period - 1, period + 1),
        }
    }

    #[inline]
    fn step(&self, above: Dd, change: Dd) -> Dd {
        above.minus(change).times(self.kept)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Macd {
    fast: Line,
    slow: Line,
    signal: Line,
    mean: Factor,
}

/// Distances of the averages from the close, of the signal line from the MACD; before the signal
/// line begins, `signal` is the sum of the values so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct MacdState {
    pub(super) fast: Dd,
    pub(super) slow: Dd,
    pub(super) signal: Dd,
}

/// The three values, and where the MACD lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct MacdValues {
    pub(super) macd: f64,
    pub(super) signal: f64,
    pub(super) histogram: f64,
    pub(super) against_signal: Ordering,
    pub(super) against_zero: Ordering,
}

impl Macd {
    pub(super) fn new(periods: MacdPeriods) -> Self {
        Self {
            fast: Line::new(periods.fast),
            slow: Line::new(periods.slow),
            signal: Line::new(periods.signal),
            mean: Factor::ratio(1, periods.signal),
        }
    }

    /// The bar number `index` (from 0) closed at `price`, `change` above the one before.
    pub(super) fn step(
        &self,
        state: &MacdState,
        index: u64,
        change: Dd,
        price: Sum,
        closes: &Totals,
    ) -> (MacdState, Option<MacdValues>) {
        let first = u64::from(self.slow.period) - 1;
        if index < first {
            return (*state, None);
        }
        let (fast, slow) = if index == first {
            let seed = |period: u16| {
                let sum = closes.with(price, usize::from(period));
                sum.mean_above(price, period)
            };
            (seed(self.fast.period), seed(self.slow.period))
        } else {
            (
                self.fast.step(state.fast, change),
                self.slow.step(state.slow, change),
            )
        };
        let macd = fast.minus(slow);
        let complete = first + u64::from(self.signal.period) - 1;
        let signal = match index.cmp(&complete) {
            Ordering::Less => state.signal.plus(macd),
            Ordering::Equal => state.signal.plus(macd).times(self.mean).minus(macd),
            Ordering::Greater => {
                let change = macd.minus(state.fast.minus(state.slow));
                self.signal.step(state.signal, change)
            }
        };
        let next = MacdState { fast, slow, signal };
        let scale = fast.high.abs() + slow.high.abs();
        let values = (index >= complete).then(|| MacdValues {
            macd: macd.high,
            signal: macd.plus(signal).high,
            histogram: -signal.high,
            against_signal: signal.negated().sign_beside(scale),
            against_zero: macd.sign_beside(scale),
        });
        (next, values)
    }
}
