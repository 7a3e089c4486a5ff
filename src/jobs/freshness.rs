//! What this process has fetched a moment ago, so that jobs scheduled side by side share a request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::Symbol;

/// How long a symbol's bars count as just fetched.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, Copy)]
struct Entry {
    until: Timestamp,
    has_whole_history: bool,
}

/// Remembers per symbol until when its stored bars are as good as new. Bounded by the number of
/// symbols; lost on a restart, which costs one request a symbol.
#[derive(Debug, Clone, Default)]
pub struct Freshness(Arc<Mutex<HashMap<Symbol, Entry>>>);

impl Freshness {
    /// Bars were fetched at `now`; the newest turns final at `settles_at`, after which they are
    /// old news.
    pub(super) fn fetched(
        &self,
        symbol: &Symbol,
        now: Timestamp,
        settles_at: Option<Timestamp>,
        has_whole_history: bool,
    ) {
        let until = now.saturating_add(FRESH_FOR).unwrap_or(now);
        let until = settles_at.map_or(until, |settles| until.min(settles));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(symbol.clone()).or_insert(Entry {
            until,
            has_whole_history,
        });
        entry.until = until;
        entry.has_whole_history |= has_whole_history;
    }

    pub(super) fn is_fresh(&self, symbol: &Symbol, now: Timestamp) -> bool {
        self.get(symbol).is_some_and(|entry| now < entry.until)
    }

    /// Whether this process has once fetched everything the upstream has.
    pub(super) fn has_whole_history(&self, symbol: &Symbol) -> bool {
        self.get(symbol)
            .is_some_and(|entry| entry.has_whole_history)
    }

    fn get(&self, symbol: &Symbol) -> Option<Entry> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(symbol)
            .copied()
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
        assert!(!freshness.is_fresh(&symbol, at("2026-01-05T20:50:00Z")));
        let settles = Some(at("2026-01-05T21:30:00Z"));
        freshness.fetched(&symbol, at("2026-01-05T20:50:00Z"), settles, false);
        assert!(freshness.is_fresh(&symbol, at("2026-01-05T21:04:59Z")));
        assert!(!freshness.is_fresh(&symbol, at("2026-01-05T21:05:00Z")));
        freshness.fetched(&symbol, at("2026-01-05T21:20:00Z"), settles, true);
        assert!(!freshness.is_fresh(&symbol, at("2026-01-05T21:30:00Z")));
        assert!(freshness.has_whole_history(&symbol));
    }
}
