//! Answers of providers, kept for as long as asking again would bring the same bytes.
//!
//! What is kept is the answer as it was sent, after it was found to be good, with the moment it
//! came: whoever gets it later reads it as of then. So a bar of an answer that came before its
//! session's end stays provisional. And no answer outlives the moment at which the session it tells
//! of settles: the job that comes for the final bar asks anew.
//!
//! A question that reaches until now is the same question a second later: see [`Question`].
//!
//! An answer past its time is given only when the upstream is out and the operator has said for how
//! long (`stale_if_error`, off by default): a run that succeeds on old prices hides an outage. Old
//! prices never pass for new ones even then: they carry the exchange's own time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Budget, ChartRequest, Fault};
use crate::cache::{
    Backend, Cache, Counts, Key, LoadError, Loaded, Observer, Settings, Source, Terms, Value,
};
use crate::clock::{self, Clock};
use crate::domain::{FaultClass, Symbol};
use crate::telemetry::events;

/// Version of what is kept: raise it when the question's meaning or the bytes' changes.
const VERSION: u32 = 1;

/// A window that ends this close to now, or later, reaches until now.
const STILL_NOW: SignedDuration = SignedDuration::from_secs(10);

const DAY_SECONDS: i64 = 86_400;

impl LoadError for Fault {
    fn is_outage(&self) -> bool {
        self.class == FaultClass::Outage
    }

    fn is_personal(&self) -> bool {
        matches!(self.class, FaultClass::Timeout | FaultClass::Cancelled)
    }
}

/// A question in the form that is sent and remembered. Equal wishes make equal questions: the
/// window's start is that of its day (UTC), and an end that is now has no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// What is sent.
    pub(super) sent: ChartRequest,
    is_open: bool,
}

impl Question {
    /// The question of somebody who wants `request` at `now`. The answer can begin up to a day
    /// before the wished window.
    pub(super) fn new(request: &ChartRequest, now: Timestamp) -> Self {
        let second = request.from.as_second();
        let midnight = second - second.rem_euclid(DAY_SECONDS);
        let from = Timestamp::from_second(midnight).unwrap_or(request.from);
        let soon = request.to.saturating_add(STILL_NOW).unwrap_or(request.to);
        Self {
            sent: ChartRequest {
                from,
                ..request.clone()
            },
            is_open: now <= soon,
        }
    }

    /// What its answer is kept under.
    pub(super) fn key(&self, origin: &Origin<'_>) -> Key {
        let Origin {
            provider,
            place,
            interval,
        } = *origin;
        let (from, to) = (self.sent.from.as_second(), self.sent.to.as_second());
        let (from, to) = (from.to_string(), to.to_string());
        let to = if self.is_open { "now" } else { &to };
        let symbol = self.sent.symbol.as_str();
        let parts = [provider, place, symbol, interval, &from, to];
        Key::new("chart", VERSION, &parts)
    }
}

/// Whose answers are kept.
pub(super) struct Origin<'a> {
    pub(super) provider: &'static str,
    /// The host that is asked, so that simulated prices never pass for real ones.
    pub(super) place: &'a str,
    pub(super) interval: &'static str,
}

impl Origin<'_> {
    /// What the latest price of `symbol` is kept under, where it was asked for without a chart.
    pub(super) fn latest_key(&self, symbol: &Symbol) -> Key {
        let parts = [self.provider, self.place, symbol.as_str()];
        Key::new("latest", VERSION, &parts)
    }
}

/// A good answer as it came.
pub(super) struct Fetched<T> {
    /// What was read off it.
    pub(super) value: T,
    /// What is kept.
    pub(super) bytes: Vec<u8>,
    pub(super) at: Timestamp,
    /// When it is overtaken whatever its age.
    pub(super) valid_until: Option<Timestamp>,
}

/// The answers kept, of all providers. Cheap to clone.
#[derive(Clone)]
pub struct Answers(Arc<Inner>);

struct Inner {
    cache: Cache<Fault>,
    settings: Settings,
    clock: Clock,
    /// Symbols whose older answers are known to be overtaken, and since when.
    forgotten: Mutex<HashMap<Symbol, Timestamp>>,
    /// Providers answers past their time are given of.
    out: Mutex<HashSet<&'static str>>,
}

impl Answers {
    /// A place for answers as `settings` say; `None` when none are to be kept. Call within a tokio
    /// runtime.
    pub fn new(settings: &Settings, clock: Clock) -> Option<Self> {
        let log = Log {
            backend: match &settings.backend {
                Backend::Redis(remote) => remote.address.redacted().to_owned(),
                Backend::Off | Backend::Memory => String::new(),
            },
        };
        let cache = Cache::new(settings, clock.clone(), Arc::new(log))?;
        Some(Self(Arc::new(Inner {
            cache,
            settings: settings.clone(),
            clock,
            forgotten: Mutex::default(),
            out: Mutex::default(),
        })))
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.0.cache.counts()
    }

    /// No answer about `symbol` that came up to now is given again, in this process.
    pub(super) fn forget(&self, symbol: &Symbol) {
        let now = self.0.clock.now();
        let settings = &self.0.settings;
        let longest_life = settings
            .ttl
            .saturating_add(settings.stale_if_error)
            .max(settings.negative_ttl);
        let still_kept =
            |since: &Timestamp| now.duration_since(*since) <= clock::signed(longest_life);
        let mut forgotten = self.lock();
        forgotten.retain(|_, since| still_kept(since));
        forgotten.insert(symbol.clone(), now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Symbol, Timestamp>> {
        let forgotten = self.0.forgotten.lock();
        forgotten.unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept under `key` about `symbol`, or what `ask` brings; `read` makes an answer of
    /// bytes that came at some time. Waiting for somebody else's answer does not use up the task's
    /// time.
    pub(super) async fn get<T: Send, F>(
        &self,
        (key, symbol): (&Key, &Symbol),
        provider: &'static str,
        budget: &Budget,
        ask: impl Fn() -> F + Send + Sync,
        read: impl Fn(&[u8], Timestamp) -> Result<T, Fault> + Send + Sync,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<Fetched<T>, Fault>> + Send,
    {
        let mut terms = Terms {
            ttl: self.0.settings.ttl,
            not_before: self.lock().get(symbol).copied(),
        };
        loop {
            // What this reader fetches itself was parsed already, and its fault has better words.
            let own: Mutex<Option<Result<T, Fault>>> = Mutex::new(None);
            let arrived = clock::monotonic();
            let load = async {
                let (loaded, verdict) = loaded(ask().await, &self.0.clock)?;
                *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
                Ok(loaded)
            };
            let given = self.0.cache.get_or_set(key, &terms, load).await;
            let own = own.into_inner().unwrap_or_else(PoisonError::into_inner);
            if let Some(verdict) = own {
                self.note_standing(provider, false);
                return verdict;
            }
            budget.add_wait(arrived.elapsed());
            let given = given?;
            if given.is_stale {
                self.note_standing(provider, true);
            }
            let Value::Hit(bytes) = given.value else {
                return Err(Fault::new(
                    FaultClass::NotFound,
                    "the upstream said a moment ago that it does not know the symbol",
                ));
            };
            match read(&bytes, given.at) {
                // Kept by another program, or damaged: as if it were not there.
                Err(fault)
                    if given.source != Source::Load
                        && terms.not_before.is_none_or(|limit| limit < given.at)
                        && fault.class != FaultClass::NoData =>
                {
                    terms.not_before = Some(given.at);
                }
                verdict => return verdict,
            }
        }
    }

    /// Says once that answers past their time are given, and once that they no longer are.
    fn note_standing(&self, provider: &'static str, is_out: bool) {
        let mut out = self.0.out.lock().unwrap_or_else(PoisonError::into_inner);
        let has_changed = if is_out {
            out.insert(provider)
        } else {
            out.remove(provider)
        };
        drop(out);
        if !has_changed {
            return;
        }
        let stale_if_error = self.0.settings.stale_if_error;
        if is_out {
            events::CacheStaleGiven {
                provider,
                limit_ms: millis(stale_if_error),
            }
            .emit();
        } else {
            events::CacheStaleEnded { provider }.emit();
        }
    }
}

/// What is kept of what was fetched, and what the one who fetched it gets.
fn loaded<T>(
    fetched: Result<Fetched<T>, Fault>,
    clock: &Clock,
) -> Result<(Loaded, Result<T, Fault>), Fault> {
    match fetched {
        Ok(fetched) => {
            let loaded = Loaded {
                value: Value::Hit(fetched.bytes.into()),
                at: fetched.at,
                valid_until: fetched.valid_until,
            };
            Ok((loaded, Ok(fetched.value)))
        }
        Err(fault) if fault.class == FaultClass::NotFound => {
            let loaded = Loaded {
                value: Value::Absent,
                at: clock.now(),
                valid_until: None,
            };
            Ok((loaded, Err(fault)))
        }
        Err(fault) => Err(fault),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Writes what operators should know to the log.
struct Log {
    backend: String,
}

impl Observer for Log {
    fn lost(&self, reason: &str) {
        events::CacheBackendLost {
            backend: &self.backend,
            reason,
        }
        .emit();
    }

    fn back(&self, away: Duration) {
        events::CacheBackendBack {
            backend: &self.backend,
            outage_ms: millis(away),
        }
        .emit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAHOO: Origin<'static> = Origin {
        provider: "yahoo",
        place: "host",
        interval: "1d",
    };

    fn question(from: &str, to: &str, now: &str) -> Question {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let request = ChartRequest {
            symbol: Symbol::try_new("AAPL").unwrap(),
            from: at(from),
            to: at(to),
        };
        Question::new(&request, at(now))
    }

    #[test]
    fn the_same_wish_a_few_seconds_later_is_the_same_question() {
        let early = question(
            "2026-01-05T20:00:00Z",
            "2026-01-21T20:00:00Z",
            "2026-01-21T20:00:00Z",
        );
        let later = question(
            "2026-01-05T20:00:07Z",
            "2026-01-21T20:00:07Z",
            "2026-01-21T20:00:08Z",
        );
        let key = |question: &Question| question.key(&YAHOO);
        assert_eq!(key(&early), key(&later));
        assert_eq!(early.sent.from, later.sent.from);
        assert_eq!(early.sent.from.to_string(), "2026-01-05T00:00:00Z");
        let before_1970 = question(
            "1962-01-02T14:30:00Z",
            "1963-01-01T00:00:00Z",
            "2026-01-21T20:00:00Z",
        );
        assert_eq!(before_1970.sent.from.to_string(), "1962-01-02T00:00:00Z");
    }

    #[test]
    fn another_window_host_provider_or_symbol_is_another_question() {
        let now = "2026-01-21T20:00:00Z";
        let open = question("2026-01-05T00:00:00Z", now, now);
        let closed = question("2026-01-05T00:00:00Z", now, "2026-01-21T20:00:11Z");
        let later = question(
            "2026-01-05T00:00:00Z",
            "2026-01-21T20:00:01Z",
            "2026-01-22T00:00:00Z",
        );
        let longer = question("2026-01-04T00:00:00Z", now, now);
        let mut other = open.clone();
        other.sent.symbol = Symbol::try_new("MSFT").unwrap();
        let key = |question: &Question| question.key(&YAHOO);
        let of = |provider, place, interval| Origin {
            provider,
            place,
            interval,
        };
        let keys = [
            key(&open),
            key(&closed),
            key(&later),
            key(&longer),
            key(&other),
            open.key(&of("yahoo", "127.0.0.1:1", "1d")),
            open.key(&of("other", "host", "1d")),
            open.key(&of("yahoo", "host", "1h")),
            YAHOO.latest_key(&open.sent.symbol),
            YAHOO.latest_key(&other.sent.symbol),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{keys:?}");
    }
}
