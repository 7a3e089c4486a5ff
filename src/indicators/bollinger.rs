//! Bollinger bands (John Bollinger): the mean of n closes and k population standard deviations
//! above and below it.
//!
//! Two passes over the window, the second around the correctly rounded mean and corrected for its
//! rounding (T. F. Chan, G. H. Golub, R. J. `LeVeque`, 1983): nothing of a bad print stays behind.

use std::cmp::Ordering;

use super::dd::{Dd, Factor};
use super::set::BollingerPeriods;
use super::sum::{Count, Sum};
use super::window::{Totals, Window};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bollinger {
    pub(super) count: Count,
    share: f64,
    deviations: f64,
    milli_deviations: u16,
}

/// The three bands, and where the close lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bands {
    pub(super) upper: f64,
    pub(super) middle: f64,
    pub(super) lower: f64,
    pub(super) against_upper: Ordering,
    pub(super) against_lower: Ordering,
}

impl Bollinger {
    pub(super) fn new(periods: BollingerPeriods) -> Self {
        Self {
            count: Count::new(periods.period),
            share: 1.0 / f64::from(periods.period),
            deviations: f64::from(periods.milli_deviations) / 1000.0,
            milli_deviations: periods.milli_deviations,
        }
    }

    /// The bands with a bar that closed at `close`, `middle` the mean of the closes and `before`
    /// those before it.
    #[inline]
    pub(super) fn step(
        &self,
        (close, price): (f64, Sum),
        middle: f64,
        closes: &Totals,
        before: &Window<f64>,
    ) -> Bands {
        let (deviation, square) = moments(before.values(), close, middle);
        let variance = (square - deviation * deviation * self.share) * self.share;
        let width = self.deviations * variance.max(0.0).sqrt();
        let above = close - middle;
        // The mean is off by half a unit in its last place, the width by far less than 1e-12.
        let doubt = middle * f64::EPSILON + 1e-12 * width;
        let beyond = above.abs() - width;
        let (against_upper, against_lower) = if square == 0.0 {
            // Every close is the mean.
            (Ordering::Equal, Ordering::Equal)
        } else if beyond.abs() > doubt {
            let beyond = beyond > 0.0;
            let outside = |side: bool| (beyond & side).cmp(&!(beyond & side));
            (outside(above > 0.0), outside(above < 0.0).reverse())
        } else {
            let sum = closes.with(price, usize::from(self.count.get()));
            self.decide(close, price, sum, before.values())
        };
        Bands {
            upper: middle + width,
            middle,
            lower: middle - width,
            against_upper,
            against_lower,
        }
    }

    /// Where the close lies, in double-double: (close − mean)² against k² · variance, the
    /// distances from the exact sum.
    #[cold]
    fn decide(&self, close: f64, price: Sum, sum: Sum, before: &[f64]) -> (Ordering, Ordering) {
        // Distances from the close, moved by its distance from the mean: exact where the closes
        // are near each other.
        let below = sum.mean_above(price, self.count.get());
        let mut squares = below.by(below);
        for earlier in before {
            let distance = Dd::difference(*earlier, close).minus(below);
            squares = squares.plus(distance.by(distance));
        }
        let thousandths = Factor::ratio(self.milli_deviations, 1000);
        let allowed = squares
            .times(Factor::ratio(1, self.count.get()))
            .times(thousandths)
            .times(thousandths);
        let reach = below.by(below).compare(allowed);
        match below.high.total_cmp(&0.0) {
            _ if below.high == 0.0 => (reach, reach.reverse()),
            Ordering::Less => (reach, Ordering::Greater),
            _ => (Ordering::Less, reach.reverse()),
        }
    }
}

/// The sums of the distances from `mean` and of their squares, in four lanes of fixed order.
#[inline]
fn moments(before: &[f64], newest: f64, mean: f64) -> (f64, f64) {
    let mut sums = [0.0; 4];
    let mut squares = [0.0; 4];
    let (quads, rest) = before.as_chunks::<4>();
    for quad in quads {
        for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(quad) {
            let distance = value - mean;
            *sum += distance;
            *square += distance * distance;
        }
    }
    let folded = |[a, b, c, d]: [f64; 4]| (a + b) + (c + d);
    let (mut sum, mut square) = (folded(sums), folded(squares));
    for value in rest.iter().chain(std::iter::once(&newest)) {
        let distance = value - mean;
        sum += distance;
        square += distance * distance;
    }
    (sum, square)
}
