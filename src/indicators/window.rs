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
        let at = self
            .at
            .checked_sub(back)
            .unwrap_or_else(|| (self.at + self.ring.len()).saturating_sub(back));
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

/// The greatest of the last values, and how many values ago it was pushed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Greatest {
    pub(super) value: f64,
    age: usize,
}

impl Greatest {
    pub(super) const NONE: Self = Self {
        value: f64::NEG_INFINITY,
        age: 0,
    };

    /// The greatest of `newest` and the values before it, looked through again only when the old
    /// greatest has just left.
    #[inline]
    pub(super) fn with(self, before: &[f64], newest: f64) -> Self {
        if newest >= self.value {
            return Self {
                value: newest,
                age: 0,
            };
        }
        let age = self.age + 1;
        if age <= before.len() {
            return Self { age, ..self };
        }
        let mut found = Self {
            value: newest,
            age: 0,
        };
        for (ago, value) in (1..).zip(before.iter().rev()) {
            if *value > found.value {
                found = Self {
                    value: *value,
                    age: ago,
                };
            }
        }
        found
    }
}
