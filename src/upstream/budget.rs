//! What one task may spend, and what it has spent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Lane;
use crate::clock;

/// Requests of one task. Shared with the runner, so that the count survives a task that is cut off.
#[derive(Debug, Default)]
pub struct CallCounts {
    calls: AtomicU32,
    retries: AtomicU32,
    rate_limited: AtomicU32,
}

impl CallCounts {
    /// Requests sent.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Requests that repeated a question.
    pub fn retries(&self) -> u32 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Answers that were 429.
    pub fn rate_limited(&self) -> u32 {
        self.rate_limited.load(Ordering::Relaxed)
    }
}

/// The time a task may work, the counts of its requests, and the lane they wait in. Waiting for the upstream's turn does
/// not use up the time: the queue is our doing, not the symbol's.
#[derive(Debug)]
pub struct Budget {
    started: Instant,
    allowed: Duration,
    waited_ns: AtomicU64,
    counts: Arc<CallCounts>,
    lane: Lane,
}

impl Budget {
    /// A budget that begins now.
    pub fn starting_now(allowed: Duration, counts: Arc<CallCounts>) -> Self {
        Self {
            started: clock::monotonic(),
            allowed,
            waited_ns: AtomicU64::new(0),
            counts,
            lane: Lane::Live,
        }
    }

    /// The same budget for requests that wait in `lane`.
    #[must_use]
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// Where its requests wait.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// When the task has to be done.
    pub fn deadline(&self) -> Instant {
        let waited = Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed));
        self.started + self.allowed + waited
    }

    /// Time the task spent waiting for others: it gets that much longer.
    pub fn add_wait(&self, waited: Duration) {
        let ns = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.waited_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// Requests sent so far.
    pub fn calls(&self) -> u32 {
        self.counts.calls()
    }

    pub(super) fn count_call(&self, is_retry: bool) {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        if is_retry {
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_rate_limited(&self) {
        self.counts.rate_limited.fetch_add(1, Ordering::Relaxed);
    }
}
