//! The one place where durations are taken: every run, task, request and query batch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Histogram, metric};
use crate::clock;

/// What kind of work a duration belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// A whole run of a job.
    Run,
    /// One symbol's share of a run.
    Task,
    /// One request to an upstream, from sending to the last byte.
    Request,
    /// A request that was refused (429, 403 and their like), counted as [`Self::Request`] too.
    Refused,
    /// Waiting for the upstream's turn (pace and cool-down).
    Wait,
    /// Turning an answer into bars.
    Parse,
    /// One query, or one batch of statements in one transaction.
    Query,
}

impl Work {
    /// The name used in the database and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Task => "task",
            Self::Request => "request",
            Self::Refused => "refused",
            Self::Wait => "wait",
            Self::Parse => "parse",
            Self::Query => "query",
        }
    }
}

/// The durations of one kind and name since they were last taken.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Kind of work.
    pub work: Work,
    /// Which one, e.g. `daily_bars` or `yahoo.chart`.
    pub name: &'static str,
    /// Their distribution.
    pub durations: Histogram,
}

/// Collects durations; cheap to clone, shared by everything that measures.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<(Work, &'static str), Histogram>>>);

impl Meter {
    /// Runs `future` and records how long it took, whatever came of it.
    pub async fn measure<F: Future>(&self, work: Work, name: &'static str, future: F) -> F::Output {
        let start = clock::monotonic();
        let output = future.await;
        self.record(work, name, start.elapsed());
        output
    }

    /// Runs `compute` and records how long it took.
    pub fn measure_sync<T>(
        &self,
        work: Work,
        name: &'static str,
        compute: impl FnOnce() -> T,
    ) -> T {
        let start = clock::monotonic();
        let output = compute();
        self.record(work, name, start.elapsed());
        output
    }

    /// Records a duration taken elsewhere.
    pub fn record(&self, work: Work, name: &'static str, duration: Duration) {
        metric::work_duration(work.as_str(), name, duration.as_secs_f64());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((work, name)).or_default().record(duration);
    }

    /// Everything recorded since the last call.
    pub fn take(&self) -> Vec<Measurement> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *all)
            .into_iter()
            .map(|((work, name), durations)| Measurement {
                work,
                name,
                durations,
            })
            .collect()
    }

    /// Puts back what was taken and could not be written; the next [`Self::take`] gives it with
    /// what was recorded meanwhile.
    pub fn give_back(&self, measurements: &[Measurement]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Measurement {
            work,
            name,
            durations,
        } in measurements
        {
            all.entry((*work, *name)).or_default().merge(durations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_measured_future_is_recorded_once_with_its_duration() {
        let meter = Meter::default();
        let sleep = tokio::time::sleep(Duration::from_millis(20));
        meter.measure(Work::Request, "test", sleep).await;
        let taken = meter.take();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].durations.count(), 1);
        assert!((20_000..22_000).contains(&taken[0].durations.max_us()));
        assert!(meter.take().is_empty());
    }

    #[test]
    fn what_is_given_back_is_taken_again_with_what_came_meanwhile() {
        let meter = Meter::default();
        meter.record(Work::Query, "a", Duration::from_millis(1));
        let taken = meter.take();
        meter.record(Work::Query, "a", Duration::from_millis(2));
        meter.give_back(&taken);
        let again = meter.take();
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].durations.count(), 2);
        assert_eq!(again[0].durations.sum_us(), 3_000);
    }
}
