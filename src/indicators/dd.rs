//! Double-double arithmetic: an unevaluated sum of two f64, about 106 bits (T. J. Dekker, "A
//! floating-point technique for extending the available precision", 1971; D. E. Knuth's two-sum).

use std::cmp::Ordering;

use super::relations::order;

/// Two quantities closer than this, relative to their size, are the same number: 2^-80, far above
/// the error of the recursions here (about 2^-95) and far below what prices of 53 bits tell apart.
const TIE: f64 = 8.271_806_125_530_277e-25;

/// Keeps the upper 26 bits of a mantissa: products of such parts are exact.
const UPPER_HALF: u64 = !((1 << 27) - 1);

/// `high + low`, `low` at most half a unit in the last place of `high`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Dd {
    pub(super) high: f64,
    pub(super) low: f64,
}

/// A constant to multiply by, its parts split beforehand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Factor {
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) upper: f64,
    pub(super) lower: f64,
}

impl Factor {
    pub(super) const ONE: Self = Self {
        high: 1.0,
        low: 0.0,
        upper: 1.0,
        lower: 0.0,
    };

    /// `numerator / denominator` to 106 bits.
    pub(super) fn ratio(numerator: u16, denominator: u16) -> Self {
        Self::of(Dd::of(f64::from(numerator)).over(Dd::of(f64::from(denominator))))
    }

    fn of(value: Dd) -> Self {
        let (upper, lower) = split(value.high);
        Self {
            high: value.high,
            low: value.low,
            upper,
            lower,
        }
    }
}

impl Dd {
    pub(super) const ZERO: Self = Self {
        high: 0.0,
        low: 0.0,
    };

    pub(super) const fn of(value: f64) -> Self {
        Self {
            high: value,
            low: 0.0,
        }
    }

    /// Exactly `value`.
    #[allow(
        clippy::cast_precision_loss,
        reason = "each half has at most 32 significant bits"
    )]
    pub(super) fn of_u64(value: u64) -> Self {
        let lower = value & u64::from(u32::MAX);
        quick_two_sum((value - lower) as f64, lower as f64)
    }

    /// `a − b`, exactly.
    #[inline]
    pub(super) fn difference(a: f64, b: f64) -> Self {
        two_sum(a, -b)
    }

    #[inline]
    pub(super) fn negated(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }

    /// Multiplied by a power of two or zero, exactly.
    #[inline]
    pub(super) fn scaled(self, power: f64) -> Self {
        Self {
            high: self.high * power,
            low: self.low * power,
        }
    }

    /// Off by at most 2^-105 of |`self`| + |`other`| (Dekker's add2): a difference of near
    /// quantities is as good as these are, which is what [`TIE`] reckons with.
    #[inline]
    pub(super) fn plus(self, other: Self) -> Self {
        let sum = two_sum(self.high, other.high);
        quick_two_sum(sum.high, sum.low + (self.low + other.low))
    }

    #[inline]
    pub(super) fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }

    #[inline]
    pub(super) fn times(self, factor: Factor) -> Self {
        let product = self.high * factor.high;
        let (upper, lower) = split(self.high);
        let error =
            ((upper * factor.upper - product) + upper * factor.lower + lower * factor.upper)
                + lower * factor.lower;
        quick_two_sum(
            product,
            error + (self.high * factor.low + self.low * factor.high),
        )
    }

    /// `self` × `other`.
    pub(super) fn by(self, other: Self) -> Self {
        self.times(Factor::of(other))
    }

    /// `self` ÷ `other`; `other` is not zero.
    pub(super) fn over(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self.minus(other.by(Self::of(first)));
        let second = rest.high / other.high;
        let rest = rest.minus(other.by(Self::of(second)));
        quick_two_sum(first, second).plus(Self::of(rest.high / other.high))
    }

    /// Which of the two is greater; equal when they differ by less than 2^-80 of their size.
    #[inline]
    pub(super) fn compare(self, other: Self) -> Ordering {
        self.minus(other)
            .sign_beside(self.high.abs() + other.high.abs())
    }

    /// Below, at or above zero, for a difference of quantities of the size `scale`.
    #[inline]
    pub(super) fn sign_beside(self, scale: f64) -> Ordering {
        if self.high.abs() <= TIE * scale {
            return Ordering::Equal;
        }
        order(self.high, 0.0)
    }
}

/// Upper and lower half of a mantissa, exactly.
#[inline]
fn split(value: f64) -> (f64, f64) {
    let upper = f64::from_bits(value.to_bits() & UPPER_HALF);
    (upper, value - upper)
}

#[inline]
fn two_sum(a: f64, b: f64) -> Dd {
    let high = a + b;
    let of_b = high - a;
    let low = (a - (high - of_b)) + (b - of_b);
    Dd { high, low }
}

/// As [`two_sum`] where `a` is zero or not smaller than `b`.
#[inline]
fn quick_two_sum(a: f64, b: f64) -> Dd {
    let high = a + b;
    Dd {
        high,
        low: b - (high - a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_three_times_is_one_to_the_last_of_106_bits() {
        let third = Dd::of(1.0).over(Dd::of(3.0));
        let once = third.times(Factor::ratio(3, 1)).minus(Dd::of(1.0));
        assert!(once.high.abs() < 1e-31, "{once:?}");
        assert!(third.low != 0.0);
    }

    #[test]
    fn the_error_of_a_difference_is_kept() {
        let difference = Dd::difference(1e12, 1e-6);
        assert_eq!((difference.high, difference.low), (1e12, -1e-6));
    }

    #[test]
    fn what_two_ways_of_rounding_tell_apart_is_a_tie() {
        // 0.1 + 0.2 and 0.3 as sixteenths of a decimal, along different paths.
        let tenth = Dd::of(1.0).over(Dd::of(10.0));
        let sum = tenth.plus(tenth).plus(tenth);
        let product = Dd::of(3.0).over(Dd::of(10.0));
        assert_eq!(sum.compare(product), Ordering::Equal);
        assert_eq!(
            sum.compare(product.plus(Dd::of(1e-20))),
            Ordering::Less,
            "1e-20 is told apart"
        );
    }
}
