//! What the cache has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers since the start, but for `bytes` and `entries`, which are of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Readers that got a kept answer.
    pub hits: u64,
    /// Of those, the ones that got to know that there is none.
    pub negative_hits: u64,
    /// Readers that found nothing and had to load.
    pub misses: u64,
    /// Loads that brought an answer.
    pub loads: u64,
    /// Loads that failed.
    pub load_errors: u64,
    /// Readers that waited for another one's load and got what it brought.
    pub shared: u64,
    /// Readers that got an answer past its time because loading failed.
    pub stale: u64,
    /// Entries dropped from memory to keep within the bound.
    pub evictions: u64,
    /// Calls to the shared backend that failed or took too long.
    pub backend_errors: u64,
    /// Bytes of memory taken up.
    pub bytes: u64,
    /// Entries in memory.
    pub entries: u64,
}

/// One number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The growing numbers.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: Counter,
    pub(super) negative_hits: Counter,
    pub(super) misses: Counter,
    pub(super) loads: Counter,
    pub(super) load_errors: Counter,
    pub(super) shared: Counter,
    pub(super) stale: Counter,
    pub(super) evictions: Counter,
    pub(super) backend_errors: Counter,
}

impl Counters {
    /// The numbers now, with what memory holds.
    pub(super) fn read(&self, bytes: u64, entries: u64) -> Counts {
        Counts {
            hits: self.hits.get(),
            negative_hits: self.negative_hits.get(),
            misses: self.misses.get(),
            loads: self.loads.get(),
            load_errors: self.load_errors.get(),
            shared: self.shared.get(),
            stale: self.stale.get(),
            evictions: self.evictions.get(),
            backend_errors: self.backend_errors.get(),
            bytes,
            entries,
        }
    }
}
