//! Relative strength index (J. Welles Wilder, "New Concepts in Technical Trading Systems", 1978):
//! 100 · gain / (gain + loss), both smoothed by 1/n, seeded with the mean of the first n changes.
//!
//! Kept as n − 1 times Wilder's averages ([`Lines`]: A' = (A + gain) · (n−1)/n, from the sum of the
//! first n changes), in double-double; a common factor changes nothing. A market that never moved
//! stands at 50.
//!
//! [`Lines`]: super::lines::Lines

use std::cmp::Ordering;

use super::dd::{Dd, Factor};
use super::relations::order;

/// Within this of a threshold, the value in f64 does not decide.
const NEAR: f64 = 1e-9;

/// Smoothed gains and losses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    pub(super) gain: Dd,
    pub(super) loss: Dd,
}

/// What is kept of gains and losses; all of the first n changes.
pub(super) fn kept(period: u16) -> Factor {
    Factor::ratio(period - 1, period)
}

/// A change as [`Lines`](super::lines::Lines) take it off: gains, losses.
#[inline]
pub(super) fn moved(change: Dd) -> [Dd; 2] {
    // Multiplied, not branched on: which it is cannot be foretold.
    let share = |taken: bool| f64::from(u8::from(taken));
    let (up, down) = (-share(change.high > 0.0), share(change.high < 0.0));
    [change.scaled(up), change.scaled(down)]
}

impl Moves {
    #[inline]
    pub(super) fn value(&self) -> f64 {
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
            return order(value, line);
        }
        self.decide(threshold)
    }

    #[cold]
    fn decide(&self, threshold: u16) -> Ordering {
        let gain = self.gain.times(Factor::ratio(100 - threshold, 1));
        gain.compare(self.loss.times(Factor::ratio(threshold, 1)))
    }
}
