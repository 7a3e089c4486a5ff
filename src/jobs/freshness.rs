//! What this process has fetched a moment ago, so that jobs scheduled side by side share a request
//! and never fetch the same symbol at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedMutexGuard;

use crate::clock;
use crate::domain::Symbol;
use crate::upstream::Budget;

/// Yahoo's answers carry `max-age=10`: asking again sooner brings the same bytes.
pub(super) const SAME_ANSWER: SignedDuration = SignedDuration::from_secs(10);

/// For what is derived from final bars, an answer is as good as new for this long.
pub(super) const SAME_SESSION: SignedDuration = SignedDuration::from_mins(15);

/// A provider that could not take a series over is not asked for all of it again for so long.
const ASKED_TO_TAKE_OVER: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Debug, Clone, Default)]
struct Entry {
    turn: Arc<tokio::sync::Mutex<()>>,
    fetched_at: Option<Timestamp>,
    settles_at: Option<Timestamp>,
    has_whole_history: bool,
    /// Providers that could not take the series over, and when they were asked to.
    too_short: Vec<(&'static str, Timestamp)>,
}

/// Remembers per symbol when its bars were fetched, and lets one task at a time work on it.
/// Bounded by the number of symbols; lost on a restart, which costs one request a symbol.
#[derive(Debug, Clone, Default)]
pub struct Freshness(Arc<Mutex<HashMap<Symbol, Entry>>>);

/// The symbol is ours until this is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Freshness {
    fn lock(&self) -> MutexGuard<'_, HashMap<Symbol, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other task works on `symbol`. The wait does not use up the task's time.
    pub(super) async fn turn(&self, symbol: &Symbol, budget: &Budget) -> Turn {
        let turn = Arc::clone(&self.lock().entry(symbol.clone()).or_default().turn);
        let arrived = clock::monotonic();
        let guard = turn.lock_owned().await;
        budget.add_wait(arrived.elapsed());
        guard
    }

    /// Bars were fetched at `now`; the newest turns final at `settles_at`, after which they are
    /// old news.
    pub(super) fn fetched(&self, symbol: &Symbol, now: Timestamp, settles_at: Option<Timestamp>) {
        let mut all = self.lock();
        let entry = all.entry(symbol.clone()).or_default();
        entry.fetched_at = Some(now);
        entry.settles_at = settles_at;
    }

    /// Everything the upstream has was fetched.
    pub(super) fn fetched_whole_history(&self, symbol: &Symbol) {
        self.lock()
            .entry(symbol.clone())
            .or_default()
            .has_whole_history = true;
    }

    /// `provider` was to take the series over at `now`, and does not go back far enough.
    pub(super) fn reaches_too_short(
        &self,
        symbol: &Symbol,
        provider: &'static str,
        now: Timestamp,
    ) {
        let mut all = self.lock();
        let known = &mut all.entry(symbol.clone()).or_default().too_short;
        known.retain(|(name, _)| *name != provider);
        known.push((provider, now));
    }

    /// Whether that was found out a short while ago.
    pub(super) fn is_too_short(&self, symbol: &Symbol, provider: &str, now: Timestamp) -> bool {
        self.lock().get(symbol).is_some_and(|entry| {
            let young = |at: Timestamp| now >= at && now.duration_since(at) < ASKED_TO_TAKE_OVER;
            let mut known = entry.too_short.iter();
            known.any(|(name, at)| *name == provider && young(*at))
        })
    }

    /// Whether the stored bars were fetched within `age` and no session has settled since.
    pub(super) fn is_fresh(&self, symbol: &Symbol, age: SignedDuration, now: Timestamp) -> bool {
        self.lock().get(symbol).is_some_and(|entry| {
            let young = |fetched: Timestamp| now >= fetched && now.duration_since(fetched) < age;
            entry.fetched_at.is_some_and(young) && entry.settles_at.is_none_or(|at| now < at)
        })
    }

    /// Whether this process has once fetched everything the upstream has.
    pub(super) fn has_whole_history(&self, symbol: &Symbol) -> bool {
        self.lock()
            .get(symbol)
            .is_some_and(|entry| entry.has_whole_history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_fresh_for_a_while_but_never_past_the_moment_the_session_settles() {
        let freshness = Freshness::default();
        let symbol = Symbol::try_new("AAPL").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let is_fresh = |text: &str| freshness.is_fresh(&symbol, SAME_SESSION, at(text));
        assert!(!is_fresh("2026-01-05T20:50:00Z"));
        let settles = Some(at("2026-01-05T21:30:00Z"));
        freshness.fetched(&symbol, at("2026-01-05T20:50:00Z"), settles);
        assert!(is_fresh("2026-01-05T21:04:59Z"));
        assert!(!is_fresh("2026-01-05T21:05:00Z"), "too old");
        assert!(!is_fresh("2026-01-05T20:49:59Z"), "the clock went back");
        freshness.fetched(&symbol, at("2026-01-05T21:20:00Z"), settles);
        freshness.fetched_whole_history(&symbol);
        assert!(!is_fresh("2026-01-05T21:30:00Z"), "the session has settled");
        assert!(freshness.has_whole_history(&symbol));
    }

    #[tokio::test(start_paused = true)]
    async fn two_tasks_never_work_on_one_symbol_at_once_and_waiting_costs_no_time() {
        use std::time::Duration;
        let freshness = Freshness::default();
        let symbol = Symbol::try_new("AAPL").unwrap();
        let budget = Budget::starting_now(Duration::from_secs(1), Arc::default());
        let first = freshness.turn(&symbol, &budget).await;
        let waiting = freshness.turn(&symbol, &budget);
        tokio::pin!(waiting);
        assert!(
            tokio::time::timeout(Duration::from_mins(1), waiting.as_mut())
                .await
                .is_err()
        );
        drop(first);
        let _second = waiting.await;
        assert!(budget.deadline() > clock::monotonic());
    }
}
