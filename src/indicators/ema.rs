//! Exponential moving average: EMA' = EMA + 2/(n+1) · (close − EMA), seeded with the mean of the
//! first n closes (TA-Lib's EMA).
//!
//! Kept as its distance from the newest close: δ' = (n−1)/(n+1) · (δ − change). Nothing large is
//! added to something small, and in a flat run the distance goes on shrinking instead of sticking a
//! few units in the last place away.

/// One average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ema {
    pub(super) period: u16,
    kept: f64,
}

impl Ema {
    /// `period` is 2 to 1,000.
    pub(super) fn new(period: u16) -> Self {
        Self {
            period,
            kept: f64::from(period - 1) / f64::from(period + 1),
        }
    }

    /// The distance from the new close, from that to the last one.
    #[inline]
    pub(super) fn step(&self, above: f64, change: f64) -> f64 {
        (above - change) * self.kept
    }
}
