//! The last so many values of something, and running totals a window's sum is the difference of.

use super::sum::Sum;

/// The last `length` values, always readable as one slice from oldest to newest: everything is
/// written twice, so that no sum depends on where the ring happens to begin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window<T> {
    /// Twice `length`; `[at .. at + length]` is the window.
    buffer: Vec<T>,
    length: usize,
    at: usize,
}

impl<T: Copy> Window<T> {
    pub(super) fn new(length: usize, empty: T) -> Self {
        Self {
            buffer: vec![empty; 2 * length],
            length,
            at: 0,
        }
    }

    /// Oldest first.
    #[inline]
    pub(super) fn values(&self) -> &[T] {
        self.buffer
            .get(self.at..self.at + self.length)
            .unwrap_or_default()
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        if let Some(slot) = self.buffer.get_mut(self.at) {
            *slot = value;
        }
        if let Some(slot) = self.buffer.get_mut(self.at + self.length) {
            *slot = value;
        }
        self.at += 1;
        if self.at >= self.length {
            self.at = 0;
        }
    }
}

/// Running totals of the last bars.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Totals {
    ring: Vec<Sum>,
    at: usize,
    total: Sum,
}

impl Totals {
    /// For windows of up to `longest` values.
    pub(super) fn new(longest: usize) -> Self {
        Self {
            ring: vec![Sum::default(); longest.max(1)],
            at: 0,
            total: Sum::default(),
        }
    }

    /// The sum of the last `count` values, `newest` (not yet pushed) among them.
    #[inline]
    pub(super) fn with(&self, newest: Sum, count: usize) -> Sum {
        self.total.plus(newest).minus(self.back(count - 1))
    }

    /// The total `back` values ago.
    #[inline]
    fn back(&self, back: usize) -> Sum {
        // Which of the two is not foreseen, so it is added, not branched on.
        let round = if back > self.at { self.ring.len() } else { 0 };
        let at = self.at.wrapping_sub(back).wrapping_add(round);
        self.ring.get(at).copied().unwrap_or_default()
    }

    /// The last `count` values as words, as far as they are kept.
    pub(super) fn words(&self, count: usize) -> impl Iterator<Item = u64> + '_ {
        let kept = count.min(self.ring.len() - 1);
        (0..kept).flat_map(|ago| self.back(ago).minus(self.back(ago + 1)).words())
    }

    #[inline]
    pub(super) fn push(&mut self, value: Sum) {
        self.total = self.total.plus(value);
        self.at += 1;
        if self.at >= self.ring.len() {
            self.at = 0;
        }
        if let Some(slot) = self.ring.get_mut(self.at) {
            *slot = self.total;
        }
    }
}

/// The greatest of the last so many values, at the same cost for each (M. van Herk, 1992; J. Gil
/// and M. Werman, 1993): values come in blocks of the window's length, and a window is the end of
/// one block and the beginning of the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Greatest {
    /// Up to `at` the values of this block; from there on the greatest of the block before, each
    /// of those from here to its end.
    block: Vec<f64>,
    at: usize,
    /// Of this block.
    here: f64,
    /// Of the window.
    all: f64,
}

impl Greatest {
    /// Of the last `length` values.
    pub(super) fn new(length: usize) -> Self {
        Self {
            block: vec![f64::NEG_INFINITY; length],
            at: 0,
            here: f64::NEG_INFINITY,
            all: f64::NEG_INFINITY,
        }
    }

    #[inline]
    pub(super) fn get(&self) -> f64 {
        self.all
    }

    #[inline]
    pub(super) fn push(&mut self, value: f64) {
        if let Some(slot) = self.block.get_mut(self.at) {
            *slot = value;
        }
        self.here = greater(self.here, value);
        self.at += 1;
        if self.at >= self.block.len() {
            self.turn();
        }
        let before = self.block.get(self.at).copied();
        self.all = greater(self.here, before.unwrap_or(f64::NEG_INFINITY));
    }

    /// Begins a block.
    #[cold]
    fn turn(&mut self) {
        let mut greatest = f64::NEG_INFINITY;
        for slot in self.block.iter_mut().rev() {
            greatest = greater(greatest, *slot);
            *slot = greatest;
        }
        self.at = 0;
        self.here = f64::NEG_INFINITY;
    }
}

/// The greater of two numbers; neither is NaN.
#[inline]
pub(super) fn greater(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_of_a_window_is_that_of_looking_at_all_of_it() {
        let mut word = 1_u32;
        for length in [1, 2, 3, 13, 64] {
            let (mut window, mut pushed) = (Greatest::new(length), Vec::new());
            for _ in 0..500 {
                word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let value = f64::from(word >> 27);
                window.push(value);
                pushed.push(value);
                let last = pushed.iter().rev().take(length);
                let greatest = last.copied().fold(f64::NEG_INFINITY, f64::max);
                assert_eq!(window.get(), greatest, "{length}: {pushed:?}");
            }
        }
    }
}
