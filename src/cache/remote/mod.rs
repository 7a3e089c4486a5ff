//! The tier that processes share: a Redis, single or cluster, that may come and go.
//!
//! One task of its own keeps the connection; callers only use it. A call takes `timeout` at most.
//! When the connection breaks, or three calls in a row fail, there are no more calls: the task tries
//! to reach the server, at once and then every few seconds, until a value can be written again and
//! calls go well for as long.

pub(super) mod address;
mod wire;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::counts::Counters;
use super::value::{Entry, LAYOUT, Value};
use super::{Key, Observer, RemoteSettings};
use crate::clock;
use wire::{Wire, no_answer, words};

/// Calls in a row that may fail before the server counts as away.
const FAILURES_ALLOWED: u32 = 3;

/// Bound on connecting, which holds nobody up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest value sent: what is larger takes too long for the timeout, and is a long history
/// nobody asks for twice.
const MAX_VALUE_BYTES: usize = 1 << 20;

/// The connection as callers see it.
#[derive(Clone)]
enum Link {
    /// Not tried yet: worth waiting for, within a call's own time.
    Starting,
    Up(Wire),
    /// Away: nobody calls.
    Down,
}

struct Shared {
    settings: RemoteSettings,
    link: watch::Sender<Link>,
    /// Calls that failed since the last that did not.
    failures: AtomicU32,
    /// Why the last of those failed.
    reason: Mutex<String>,
    /// Callers have given the connection up.
    given_up: Notify,
    counters: Arc<Counters>,
}

/// The shared tier. Dropping it ends its task.
pub(super) struct Remote {
    shared: Arc<Shared>,
    _ends_the_keeper: DropGuard,
}

impl Remote {
    /// Begins to connect in the background.
    pub(super) fn start(
        settings: &RemoteSettings,
        observer: Arc<dyn Observer>,
        counters: Arc<Counters>,
    ) -> Self {
        let shared = Arc::new(Shared {
            settings: settings.clone(),
            link: watch::Sender::new(Link::Starting),
            failures: AtomicU32::new(0),
            reason: Mutex::default(),
            given_up: Notify::new(),
            counters,
        });
        let stop = CancellationToken::new();
        let keeper = keep(Arc::clone(&shared), observer);
        let until_dropped = stop.clone().run_until_cancelled_owned(keeper);
        // Nobody waits for its end: it holds nothing that must be closed.
        drop(TaskTracker::new().spawn(until_dropped));
        Self {
            shared,
            _ends_the_keeper: stop.drop_guard(),
        }
    }

    /// The entry of `key`; `None` when there is none, or the server is away.
    pub(super) async fn get(&self, key: &Key) -> Option<Entry> {
        let key = self.shared.name(key);
        let called = self
            .shared
            .call(async |wire: &mut Wire| wire.get(&key).await);
        let (bytes, left_ms) = called.await?;
        // An entry without a limit is none of ours.
        let left = Duration::from_millis(u64::try_from(left_ms).ok()?);
        Entry::decode(&bytes?, left)
    }

    /// Keeps `entry` there, if the server is.
    pub(super) async fn put(&self, key: &Key, entry: &Entry) {
        if matches!(&entry.loaded.value, Value::Hit(bytes) if bytes.len() > MAX_VALUE_BYTES) {
            return;
        }
        let (key, bytes) = (self.shared.name(key), entry.encode());
        let kept_ms = u64::try_from(entry.kept.as_millis()).unwrap_or(u64::MAX);
        let called = self
            .shared
            .call(async |wire: &mut Wire| wire.set(&key, &bytes, kept_ms.max(1)).await);
        let _ = called.await;
    }
}

impl Shared {
    fn name(&self, key: &Key) -> String {
        format!("{}{LAYOUT}/{key}", self.settings.key_prefix)
    }

    /// One call, within its time. `None` when it failed or nobody may call.
    async fn call<T>(
        &self,
        command: impl AsyncFnOnce(&mut Wire) -> redis::RedisResult<T>,
    ) -> Option<T> {
        let bounded = tokio::time::timeout(self.settings.timeout, async {
            let mut link = self.link.subscribe();
            let link = link.wait_for(|link| !matches!(link, Link::Starting)).await;
            let Link::Up(mut wire) = link.ok()?.clone() else {
                return None;
            };
            Some(command(&mut wire).await)
        });
        match bounded.await {
            Ok(None) => None,
            Ok(Some(Ok(value))) => {
                self.failures.store(0, Ordering::Relaxed);
                Some(value)
            }
            Ok(Some(Err(error))) => {
                // Of a cluster it says that a part is gone.
                let is_broken =
                    error.is_connection_dropped() && !self.settings.address.is_cluster();
                self.failed(words(&error), is_broken);
                None
            }
            Err(_) => {
                self.failed(no_answer(self.settings.timeout), false);
                None
            }
        }
    }

    fn last_failure(&self) -> String {
        let reason = self.reason.lock();
        reason.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn failed(&self, reason: String, is_broken: bool) {
        self.counters.backend_errors.add_one();
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if is_broken || failures >= FAILURES_ALLOWED {
            // Only one of many that fail together finds it up.
            let was_up = self.link.send_if_modified(|link| {
                let was_up = matches!(link, Link::Up(_));
                if was_up {
                    *link = Link::Down;
                }
                was_up
            });
            if was_up {
                self.given_up.notify_one();
            }
        }
    }
}

/// Keeps a connection as long as there is a server, and says when there is none.
async fn keep(shared: Arc<Shared>, observer: Arc<dyn Observer>) {
    let pause = shared.settings.retry_every;
    let mut away_since = None;
    let tell_lost = |away_since: &mut Option<Instant>, reason: &str| {
        if away_since.is_none() {
            observer.lost(reason);
            *away_since = Some(clock::monotonic());
        }
    };
    loop {
        match open(&shared.settings).await {
            Err(reason) => {
                shared.link.send_replace(Link::Down);
                tell_lost(&mut away_since, &reason);
                tokio::time::sleep(pause).await;
            }
            Ok(wire) => {
                shared.failures.store(0, Ordering::Relaxed);
                shared.link.send_replace(Link::Up(wire));
                // A cluster that lacks a part can be reached and written to, and fails all the
                // same: only what holds for a while is back.
                let given_up = shared.given_up.notified();
                if tokio::time::timeout(pause, given_up).await.is_ok() {
                    tell_lost(&mut away_since, &shared.last_failure());
                    tokio::time::sleep(pause).await;
                    continue;
                }
                if let Some(since) = away_since.take() {
                    observer.back(since.elapsed());
                }
                // A server that was only restarted is there again before anybody need hear of it.
                shared.given_up.notified().await;
            }
        }
    }
}

/// A connection that can write: a server that is full, read-only or half a cluster answers a PING.
async fn open(settings: &RemoteSettings) -> Result<Wire, String> {
    let mut wire = Wire::open(&settings.address, CONNECT_TIMEOUT).await?;
    let key = format!("{}alive", settings.key_prefix);
    match tokio::time::timeout(CONNECT_TIMEOUT, wire.set(&key, b"1", 1_000)).await {
        Ok(Ok(())) => Ok(wire),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err(no_answer(CONNECT_TIMEOUT)),
    }
}
