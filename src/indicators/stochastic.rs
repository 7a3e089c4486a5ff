//! Fast stochastic (George Lane): %K = 100 · (close − lowest low) / (highest high − lowest low) of
//! k bars, %D the mean of d values of %K (TA-Lib's STOCHF). Without a range there is no %K.

use std::cmp::Ordering;

use super::dd::Dd;
use super::relations::order;
use super::set::StochasticPeriods;
use super::window::{Greatest, Window, greater};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stochastic {
    k: u16,
    /// Of the bars before; the lows with their sign turned.
    highest: Greatest,
    lowest: Greatest,
    /// The values of %K that %D still needs.
    places: Window<Place>,
}

/// What a new bar makes of it, until it is pushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    place: Place,
    pub(super) k: Option<f64>,
    pub(super) d: Option<f64>,
    pub(super) k_against_d: Option<Ordering>,
}

/// Where a close lay in its range.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    /// NaN where there is none.
    k: f64,
    close: f64,
    low: f64,
    high: f64,
}

const NOWHERE: Place = Place {
    k: f64::NAN,
    close: 0.0,
    low: 0.0,
    high: 0.0,
};

impl Stochastic {
    pub(super) fn new(periods: StochasticPeriods) -> Self {
        let before = usize::from(periods.k - 1);
        Self {
            k: periods.k,
            highest: Greatest::new(before),
            lowest: Greatest::new(before),
            places: Window::new(usize::from(periods.d - 1), NOWHERE),
        }
    }

    #[inline]
    pub(super) fn step(&self, index: u64, high: f64, low: f64, close: f64) -> Next {
        let top = greater(self.highest.get(), high);
        let bottom = -greater(self.lowest.get(), -low);
        let known = index + 1 >= u64::from(self.k) && top > bottom;
        let place = if known {
            Place {
                k: 100.0 * ((close - bottom) / (top - bottom)),
                close,
                low: bottom,
                high: top,
            }
        } else {
            NOWHERE
        };
        let mut next = Next {
            place,
            k: known.then_some(place.k),
            d: None,
            k_against_d: None,
        };
        let before = self.places.values();
        let sum = before.iter().fold(0.0, |sum, earlier| sum + earlier.k) + place.k;
        // A place that is missing makes the sum NaN.
        if !sum.is_nan() {
            let count = count_of(before) + 1.0;
            let d = sum / count;
            next.d = Some(d);
            next.k_against_d = Some(against(before, place, d, count));
        }
        next
    }

    #[inline]
    pub(super) fn push(&mut self, next: &Next, high: f64, low: f64) {
        self.highest.push(high);
        self.lowest.push(-low);
        self.places.push(next.place);
    }
}

/// %K against the mean of it and those before.
#[inline]
fn against(before: &[Place], newest: Place, d: f64, count: f64) -> Ordering {
    // Each %K is good to 1e-13, 100 at most unless the close lies outside its bar.
    let doubt = 1e-12 * (newest.k.abs() + d.abs()) + 1e-12;
    if (newest.k - d).abs() > doubt {
        return order(newest.k, d);
    }
    // At the end of its range both sides are exact.
    if before.iter().all(|earlier| earlier.k == newest.k) && (newest.k == 100.0 || newest.k == 0.0)
    {
        return Ordering::Equal;
    }
    decide(before, newest, count)
}

#[cold]
fn decide(before: &[Place], newest: Place, count: f64) -> Ordering {
    let ratio = |place: &Place| {
        Dd::difference(place.close, place.low).over(Dd::difference(place.high, place.low))
    };
    let sum = before
        .iter()
        .fold(ratio(&newest), |sum, earlier| sum.plus(ratio(earlier)));
    ratio(&newest).by(Dd::of(count)).compare(sum)
}

#[allow(clippy::cast_precision_loss, reason = "at most 999")]
fn count_of(before: &[Place]) -> f64 {
    before.len() as f64
}
