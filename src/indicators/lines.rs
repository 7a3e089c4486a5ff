//! Four averages in double-double, side by side so that the processor steps them together: x' =
//! (x − change) · kept. MACD's two averages and RSI's gains and losses are such recursions.

use super::dd::{Dd, Factor};

/// How many go together.
pub(super) const LANES: usize = 4;

/// Four quantities: MACD's fast and slow average (their distance from the close), RSI's gains and
/// losses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Lines {
    high: [f64; LANES],
    low: [f64; LANES],
}

/// What is kept of each from one bar to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kept {
    high: [f64; LANES],
    low: [f64; LANES],
    upper: [f64; LANES],
    lower: [f64; LANES],
}

impl Kept {
    pub(super) fn new(factors: [Factor; LANES]) -> Self {
        Self {
            high: factors.map(|factor| factor.high),
            low: factors.map(|factor| factor.low),
            upper: factors.map(|factor| factor.upper),
            lower: factors.map(|factor| factor.lower),
        }
    }
}

impl Lines {
    #[inline]
    pub(super) fn new(lines: [Dd; LANES]) -> Self {
        Self {
            high: lines.map(|line| line.high),
            low: lines.map(|line| line.low),
        }
    }

    #[inline]
    pub(super) fn each(&self) -> [Dd; LANES] {
        let mut lines = [Dd::ZERO; LANES];
        for ((line, high), low) in lines.iter_mut().zip(self.high).zip(self.low) {
            *line = Dd { high, low };
        }
        lines
    }

    /// All of them one bar on.
    #[inline]
    pub(super) fn step(&self, changes: &Self, kept: &Kept) -> Self {
        let mut next = Self::default();
        let outputs = next.high.iter_mut().zip(&mut next.low);
        let inputs = self.high.iter().zip(&self.low);
        let changes = changes.high.iter().zip(&changes.low);
        let kept = (kept.high.iter().zip(&kept.low)).zip(kept.upper.iter().zip(&kept.lower));
        for (((output, input), change), kept) in outputs.zip(inputs).zip(changes).zip(kept) {
            let ((high, low), (upper, lower)) = kept;
            let factor = Factor {
                high: *high,
                low: *low,
                upper: *upper,
                lower: *lower,
            };
            let line = Dd {
                high: *input.0,
                low: *input.1,
            };
            let change = Dd {
                high: *change.0,
                low: *change.1,
            };
            let line = line.minus(change).times(factor);
            (*output.0, *output.1) = (line.high, line.low);
        }
        next
    }
}
