//! Exact counts of what was asked and answered, and the limit on how often.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::answer::Kind;
use super::options::interval;
use crate::clock::monotonic;

/// Symbols told apart at most; requests for further ones are counted, but not as symbols.
const MAX_COUNTED_SYMBOLS: usize = 1_000_000;
/// Length of the window of [`Stats::busiest_second`].
const WINDOW: Duration = Duration::from_secs(1);

/// What the simulator has seen since it started. Each request ends in exactly one of `ok`,
/// `not_found`, `no_data`, `rate_limited`, `faults` and `bad_requests`, unless the client gave up
/// before its answer. `/__stats` itself is not counted.
#[derive(Serialize, Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Requests that arrived.
    pub requests: u64,
    /// Answers with bars.
    pub ok: u64,
    /// Answers 404: unknown symbols and paths.
    pub not_found: u64,
    /// Answers without bars: 200 without `timestamp`, or 400 before the first trade.
    pub no_data: u64,
    /// Answers 429 because the rate was exceeded.
    pub rate_limited: u64,
    /// Injected faults, whatever their status.
    pub faults: u64,
    /// The client's mistakes: 422, 400 for an unreadable query, 429 without a `User-Agent`.
    pub bad_requests: u64,
    /// Most requests served at the same time, latency and slow bodies included.
    pub highest_concurrency: u64,
    /// Most requests that arrived within any second (a half-open window that slides).
    pub busiest_second: u64,
    /// Distinct symbols among the admitted requests.
    pub symbols: u64,
    /// Bytes of all bodies handed to the connections.
    pub bytes_sent: u64,
    /// Seconds since the start.
    pub uptime_s: f64,
}

/// A sustained rate with a burst: the generic cell rate algorithm (ITU-T I.371).
#[derive(Debug)]
pub(super) struct Limiter {
    interval: Duration,
    tolerance: Duration,
    /// When the next request is due at the sustained rate.
    due: Option<Instant>,
}

impl Limiter {
    /// A limiter, or none when the rate is not a usable number.
    pub(super) fn new(rps: f64, burst: u32) -> Option<Self> {
        let interval = interval(rps)?;
        Some(Self {
            interval,
            tolerance: interval.saturating_mul(burst.saturating_sub(1)),
            due: None,
        })
    }

    /// Whether a request at `now` is within the rate; one that is not costs nothing.
    fn admit(&mut self, now: Instant) -> bool {
        let due = self.due.map_or(now, |due| due.max(now));
        let admitted = due.saturating_duration_since(now) <= self.tolerance;
        if admitted {
            self.due = due.checked_add(self.interval);
        }
        admitted
    }
}

/// The book everything is counted in. One lock: the counts belong together.
#[derive(Debug)]
pub(super) struct Ledger {
    started: Instant,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    stats: Stats,
    in_service: u64,
    /// Arrivals of the last second: as many as one second can bring.
    arrivals: VecDeque<Instant>,
    limiter: Option<Limiter>,
    requests_by_symbol: HashMap<String, i64>,
}

impl Ledger {
    /// An empty book.
    pub(super) fn new(limiter: Option<Limiter>) -> Self {
        Self {
            started: monotonic(),
            book: Mutex::new(Book {
                limiter,
                ..Book::default()
            }),
        }
    }

    /// A request arrives; it is being served until the returned visit is dropped.
    pub(super) fn arrive(self: &Arc<Self>) -> Visit {
        let mut book = self.book();
        // Read under the lock, so that arrivals are in order of time.
        let now = monotonic();
        while book
            .arrivals
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) >= WINDOW)
        {
            book.arrivals.pop_front();
        }
        book.arrivals.push_back(now);
        let within_second = u64::try_from(book.arrivals.len()).unwrap_or(u64::MAX);
        book.in_service += 1;
        let in_service = book.in_service;
        let stats = &mut book.stats;
        stats.requests += 1;
        stats.busiest_second = stats.busiest_second.max(within_second);
        stats.highest_concurrency = stats.highest_concurrency.max(in_service);
        let admitted = book
            .limiter
            .as_mut()
            .is_none_or(|limiter| limiter.admit(now));
        Visit {
            ledger: Arc::clone(self),
            admitted,
        }
    }

    /// Counts a request of a symbol; returns how many there were before.
    pub(super) fn count_symbol(&self, symbol: &str) -> i64 {
        let mut book = self.book();
        if let Some(count) = book.requests_by_symbol.get_mut(symbol) {
            let before = *count;
            *count += 1;
            return before;
        }
        if book.requests_by_symbol.len() < MAX_COUNTED_SYMBOLS {
            book.requests_by_symbol.insert(symbol.to_owned(), 1);
            book.stats.symbols += 1;
        }
        0
    }

    /// The counts now.
    pub(super) fn stats(&self) -> Stats {
        Stats {
            uptime_s: self.started.elapsed().as_secs_f64(),
            ..self.book().stats.clone()
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request being served.
#[derive(Debug)]
pub(super) struct Visit {
    ledger: Arc<Ledger>,
    /// Whether it came within the rate.
    pub(super) admitted: bool,
}

impl Visit {
    /// Counts the answer.
    pub(super) fn answered(&self, kind: Kind) {
        let stats = &mut self.ledger.book().stats;
        let count = match kind {
            Kind::Ok => &mut stats.ok,
            Kind::NotFound => &mut stats.not_found,
            Kind::NoData => &mut stats.no_data,
            Kind::RateLimited => &mut stats.rate_limited,
            Kind::Fault => &mut stats.faults,
            Kind::BadRequest => &mut stats.bad_requests,
        };
        *count += 1;
    }

    /// Counts bytes handed to the connection.
    pub(super) fn sent(&self, bytes: usize) {
        self.ledger.book().stats.bytes_sent += u64::try_from(bytes).unwrap_or(0);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.ledger.book().in_service -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn the_busiest_second_slides_and_forgets_what_is_a_second_old() {
        let ledger = Arc::new(Ledger::new(None));
        for _ in 0..3 {
            ledger.arrive();
        }
        advance(Duration::from_millis(999)).await;
        ledger.arrive();
        assert_eq!(ledger.stats().busiest_second, 4);
        advance(Duration::from_millis(1)).await;
        for _ in 0..2 {
            ledger.arrive();
        }
        let stats = ledger.stats();
        assert_eq!((stats.busiest_second, stats.requests), (4, 6));
        for _ in 0..2 {
            ledger.arrive();
        }
        assert_eq!(ledger.stats().busiest_second, 5);
        assert_eq!(ledger.stats().uptime_s, 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_admitted_and_then_the_sustained_rate() {
        let ledger = Arc::new(Ledger::new(Limiter::new(2.0, 3)));
        let admitted = |count: usize| (0..count).filter(|_| ledger.arrive().admitted).count();
        assert_eq!(admitted(10), 3);
        advance(Duration::from_millis(499)).await;
        assert_eq!(admitted(2), 0);
        advance(Duration::from_millis(1)).await;
        assert_eq!(admitted(2), 1);
        advance(Duration::from_mins(1)).await;
        assert_eq!(admitted(10), 3, "a rest earns no more than the burst");
    }

    #[tokio::test(start_paused = true)]
    async fn concurrency_counts_visits_that_have_not_ended() {
        let ledger = Arc::new(Ledger::new(None));
        let first = ledger.arrive();
        let second = ledger.arrive();
        drop((first, second));
        drop(ledger.arrive());
        assert_eq!(ledger.stats().highest_concurrency, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn symbols_are_told_apart_and_their_requests_numbered() {
        let ledger = Ledger::new(None);
        let numbers = ["A", "B", "A", "A"].map(|symbol| ledger.count_symbol(symbol));
        assert_eq!(numbers, [0, 0, 1, 2]);
        assert_eq!(ledger.stats().symbols, 2);
    }
}
