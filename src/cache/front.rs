//! `get_or_set`: memory, then Redis, then whoever can load, once for all who ask.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::counts::Counters;
use super::flights::Flights;
use super::memory::Memory;
use super::remote::Remote;
use super::value::{Entry, Given, Loaded, Source, Value};
use super::{Backend, Counts, Key, Observer, Settings};
use crate::clock::Clock;

/// Entries of other machines may be this far ahead of our clock.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(5);

/// What the cache must know of a loader's errors.
pub trait LoadError: Clone + Send + Sync {
    /// Whether it says nothing about the answer, only that it could not be had: then one past its
    /// time may stand in.
    fn is_outage(&self) -> bool;

    /// Whether it concerns only the reader who was loading (its own time was up): then the next
    /// one loads instead of failing too.
    fn is_personal(&self) -> bool;
}

/// What a reader accepts.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long what is loaded now will be good, for everybody.
    pub ttl: Duration,
    /// Answers that came up to this instant are not good enough.
    pub not_before: Option<Timestamp>,
}

/// Keeps answers, and sees to it that each is loaded once. `E` is the loaders' error.
pub struct Cache<E> {
    settings: Settings,
    clock: Clock,
    counters: Arc<Counters>,
    memory: Memory,
    remote: Option<Remote>,
    flights: Flights<Result<Given, E>>,
}

impl<E: LoadError> Cache<E> {
    /// A cache set up as `settings` say; `None` when they say that there is none. Call within a
    /// tokio runtime: a shared backend is reached in the background.
    pub fn new(settings: &Settings, clock: Clock, observer: Arc<dyn Observer>) -> Option<Self> {
        let counters = Arc::new(Counters::default());
        let remote = match &settings.backend {
            Backend::Off => return None,
            Backend::Memory => None,
            Backend::Redis(remote) => Some(Remote::start(remote, observer, Arc::clone(&counters))),
        };
        Some(Self {
            memory: Memory::new(settings.max_bytes, Arc::clone(&counters)),
            settings: settings.clone(),
            clock,
            counters,
            remote,
            flights: Flights::default(),
        })
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        let (bytes, entries) = self.memory.size();
        self.counters.read(bytes, entries)
    }

    /// The kept answer, or what `load` brings, which is kept then. `load` is polled only when it is
    /// needed; of readers that ask for one key at once, one does it for all.
    pub async fn get_or_set(
        &self,
        key: &Key,
        terms: &Terms,
        load: impl Future<Output = Result<Loaded, E>> + Send,
    ) -> Result<Given, E> {
        if let Some(found) = self.in_memory(key, terms).await
            && !found.fresh.is_zero()
        {
            return Ok(self.hit(found, Source::Memory));
        }
        let ticket = self.flights.board(key);
        let mut seat = ticket.turn().await;
        match seat.as_ref() {
            Some(Ok(given)) if self.is_good(given.at, None, terms) => {
                self.counters.shared.add_one();
                let source = Source::Shared;
                return Ok(Given {
                    source,
                    ..given.clone()
                });
            }
            Some(Err(error)) => return Err(error.clone()),
            // Nobody has led to an end yet, or not to one that is good enough for this reader.
            Some(Ok(_)) | None => {}
        }
        let result = self.lead(key, terms, load).await;
        if !result.as_ref().is_err_and(LoadError::is_personal) {
            *seat = Some(result.clone());
            ticket.land();
        }
        result
    }

    async fn lead(
        &self,
        key: &Key,
        terms: &Terms,
        load: impl Future<Output = Result<Loaded, E>> + Send,
    ) -> Result<Given, E> {
        // Somebody may have loaded it between this reader's first look and its turn.
        if let Some((found, source)) = self.look(key, terms).await
            && !found.fresh.is_zero()
        {
            return Ok(self.hit(found, source));
        }
        self.counters.misses.add_one();
        match load.await {
            Ok(loaded) => {
                self.counters.loads.add_one();
                let entry = self.entry(loaded, terms);
                self.keep(key, &entry).await;
                Ok(Given {
                    is_stale: false,
                    ..entry.given(Source::Load)
                })
            }
            Err(error) => {
                self.counters.load_errors.add_one();
                if !error.is_outage() || self.settings.stale_if_error.is_zero() {
                    return Err(error);
                }
                // Looked up only now: loading may have taken minutes.
                match self.look(key, terms).await {
                    Some((found, source)) => {
                        self.counters.stale.add_one();
                        Ok(found.given(source))
                    }
                    None => Err(error),
                }
            }
        }
    }

    fn hit(&self, found: Entry, source: Source) -> Given {
        self.counters.hits.add_one();
        if found.loaded.value == Value::Absent {
            self.counters.negative_hits.add_one();
        }
        found.given(source)
    }

    /// The entry of `key` in memory, fresh or not, if nothing speaks against it but its age.
    async fn in_memory(&self, key: &Key, terms: &Terms) -> Option<Entry> {
        let found = self.memory.get(key).await?;
        self.is_good(found.loaded.at, found.loaded.valid_until, terms)
            .then_some(found)
    }

    /// The best entry of `key`: a fresh one wherever it is, else one past its time. What comes from
    /// the shared backend is kept in memory for the rest of its time.
    async fn look(&self, key: &Key, terms: &Terms) -> Option<(Entry, Source)> {
        let near = self.in_memory(key, terms).await;
        if near.as_ref().is_some_and(|entry| !entry.fresh.is_zero()) {
            return near.map(|entry| (entry, Source::Memory));
        }
        let far = match &self.remote {
            Some(remote) => remote.get(key).await,
            None => None,
        };
        let far =
            far.filter(|entry| self.is_good(entry.loaded.at, entry.loaded.valid_until, terms));
        match (near, far) {
            (near, Some(far)) if near.as_ref().is_none_or(|n| n.kept < far.kept) => {
                self.memory.put(key, &far).await;
                Some((far, Source::Remote))
            }
            (near, _) => near.map(|entry| (entry, Source::Memory)),
        }
    }

    /// Whether an answer that came `at` can be used at all, whatever its age.
    fn is_good(&self, at: Timestamp, valid_until: Option<Timestamp>, terms: &Terms) -> bool {
        let now = self.clock.now();
        let latest = now.saturating_add(CLOCK_SLACK).unwrap_or(now);
        at <= latest
            && valid_until.is_none_or(|until| now < until)
            && terms.not_before.is_none_or(|limit| limit < at)
    }

    fn entry(&self, loaded: Loaded, terms: &Terms) -> Entry {
        let (fresh, stale) = match loaded.value {
            Value::Hit(_) => (terms.ttl, self.settings.stale_if_error),
            // While the upstream is out nobody shall be told that it does not know a symbol.
            Value::Absent => (self.settings.negative_ttl, Duration::ZERO),
        };
        Entry {
            loaded,
            fresh,
            kept: fresh.saturating_add(stale),
        }
    }

    async fn keep(&self, key: &Key, entry: &Entry) {
        self.memory.put(key, entry).await;
        if let Some(remote) = &self.remote {
            remote.put(key, entry).await;
        }
    }
}
