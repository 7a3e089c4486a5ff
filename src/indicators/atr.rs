//! Average true range (Wilder, 1978): TR = max(high − low, |high − close before|, |low − close
//! before|), ATR' = (ATR · (n−1) + TR) / n, seeded with the mean of the first n (TA-Lib's ATR).

/// The smoothing; the state is the sum of the ranges before the first value, the average after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Atr {
    period: u16,
}

impl Atr {
    pub(super) fn new(period: u16) -> Self {
        Self { period }
    }

    /// The bar number `index` (from 0) had the true range `range`; the first bar has none.
    #[inline]
    pub(super) fn step(self, state: f64, index: u64, range: f64) -> (f64, Option<f64>) {
        let (first, count) = (u64::from(self.period), f64::from(self.period));
        if index == 0 {
            return (state, None);
        }
        if index < first {
            return (state + range, None);
        }
        let average = if index == first {
            (state + range) / count
        } else {
            (state * (count - 1.0) + range) / count
        };
        (average, Some(average))
    }
}

/// The true range of a bar after a close.
#[inline]
pub(super) fn true_range(high: f64, low: f64, close_before: f64) -> f64 {
    (high - low)
        .max((high - close_before).abs())
        .max((low - close_before).abs())
}
