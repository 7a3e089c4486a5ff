//! The cache: one load for all who ask, nothing kept beyond its time or its room, and no reader
//! that ever suffers from the backend.

mod answers;
mod bounds;
mod flights;
mod remote;
mod times;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use finstage::cache::{
    Backend, Cache, Given, Key, LoadError, Loaded, Observer, RemoteSettings, Settings, Terms, Value,
};
use finstage::clock::Clock;
use tokio::sync::watch;

use crate::support::values::at;

const TTL: Duration = Duration::from_secs(10);

/// Why a load fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Outage,
    Refused,
    Personal,
}

impl LoadError for Failure {
    fn is_outage(&self) -> bool {
        *self == Self::Outage
    }

    fn is_personal(&self) -> bool {
        *self == Self::Personal
    }
}

/// What the backend was reported to do, and a way to wait for it.
#[derive(Default)]
struct Heard(watch::Sender<Vec<&'static str>>);

impl Observer for Heard {
    fn lost(&self, reason: &str) {
        assert!(!reason.is_empty());
        self.0.send_modify(|heard| heard.push("lost"));
    }

    fn back(&self, _: Duration) {
        self.0.send_modify(|heard| heard.push("back"));
    }
}

impl Heard {
    async fn until(&self, expected: &[&str]) {
        let mut heard = self.0.subscribe();
        let all = heard.wait_for(|heard| heard.len() >= expected.len());
        let all = tokio::time::timeout(Duration::from_secs(20), all).await;
        assert_eq!(*all.expect("in time").unwrap(), expected);
    }

    /// Waits until this is the newest.
    async fn until_last(&self, expected: &str) {
        let mut heard = self.0.subscribe();
        let is_last = heard.wait_for(|heard| heard.last().is_some_and(|last| *last == expected));
        let is_last = tokio::time::timeout(Duration::from_secs(20), is_last).await;
        is_last.expect("in time").unwrap();
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.borrow().clone()
    }
}

/// A cache with what its loads are counted by.
struct World {
    cache: Cache<Failure>,
    clock: Clock,
    heard: Arc<Heard>,
    loads: AtomicU64,
}

impl World {
    fn new(settings: &Settings) -> Arc<Self> {
        let (clock, heard) = (
            Clock::starting_at(at("2026-01-21T20:00:00Z")),
            Arc::default(),
        );
        let observer = Arc::clone(&heard) as Arc<dyn Observer>;
        let cache = Cache::new(settings, clock.clone(), observer).expect("it is not off");
        Arc::new(Self {
            cache,
            clock,
            heard,
            loads: AtomicU64::new(0),
        })
    }

    fn in_memory() -> Arc<Self> {
        Self::new(&Settings::default())
    }

    fn with(remote: RemoteSettings) -> Arc<Self> {
        Self::new(&Settings {
            backend: Backend::Redis(remote),
            ..Settings::default()
        })
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Notes a load, and gives what it brings.
    fn loaded(&self, value: Value) -> Loaded {
        self.loads.fetch_add(1, Ordering::Relaxed);
        Loaded {
            value,
            at: self.clock.now(),
            valid_until: None,
        }
    }

    /// Reads `name`, which loads as its own name at once.
    async fn read(&self, name: &str) -> Given {
        let load = async { Ok(self.loaded(hit(name))) };
        self.get(name, load).await.unwrap()
    }

    async fn get(
        &self,
        name: &str,
        load: impl Future<Output = Result<Loaded, Failure>> + Send,
    ) -> Result<Given, Failure> {
        self.cache.get_or_set(&key(name), &terms(), load).await
    }
}

fn key(name: &str) -> Key {
    Key::new("test", 1, &[name])
}

fn terms() -> Terms {
    Terms {
        ttl: TTL,
        not_before: None,
    }
}

fn hit(text: &str) -> Value {
    Value::Hit(text.as_bytes().into())
}
