//! Relative strength index (J. Welles Wilder, "New Concepts in Technical Trading Systems", 1978):
//! 100 · gain / (gain + loss), both smoothed by 1/n, seeded with the mean of the first n changes.
//!
//! Kept as n times Wilder's averages (A' = A · (n−1)/n + gain), in double-double. A market that
//! never moved stands at 50.

use std::cmp::Ordering;

use super::dd::{Dd, Factor};

/// Within this of a threshold, the value in f64 does not decide.
const NEAR: f64 = 1e-9;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rsi {
    period: u16,
    kept: Factor,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct RsiState {
    pub(super) gain: Dd,
    pub(super) loss: Dd,
}

impl Rsi {
    pub(super) fn new(period: u16) -> Self {
        Self {
            period,
            kept: Factor::ratio(period - 1, period),
        }
    }

    /// The bar number `index` (from 0) closed `change` above the one before.
    #[inline]
    pub(super) fn step(&self, state: &RsiState, index: u64, change: Dd) -> (RsiState, Option<f64>) {
        let mut next = *state;
        if index > u64::from(self.period) {
            next.gain = next.gain.times(self.kept);
            next.loss = next.loss.times(self.kept);
        }
        if change.high > 0.0 {
            next.gain = next.gain.plus(change);
        } else if change.high < 0.0 {
            next.loss = next.loss.minus(change);
        }
        let value = (index >= u64::from(self.period)).then(|| next.value());
        (next, value)
    }
}

impl RsiState {
    fn value(&self) -> f64 {
        let moved = self.gain.high + self.loss.high;
        if moved == 0.0 {
            return 50.0;
        }
        100.0 * (self.gain.high / moved)
    }

    /// Where the index, `value` when rounded, lies against a threshold.
    #[inline]
    pub(super) fn against(&self, value: f64, threshold: u16) -> Ordering {
        let line = f64::from(threshold);
        if (value - line).abs() > NEAR || self.gain.high + self.loss.high == 0.0 {
            return value.total_cmp(&line);
        }
        let gain = self.gain.times(Factor::ratio(100 - threshold, 1));
        gain.compare(self.loss.times(Factor::ratio(threshold, 1)))
    }
}
