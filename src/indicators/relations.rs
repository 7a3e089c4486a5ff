//! Where the quantities that raise signals lie against each other at one bar.

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
    #[inline]
    fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// One bit a pair; a pair that cannot be compared yet has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Relations {
    less: u16,
    equal: u16,
    greater: u16,
}

impl Relations {
    #[inline]
    pub(super) fn set(&mut self, pair: Pair, order: Ordering) {
        match order {
            Ordering::Less => self.less |= pair.bit(),
            Ordering::Equal => self.equal |= pair.bit(),
            Ordering::Greater => self.greater |= pair.bit(),
        }
    }

    /// What changed sides since the bar before.
    #[inline]
    pub(super) fn edges(self, before: Self) -> Edges {
        Edges {
            rises: (before.less | before.equal) & self.greater,
            falls: (before.greater | before.equal) & self.less,
            reaches_up: before.less & (self.equal | self.greater),
            reaches_down: before.greater & (self.equal | self.less),
        }
    }

    /// As one word, for the anchors.
    pub(super) fn to_word(self) -> u64 {
        u64::from(self.less) | u64::from(self.equal) << 16 | u64::from(self.greater) << 32
    }

    pub(super) fn of_word(word: u64) -> Self {
        let part = |shift: u32| u16::try_from((word >> shift) & 0xFFFF).unwrap_or_default();
        Self {
            less: part(0),
            equal: part(16),
            greater: part(32),
        }
    }
}

/// The pairs that changed sides, one bit each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edges {
    rises: u16,
    falls: u16,
    reaches_up: u16,
    reaches_down: u16,
}

impl Edges {
    /// None did.
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        (self.rises | self.falls | self.reaches_up | self.reaches_down) == 0
    }

    /// At or below before, above now.
    pub(super) fn rises(self, pair: Pair) -> bool {
        self.rises & pair.bit() != 0
    }

    /// At or above before, below now.
    pub(super) fn falls(self, pair: Pair) -> bool {
        self.falls & pair.bit() != 0
    }

    /// Below before, at or above now.
    pub(super) fn reaches_up(self, pair: Pair) -> bool {
        self.reaches_up & pair.bit() != 0
    }

    /// Above before, at or below now.
    pub(super) fn reaches_down(self, pair: Pair) -> bool {
        self.reaches_down & pair.bit() != 0
    }
}
