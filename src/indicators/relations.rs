//! Where the quantities that raise signals lie against each other at one bar.
//!
//! Which side a price is on cannot be foretold, so nothing here branches.

use std::cmp::Ordering;

/// A pair that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Pair {
    CloseSma50,
    CloseSma200,
    Sma50Sma200,
    Rsi70,
    Rsi30,
    Rsi50,
    UpperBand,
    LowerBand,
    MacdSignal,
    MacdZero,
    StochasticKD,
}

impl Pair {
    pub(super) const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// One bit a pair, in three sixteens: less, equal, greater. A pair that cannot be compared yet has
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Relations(u64);

impl Relations {
    #[inline]
    pub(super) fn set(&mut self, pair: Pair, order: Ordering) {
        let sixteen = (order as i8 + 1).cast_unsigned();
        self.0 |= 1 << (16 * sixteen + pair as u8);
    }

    #[inline]
    fn sixteen(self, order: Ordering) -> u16 {
        let shift = 16 * (order as i8 + 1).cast_unsigned();
        #[allow(clippy::cast_possible_truncation, reason = "sixteen bits are meant")]
        let bits = (self.0 >> shift) as u16;
        bits
    }

    /// What changed sides since the bar before.
    #[inline]
    pub(super) fn edges(self, before: Self) -> Edges {
        let [less, equal, greater] =
            [Ordering::Less, Ordering::Equal, Ordering::Greater].map(|order| self.sixteen(order));
        let [was_less, was_equal, was_greater] =
            [Ordering::Less, Ordering::Equal, Ordering::Greater].map(|order| before.sixteen(order));
        Edges {
            rises: (was_less | was_equal) & greater,
            falls: (was_greater | was_equal) & less,
            reaches_up: was_less & (equal | greater),
            reaches_down: was_greater & (equal | less),
        }
    }

    /// As one word, for the anchors.
    pub(super) fn to_word(self) -> u64 {
        self.0
    }

    pub(super) fn of_word(word: u64) -> Self {
        Self(word & 0xFFFF_FFFF_FFFF)
    }
}

/// The pairs that changed sides, one bit each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edges {
    /// At or below before, above now.
    pub(super) rises: u16,
    /// At or above before, below now.
    pub(super) falls: u16,
    /// Below before, at or above now.
    pub(super) reaches_up: u16,
    /// Above before, at or below now.
    pub(super) reaches_down: u16,
}

/// The order of two numbers; neither is NaN.
#[inline]
pub(super) fn order(a: f64, b: f64) -> Ordering {
    (a > b).cmp(&(a < b))
}
