//! The tier in this process's memory: bounded by bytes, each entry with its own time, by moka.
//!
//! moka takes entries away by the operating system's clock. Whether one is still good is decided
//! here, by the program's own, so that tests in paused time see what happens in production.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use tokio::time::Instant;

use super::Key;
use super::counts::Counters;
use super::value::{Entry, Loaded, Value};
use crate::clock;

/// What an entry costs beside key and content: moka's bookkeeping and our own, generously.
const OVERHEAD_BYTES: usize = 256;

/// The largest entry kept, as a share of all memory: a single giant shall not drive all others out.
const LARGEST_SHARE: u64 = 4;

#[derive(Clone)]
struct Held {
    loaded: Loaded,
    fresh_until: Instant,
    kept_until: Instant,
}

struct ByEntry;

impl moka::Expiry<Key, Held> for ByEntry {
    fn expire_after_create(&self, _: &Key, held: &Held, _: std::time::Instant) -> Option<Duration> {
        Some(
            held.kept_until
                .saturating_duration_since(clock::monotonic()),
        )
    }

    fn expire_after_update(
        &self,
        _: &Key,
        held: &Held,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(
            held.kept_until
                .saturating_duration_since(clock::monotonic()),
        )
    }
}

/// The tier in memory.
pub(super) struct Memory {
    entries: Cache<Key, Held>,
    largest: u64,
}

impl Memory {
    pub(super) fn new(max_bytes: u64, counters: Arc<Counters>) -> Self {
        let note = move |_: Arc<Key>, _: Held, cause: RemovalCause| {
            if cause == RemovalCause::Size {
                counters.evictions.add_one();
            }
        };
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &Key, held: &Held| weight(key, &held.loaded))
            // Answers live for seconds: the newest is the likeliest to be asked for, and popularity
            // in the past says little.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(ByEntry)
            .eviction_listener(note)
            .build();
        Self {
            entries,
            largest: max_bytes / LARGEST_SHARE,
        }
    }

    /// The entry of `key`, past its time or not; `None` when it is not kept any more.
    pub(super) async fn get(&self, key: &Key) -> Option<Entry> {
        let held = self.entries.get(key).await?;
        let now = clock::monotonic();
        if held.kept_until <= now {
            return None;
        }
        Some(Entry {
            fresh: held.fresh_until.saturating_duration_since(now),
            kept: held.kept_until.saturating_duration_since(now),
            loaded: held.loaded,
        })
    }

    /// Keeps `entry`, unless it is too large.
    pub(super) async fn put(&self, key: &Key, entry: &Entry) {
        if u64::from(weight(key, &entry.loaded)) > self.largest {
            self.entries.invalidate(key).await;
            return;
        }
        let now = clock::monotonic();
        let held = Held {
            loaded: entry.loaded.clone(),
            fresh_until: now + entry.fresh,
            kept_until: now + entry.kept,
        };
        self.entries.insert(key.clone(), held).await;
        // moka would tidy up by and by; a bound that holds only later is none.
        self.entries.run_pending_tasks().await;
    }

    /// Bytes and entries held.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.entries.weighted_size(), self.entries.entry_count())
    }
}

fn weight(key: &Key, loaded: &Loaded) -> u32 {
    let content = match &loaded.value {
        Value::Hit(bytes) => bytes.len(),
        Value::Absent => 0,
    };
    u32::try_from(key.as_str().len() + content + OVERHEAD_BYTES).unwrap_or(u32::MAX)
}
