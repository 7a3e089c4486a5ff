//! What one task may spend, and what it has spent.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Lane;
use crate::clock;
use crate::domain::Providers;

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

/// What a provider has said of a task's symbol, in answer to a request of this very task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It has sent prices: the symbol is there.
    Known,
    /// It does not know the symbol.
    Unknown,
}

/// The time a task may work, the counts of its requests, what was heard of its symbol, and the lane
/// its requests wait in. Waiting for the upstream's turn does not use up the time: the queue is our
/// doing, not the symbol's.
#[derive(Debug)]
pub struct Budget {
    started: Instant,
    allowed: Duration,
    waited_ns: Arc<AtomicU64>,
    counts: Arc<CallCounts>,
    lane: Lane,
    providers: Providers,
    /// Of a share: where the whole counts its waits.
    whole_waited_ns: Option<Arc<AtomicU64>>,
    /// By provider, in the order in which they spoke last.
    heard: Arc<Mutex<Vec<(&'static str, Said)>>>,
}

impl Budget {
    /// A budget that begins now.
    pub fn starting_now(allowed: Duration, counts: Arc<CallCounts>) -> Self {
        Self {
            started: clock::monotonic(),
            allowed,
            waited_ns: Arc::default(),
            counts,
            lane: Lane::Live,
            providers: Providers::default(),
            whole_waited_ns: None,
            heard: Arc::default(),
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

    /// The same for a task that may ask these providers.
    #[must_use]
    pub fn asking(self, providers: Providers) -> Self {
        Self { providers, ..self }
    }

    /// Whom the task may ask, in this order.
    pub fn providers(&self) -> Providers {
        self.providers
    }

    /// An equal part of the time that is left, for one of `parts` providers. What is spent of it is
    /// spent of the whole, and a cool-down longer than it is not waited for.
    pub(super) fn share(&self, parts: u32) -> Self {
        let now = clock::monotonic();
        let left = self.deadline().saturating_duration_since(now);
        Self {
            started: now,
            allowed: left / parts.max(1),
            waited_ns: Arc::default(),
            counts: Arc::clone(&self.counts),
            lane: self.lane,
            providers: self.providers,
            whole_waited_ns: Some(Arc::clone(&self.waited_ns)),
            heard: Arc::clone(&self.heard),
        }
    }

    /// The longest cool-down that is waited for; `None` when any is.
    pub(super) fn patience(&self) -> Option<Duration> {
        let is_share = self.whole_waited_ns.is_some();
        let left = || {
            self.deadline()
                .saturating_duration_since(clock::monotonic())
        };
        is_share.then(left)
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
        if let Some(whole) = &self.whole_waited_ns {
            whole.fetch_add(ns, Ordering::Relaxed);
        }
    }

    /// Requests sent so far.
    pub fn calls(&self) -> u32 {
        self.counts.calls()
    }

    /// What the providers have said of the task's symbol, each with its last word, in the order in
    /// which they spoke. Only requests of this task count: not kept answers, not a batch that was
    /// refused as a whole.
    pub fn heard(&self) -> Vec<(&'static str, Said)> {
        self.lock().clone()
    }

    pub(super) fn hear(&self, provider: &'static str, said: Said) {
        let mut heard = self.lock();
        heard.retain(|(other, _)| *other != provider);
        heard.push((provider, said));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(&'static str, Said)>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
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
