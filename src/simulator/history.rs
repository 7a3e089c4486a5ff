//! A symbol's history: any window of it without storing its bars, and the events on the way.

use std::collections::HashMap;
use std::iter;
use std::sync::{Arc, Mutex, PoisonError};

use super::market::Market;
use super::walk::{Day, State, Walk};

/// The walk is remembered every so many sessions: a window starts at most this far back.
const STRIDE_SESSIONS: i32 = 128;
/// Symbols remembered at most; a history weighs about 8 KB.
const MAX_CACHED_SYMBOLS: usize = 20_000;
/// Calendar days of the 52-week high and low.
const YEAR_DAYS: i32 = 365;

/// A dividend of the past.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dividend {
    /// First session without the right to it.
    pub(super) session: i32,
    /// Per share.
    pub(super) amount: f64,
    /// What earlier closes are multiplied with in `adjclose`.
    pub(super) factor: f64,
}

/// Everything about a symbol up to its newest session.
#[derive(Debug)]
pub(super) struct History {
    /// The rules it follows.
    pub(super) walk: Walk,
    /// Newest session that has opened.
    pub(super) newest: i32,
    /// Dividends up to the newest session, in order of time.
    pub(super) dividends: Vec<Dividend>,
    /// Highest and lowest price of the year before the newest session.
    pub(super) year_range: Option<(f64, f64)>,
    checkpoints: Vec<State>,
}

impl History {
    /// Walks from the first trade to `newest` once.
    fn build(walk: Walk, market: &Market, newest: i32) -> Self {
        let mut checkpoints = Vec::new();
        let mut dividends = Vec::new();
        let mut year_range = None;
        let mut state = walk.start();
        let mut previous_close = None;
        let year_from = market.day_of(newest) - YEAR_DAYS;
        for session in walk.first..=newest {
            if (session - walk.first) % STRIDE_SESSIONS == 0 {
                checkpoints.push(state);
            }
            let (day, next) = walk.step(state, session);
            if let Some(close) = previous_close
                && let Some(amount) = walk.dividend(session, close)
            {
                dividends.push(Dividend {
                    session,
                    amount,
                    factor: 1.0 - amount / close,
                });
            }
            if session < newest && market.day_of(session) > year_from {
                let (high, low) = year_range.unwrap_or((day.high, day.low));
                year_range = Some((day.high.max(high), day.low.min(low)));
            }
            previous_close = Some(day.close);
            state = next;
        }
        Self {
            walk,
            newest,
            dividends,
            year_range,
            checkpoints,
        }
    }

    /// The sessions from one to another, both included, in order of time.
    pub(super) fn days(&self, from: i32, to: i32) -> impl Iterator<Item = (i32, Day)> + '_ {
        let from = from.max(self.walk.first);
        let to = to.min(self.newest);
        let strides = (from - self.walk.first) / STRIDE_SESSIONS;
        let checkpoint = usize::try_from(strides)
            .ok()
            .and_then(|index| self.checkpoints.get(index));
        let (mut state, mut session) = match checkpoint {
            Some(state) => (*state, self.walk.first + strides * STRIDE_SESSIONS),
            None => (self.walk.start(), self.walk.first),
        };
        let all = iter::from_fn(move || {
            if session > to {
                return None;
            }
            let (day, next) = self.walk.step(state, session);
            let item = (session, day);
            (state, session) = (next, session + 1);
            Some(item)
        });
        all.skip_while(move |(session, _)| *session < from)
    }

    /// For each dividend its session and the factor of all closes before it (its own and that of
    /// every later dividend), in order of time.
    pub(super) fn adjustments(&self) -> Vec<(i32, f64)> {
        let mut factor = 1.0;
        let mut steps: Vec<(i32, f64)> = self
            .dividends
            .iter()
            .rev()
            .map(|dividend| {
                factor *= dividend.factor;
                (dividend.session, factor)
            })
            .collect();
        steps.reverse();
        steps
    }
}

/// Histories by symbol, bounded.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<String, Arc<History>>>);

impl Cache {
    /// The history of `symbol` up to `newest`, built when it is not there or of another day.
    pub(super) fn history(
        &self,
        seed: u64,
        symbol: &str,
        market: &Market,
        newest: i32,
    ) -> Arc<History> {
        let known = self.lock().get(symbol).cloned();
        if let Some(history) = known.filter(|history| history.newest == newest) {
            return history;
        }
        // Built outside the lock; two tasks may do the same work, with the same result.
        let history = Arc::new(History::build(
            Walk::new(seed, symbol, market),
            market,
            newest,
        ));
        let mut histories = self.lock();
        if histories.len() >= MAX_CACHED_SYMBOLS && !histories.contains_key(symbol) {
            let any = histories.keys().next().cloned();
            if let Some(any) = any {
                histories.remove(&any);
            }
        }
        histories.insert(symbol.to_owned(), Arc::clone(&history));
        history
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<History>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::markets::Markets;

    #[test]
    fn a_window_is_a_slice_of_the_whole() {
        let markets = Markets::load().unwrap();
        let market = markets.of("AAPL");
        let newest = market.session_from(20_700);
        let history = Cache::default().history(1, "AAPL", market, newest);
        let first = history.walk.first;
        let whole: Vec<(i32, Day)> = history.days(first, newest).collect();
        assert_eq!(whole.len(), usize::try_from(newest - first).unwrap() + 1);
        for from in [
            first,
            first + 1,
            first + 127,
            first + 128,
            newest - 700,
            newest,
        ] {
            let part: Vec<(i32, Day)> = history.days(from, from + 300).collect();
            let skipped = usize::try_from(from - first).unwrap();
            let end = whole.len().min(skipped + 301);
            assert_eq!(part, whole[skipped..end]);
        }
        assert_eq!(history.days(newest + 1, newest + 9).count(), 0);
    }

    #[test]
    fn the_past_does_not_change_when_a_day_passes() {
        let markets = Markets::load().unwrap();
        let market = markets.of("BTC-USD");
        let cache = Cache::default();
        let today = cache.history(1, "BTC-USD", market, 20_700);
        let tomorrow = cache.history(1, "BTC-USD", market, 20_701);
        assert_eq!(tomorrow.newest, 20_701);
        assert!(today.days(18_000, 20_700).eq(tomorrow.days(18_000, 20_700)));
    }

    #[test]
    fn adjustments_accumulate_towards_the_past() {
        let markets = Markets::load().unwrap();
        let market = markets.of("A");
        let newest = market.session_from(20_700);
        let cache = Cache::default();
        let payer = (0..50)
            .map(|n| cache.history(1, &format!("S{n}"), market, newest))
            .find(|history| !history.dividends.is_empty())
            .unwrap();
        let steps = payer.adjustments();
        assert_eq!(steps.len(), payer.dividends.len());
        assert!(steps.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1));
        assert!(
            steps
                .iter()
                .all(|(_, factor)| *factor > 0.0 && *factor < 1.0)
        );
    }
}
