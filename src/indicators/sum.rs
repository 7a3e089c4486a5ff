//! Exact sums of prices and volumes: fixed point in 192 bits, so that a sum never depends on what
//! was added and taken away before.

use super::dd::{Dd, Factor};

/// The last place of a price is worth 2^-102: every f64 from [`LEAST_PRICE`] up is a multiple.
const PRICE_EXPONENT: i32 = -102;
/// The exponent field of an f64 whose last place is worth 2^-102.
const FIELD_AT_ZERO_SHIFT: u64 = 973;

/// Least price that can be summed; 2^-50 is below it.
pub(super) const LEAST_PRICE: f64 = 1e-15;
/// Greatest price that can be summed; a thousand of them stay below 2^70, 172 bits in all.
pub(super) const GREATEST_PRICE: f64 = 1e18;

/// A non-negative whole number of units below 2^192, added and subtracted modulo 2^192: the
/// difference of two running totals is exact however often they went round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Sum {
    high: u64,
    middle: u64,
    low: u64,
}

/// What one unit of a [`Sum`] is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// 2^-102 of the currency.
    Price,
    /// One share.
    Volume,
}

/// A number of bars to divide by, 2 to 1,000, with its reciprocal: 64-bit division is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    count: u16,
    /// ⌊2^64 ÷ count⌋ or one less.
    reciprocal: u64,
}

impl Count {
    pub(super) fn new(count: u16) -> Self {
        let count = count.max(2);
        Self {
            count,
            reciprocal: u64::MAX / u64::from(count),
        }
    }

    #[inline]
    pub(super) fn get(self) -> u16 {
        self.count
    }

    /// The quotient, and whether nothing remains.
    #[inline]
    fn divide(self, value: u64) -> (u64, bool) {
        let count = u64::from(self.count);
        // The reciprocal is too small by at most one part in 2^64, so the quotient by at most one.
        let product = u128::from(value) * u128::from(self.reciprocal);
        let quotient = half(product >> 64);
        let rest = value - quotient * count;
        let more = rest >= count;
        let rest = if more { rest - count } else { rest };
        (quotient + u64::from(more), rest == 0)
    }
}

impl Unit {
    fn exponent(self) -> i32 {
        match self {
            Self::Price => PRICE_EXPONENT,
            Self::Volume => 0,
        }
    }
}

impl Sum {
    /// A price within [`LEAST_PRICE`] and [`GREATEST_PRICE`], exactly.
    #[inline]
    pub(super) fn of_price(price: f64) -> Self {
        let bits = price.to_bits();
        let field = bits >> 52;
        let mantissa = u128::from((bits & ((1 << 52) - 1)) | (1 << 52));
        let shift = field.saturating_sub(FIELD_AT_ZERO_SHIFT);
        if shift < 64 {
            return Self::of(0, mantissa << shift);
        }
        let upper = mantissa << (shift - 64).min(63);
        Self {
            high: half(upper >> 64),
            middle: half(upper),
            low: 0,
        }
    }

    /// A number of shares.
    #[inline]
    pub(super) fn of_volume(volume: u64) -> Self {
        Self {
            high: 0,
            middle: 0,
            low: volume,
        }
    }

    #[inline]
    fn of(high: u64, lower: u128) -> Self {
        Self {
            high,
            middle: half(lower >> 64),
            low: half(lower),
        }
    }

    #[inline]
    fn lower(self) -> u128 {
        u128::from(self.middle) << 64 | u128::from(self.low)
    }

    #[inline]
    pub(super) fn plus(self, other: Self) -> Self {
        let (lower, carry) = self.lower().overflowing_add(other.lower());
        let high = self.high.wrapping_add(other.high);
        Self::of(high.wrapping_add(u64::from(carry)), lower)
    }

    #[inline]
    pub(super) fn minus(self, other: Self) -> Self {
        let (lower, borrow) = self.lower().overflowing_sub(other.lower());
        let high = self.high.wrapping_sub(other.high);
        Self::of(high.wrapping_sub(u64::from(borrow)), lower)
    }

    /// `self` × a small number.
    pub(super) fn times(self, count: u16) -> Self {
        let count = u128::from(count);
        let low = u128::from(self.low) * count;
        let middle = u128::from(self.middle) * count + (low >> 64);
        let high = u128::from(self.high) * count + (middle >> 64);
        Self {
            high: half(high),
            middle: half(middle),
            low: half(low),
        }
    }

    /// `self` ÷ `count`, rounded once, to nearest and ties to even: 0 ulp from the exact mean.
    #[inline]
    pub(super) fn mean(self, count: Count, unit: Unit) -> f64 {
        // The first 64 significant bits, and whether anything follows them.
        let (first, second, place, rest) = if self.high != 0 {
            (self.high, self.middle, 128, self.low != 0)
        } else if self.middle != 0 {
            (self.middle, self.low, 64, false)
        } else if self.low != 0 {
            (self.low, 0, 0, false)
        } else {
            return 0.0;
        };
        let up = first.leading_zeros();
        // Shifted twice: by 64 at once is not allowed.
        let top = (first << up) | ((second >> 1) >> (63 - up));
        let rest = rest || second << up != 0;
        // At least 54 bits of quotient and, one place below, whether it was inexact: enough for
        // the conversion to round as if it saw the whole quotient.
        let (quotient, exact) = count.divide(top);
        let inexact = rest || !exact;
        let rounded = to_f64((quotient << 1) | u64::from(inexact));
        rounded * power_of_two(place - up.cast_signed() - 1 + unit.exponent())
    }

    /// (`self` − `count` × `price`) ÷ `count` for a sum of prices: how far their mean lies above
    /// a price, from the exact difference.
    pub(super) fn mean_above(self, price: Self, count: u16) -> Dd {
        let level = price.times(count);
        let above = if self >= level {
            self.minus(level).to_dd()
        } else {
            level.minus(self).to_dd().negated()
        };
        above
            .scaled(power_of_two(PRICE_EXPONENT))
            .times(Factor::ratio(1, count))
    }

    /// All bits, for a hash.
    pub(super) fn words(self) -> [u64; 3] {
        [self.high, self.middle, self.low]
    }

    /// The units as a double-double: exact up to 106 bits.
    fn to_dd(self) -> Dd {
        let middle = Dd::of_u64(self.middle).scaled(power_of_two(64));
        let upper = Dd::of_u64(self.high).scaled(power_of_two(128));
        upper.plus(middle).plus(Dd::of_u64(self.low))
    }
}

/// The lower 64 bits.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn half(value: u128) -> u64 {
    value as u64
}

#[inline]
#[allow(clippy::cast_precision_loss, reason = "this is the one rounding")]
fn to_f64(value: u64) -> f64 {
    value as f64
}

/// 2^`exponent` for −1022 to 1023.
#[inline]
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(u64::from((exponent + 1023).cast_unsigned()) << 52)
}
