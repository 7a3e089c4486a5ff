//! A small mergeable histogram of durations, for the ledger's roll-ups.

use std::collections::BTreeMap;
use std::time::Duration;

/// Sub-buckets per power of two: a quantile is at most 1/8 too high.
const SUB_BITS: u32 = 3;

/// Counts of durations in log-linear buckets of microseconds (the idea of Gil Tene's
/// `HdrHistogram`, sparse). Two of them add up; quantiles err upwards by at most 12.5 %.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    count: u64,
    sum_us: u64,
    max_us: u64,
    buckets: BTreeMap<u32, u64>,
}

impl Histogram {
    /// Adds one duration.
    pub fn record(&mut self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
        *self.buckets.entry(bucket_of(us)).or_default() += 1;
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.max_us = self.max_us.max(other.max_us);
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    /// How many durations were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// The longest in microseconds, exact.
    pub fn max_us(&self) -> u64 {
        self.max_us
    }

    /// The duration, in microseconds, that a share `q` (0 to 1) of all does not exceed; 0 when
    /// empty.
    pub fn quantile_us(&self, q: f64) -> u64 {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank among far fewer than 2^52 entries"
        )]
        let rank = ((self.count as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return upper_bound_us(*bucket).min(self.max_us);
            }
        }
        0
    }

    /// The buckets as text, `bucket:count` joined by spaces: how a roll-up row keeps them.
    pub fn to_text(&self) -> String {
        let pairs: Vec<String> = self
            .buckets
            .iter()
            .map(|(b, n)| format!("{b}:{n}"))
            .collect();
        pairs.join(" ")
    }

    /// Reads back what [`Self::to_text`] wrote; `None` when it is not such a text.
    pub fn from_parts(sum_us: u64, max_us: u64, text: &str) -> Option<Self> {
        let mut buckets = BTreeMap::new();
        let mut count = 0_u64;
        for pair in text.split_ascii_whitespace() {
            let (bucket, n) = pair.split_once(':')?;
            let n: u64 = n.parse().ok()?;
            buckets.insert(bucket.parse().ok()?, n);
            count = count.checked_add(n)?;
        }
        Some(Self {
            count,
            sum_us,
            max_us,
            buckets,
        })
    }
}

fn bucket_of(us: u64) -> u32 {
    let exponent = us.checked_ilog2().unwrap_or(0);
    if exponent < SUB_BITS {
        return u32::try_from(us).unwrap_or(0);
    }
    let sub = (us >> (exponent - SUB_BITS)) & ((1 << SUB_BITS) - 1);
    ((exponent - SUB_BITS + 1) << SUB_BITS) + u32::try_from(sub).unwrap_or(0)
}

fn upper_bound_us(bucket: u32) -> u64 {
    let (group, sub) = (
        bucket >> SUB_BITS,
        u64::from(bucket & ((1 << SUB_BITS) - 1)),
    );
    if group == 0 {
        sub
    } else {
        let width = 1_u64.checked_shl(group - 1).unwrap_or(u64::MAX);
        ((1 << SUB_BITS) + sub)
            .saturating_mul(width)
            .saturating_add(width - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quantile_is_never_too_low_and_at_most_an_eighth_too_high(
            mut values in prop::collection::vec(0_u64..10_000_000, 1..200),
            q in 0.01_f64..1.0,
        ) {
            let mut histogram = Histogram::default();
            for us in &values {
                histogram.record(Duration::from_micros(*us));
            }
            values.sort_unstable();
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the oracle's rank"
            )]
            let exact = values[((values.len() as f64 * q).ceil() as usize).max(1) - 1];
            let found = histogram.quantile_us(q);
            prop_assert!(found >= exact && found <= exact + exact / 8, "{found} for {exact}");
        }

        #[test]
        fn parts_written_and_merged_are_the_whole(
            left in prop::collection::vec(0_u64..1 << 40, 0..50),
            right in prop::collection::vec(0_u64..1 << 40, 0..50),
        ) {
            let fill = |values: &[u64]| {
                let mut histogram = Histogram::default();
                for us in values {
                    histogram.record(Duration::from_micros(*us));
                }
                histogram
            };
            let whole = fill(&[left.clone(), right.clone()].concat());
            let mut merged = fill(&left);
            merged.merge(&fill(&right));
            prop_assert_eq!(&merged, &whole);
            let read = Histogram::from_parts(whole.sum_us(), whole.max_us(), &whole.to_text());
            prop_assert_eq!(read, Some(whole));
        }
    }
}
