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

/// The signal line, and where everything begins; the two averages are [`Lines`].
///
/// [`Lines`]: super::lines::Lines
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Macd {
    periods: MacdPeriods,
    /// Of the signal line from one bar to the next.
    kept: Factor,
    mean: Factor,
}

/// The MACD (fast − slow), and the signal line's distance from it; before that line begins,
/// `signal` is the sum of the values so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct MacdState {
    pub(super) macd: Dd,
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

/// What is kept of an exponential average's distance from the close.
pub(super) fn kept(period: u16) -> Factor {
    Factor::ratio(period - 1, period + 1)
}

impl Macd {
    pub(super) fn new(periods: MacdPeriods) -> Self {
        Self {
            periods,
            kept: kept(periods.signal),
            mean: Factor::ratio(1, periods.signal),
        }
    }

    /// The number of the bar (from 0) at which both averages begin.
    #[inline]
    pub(super) fn first(&self) -> u64 {
        u64::from(self.periods.slow) - 1
    }

    /// The two averages at their first bar, as distances from its close, `price`.
    #[cold]
    pub(super) fn seeds(&self, price: Sum, closes: &Totals) -> [Dd; 2] {
        [self.periods.fast, self.periods.slow].map(|period| {
            let sum = closes.with(price, usize::from(period));
            sum.mean_above(price, period)
        })
    }

    /// The bar number `index` (from 0), at which the averages stand so far from the close.
    #[inline]
    pub(super) fn step(
        &self,
        state: &MacdState,
        index: u64,
        [fast, slow]: [Dd; 2],
    ) -> (MacdState, Option<MacdValues>) {
        if index < self.first() {
            return (*state, None);
        }
        let macd = fast.minus(slow);
        let complete = self.first() + u64::from(self.periods.signal) - 1;
        let signal = match index.cmp(&complete) {
            Ordering::Less => state.signal.plus(macd),
            Ordering::Equal => state.signal.plus(macd).times(self.mean).minus(macd),
            Ordering::Greater => {
                let change = macd.minus(state.macd);
                state.signal.minus(change).times(self.kept)
            }
        };
        let next = MacdState { macd, signal };
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
