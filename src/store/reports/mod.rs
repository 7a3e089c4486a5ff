//! Sums and curves over the ledger, the samples and the roll-ups, for `finstage report`.

mod resources;
mod runs;
mod tasks;
mod window;
mod work;

pub use resources::{ProcessReport, ResourceReport};
pub use runs::{DurationPart, OutcomePart, RunReport, ScheduleReport};
pub use tasks::{FaultReport, SymbolReport};
pub use window::Window;
pub use work::{DurationReport, ProviderReport, WorkReport};

/// The nearest-rank percentile of sorted values.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(percentile(&(1..=100).collect::<Vec<_>>(), 95), Some(95));
    }
}
