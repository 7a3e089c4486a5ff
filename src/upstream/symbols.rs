//! What one upstream thinks of the symbols it was asked for: some are known to be good, and one
//! that it says not to know, again and again, is not asked for again at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::Symbol;

/// So many "not found" in a row shelve a symbol.
const PATIENCE: u32 = 3;

/// How long a symbol is shelved first; doubled as long as it stays unknown.
const FIRST_REST: Duration = Duration::from_hours(1);

/// How long it is shelved at most.
const LONGEST_REST: Duration = Duration::from_hours(24);

/// Symbols remembered; beyond, the ones met first are forgotten.
const MAX_SYMBOLS: usize = 20_000;

#[derive(Debug, Clone, Copy)]
enum Standing {
    Good,
    Missing(Missing),
}

/// A symbol whose latest answer was "not found".
#[derive(Debug, Clone, Copy)]
struct Missing {
    /// Such answers in a row.
    answers: u32,
    since: Timestamp,
    /// It had been good before: then only answers that others can vouch for count.
    was_good: bool,
    /// Good answers, for any symbol, by the time of the latest of them.
    good_answers: u64,
    shelved: Option<Shelved>,
    /// The one request is under way that finds out whether it is known by now.
    is_tried: bool,
}

#[derive(Debug, Clone, Copy)]
struct Shelved {
    until: Instant,
    rest: Duration,
}

/// A symbol that may not be asked for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unknown {
    /// "Not found" in a row.
    pub(super) answers: u32,
    /// When the first of them came.
    pub(super) since: Timestamp,
    /// When it may be asked for again.
    pub(super) again: Instant,
}

#[derive(Debug, Default)]
struct Book {
    standings: HashMap<Symbol, Standing>,
    order: VecDeque<Symbol>,
    good_answers: u64,
}

/// The symbols of one upstream. In memory only: a restart asks again.
#[derive(Debug, Default)]
pub(super) struct Symbols(Mutex<Book>);

/// Leave to ask for one symbol. Dropped without a verdict, a trial lets another one try.
#[derive(Debug)]
pub(super) struct Admitted<'s> {
    symbols: &'s Symbols,
    symbol: &'s Symbol,
    is_trial: bool,
}

impl Symbols {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the upstream has answered for it, and not disowned it since.
    pub(super) fn is_good(&self, symbol: &Symbol) -> bool {
        matches!(self.lock().standings.get(symbol), Some(Standing::Good))
    }

    /// Whether the symbol may not be asked for at `now`.
    pub(super) fn is_shelved(&self, symbol: &Symbol, now: Instant) -> bool {
        let Some(Standing::Missing(missing)) = self.lock().standings.get(symbol).copied() else {
            return false;
        };
        let rests = |shelved: Shelved| missing.is_tried || now < shelved.until;
        missing.shelved.is_some_and(rests)
    }

    /// The upstream has answered for the symbol without having been asked for it alone; gives true
    /// when it had been shelved.
    pub(super) fn known(&self, symbol: &Symbol) -> bool {
        self.lock().known(symbol)
    }

    /// Whether the symbol may be asked for at `now`. Once its rest is over, one question may.
    pub(super) fn admit<'s>(
        &'s self,
        symbol: &'s Symbol,
        now: Instant,
    ) -> Result<Admitted<'s>, Unknown> {
        let mut book = self.lock();
        let mut is_trial = false;
        if let Some(Standing::Missing(missing)) = book.standings.get_mut(symbol)
            && let Some(shelved) = missing.shelved
        {
            if missing.is_tried || now < shelved.until {
                return Err(Unknown {
                    answers: missing.answers,
                    since: missing.since,
                    again: shelved.until.max(now),
                });
            }
            missing.is_tried = true;
            is_trial = true;
        }
        Ok(Admitted {
            symbols: self,
            symbol,
            is_trial,
        })
    }
}

impl Book {
    fn known(&mut self, symbol: &Symbol) -> bool {
        self.good_answers += 1;
        let before = self.standings.get(symbol).copied();
        self.set(symbol, Standing::Good);
        matches!(before, Some(Standing::Missing(missing)) if missing.shelved.is_some())
    }

    fn set(&mut self, symbol: &Symbol, standing: Standing) {
        if self.standings.insert(symbol.clone(), standing).is_some() {
            return;
        }
        self.order.push_back(symbol.clone());
        if self.order.len() > MAX_SYMBOLS
            && let Some(oldest) = self.order.pop_front()
        {
            self.standings.remove(&oldest);
        }
    }
}

impl Admitted<'_> {
    /// The upstream knows the symbol; gives true when it had been shelved.
    pub(super) fn known(mut self) -> bool {
        self.is_trial = false;
        self.symbols.known(self.symbol)
    }

    /// The upstream says it does not know the symbol; gives for how long it is shelved, if it is.
    ///
    /// An upstream that has lost its mind says so of everything. Of a symbol that was good before,
    /// a repetition counts only if another symbol was answered for in between.
    pub(super) fn missing(mut self, now: Instant, wall: Timestamp) -> Option<(Unknown, Duration)> {
        self.is_trial = false;
        let mut book = self.symbols.lock();
        let mut missing = match book.standings.get(self.symbol) {
            Some(Standing::Missing(missing)) => *missing,
            good => Missing {
                answers: 0,
                since: wall,
                was_good: good.is_some(),
                good_answers: 0,
                shelved: None,
                is_tried: false,
            },
        };
        let is_vouched =
            !missing.was_good || missing.answers == 0 || missing.good_answers < book.good_answers;
        missing.good_answers = book.good_answers;
        missing.is_tried = false;
        missing.answers += u32::from(is_vouched);
        let is_enough = missing.answers >= PATIENCE;
        if is_enough {
            let rest = missing
                .shelved
                .map_or(FIRST_REST, |shelved| (shelved.rest * 2).min(LONGEST_REST));
            let until = now + rest;
            missing.shelved = Some(Shelved { until, rest });
        }
        book.set(self.symbol, Standing::Missing(missing));
        let shelved = missing.shelved.filter(|_| is_enough)?;
        let unknown = Unknown {
            answers: missing.answers,
            since: missing.since,
            again: shelved.until,
        };
        Some((unknown, shelved.rest))
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.is_trial
            && let Some(Standing::Missing(missing)) =
                self.symbols.lock().standings.get_mut(self.symbol)
        {
            missing.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const HOUR: Duration = Duration::from_hours(1);
    const WALL: Timestamp = Timestamp::UNIX_EPOCH;

    fn symbol(name: &str) -> Symbol {
        Symbol::try_new(name).unwrap()
    }

    fn missing(symbols: &Symbols, name: &str, now: Instant) -> Option<Duration> {
        let symbol = symbol(name);
        let admitted = symbols.admit(&symbol, now).unwrap();
        admitted.missing(now, WALL).map(|(_, rest)| rest)
    }

    fn known(symbols: &Symbols, name: &str, now: Instant) -> bool {
        symbols.admit(&symbol(name), now).unwrap().known()
    }

    #[test]
    fn three_in_a_row_shelve_a_symbol_and_each_further_one_doubles_its_rest_up_to_a_day() {
        let (symbols, mut now) = (Symbols::default(), clock::monotonic());
        assert_eq!(missing(&symbols, "X", now), None);
        assert_eq!(missing(&symbols, "X", now), None);
        for hours in [1, 2, 4, 8, 16, 24, 24] {
            assert_eq!(missing(&symbols, "X", now), Some(hours * HOUR));
            let just_before = now + hours * HOUR - Duration::from_secs(1);
            let refused = symbols.admit(&symbol("X"), just_before).unwrap_err();
            assert_eq!((refused.again, refused.since), (now + hours * HOUR, WALL));
            now += hours * HOUR;
        }
    }

    #[test]
    fn after_its_rest_one_question_goes_and_the_next_only_if_that_learnt_nothing() {
        let (symbols, now) = (Symbols::default(), clock::monotonic());
        for _ in 0..3 {
            missing(&symbols, "X", now);
        }
        let (x, later) = (symbol("X"), now + HOUR);
        let trial = symbols.admit(&x, later).unwrap();
        assert_eq!(symbols.admit(&x, later).unwrap_err().again, later);
        assert!(symbols.is_shelved(&x, later));
        drop(trial);
        assert!(symbols.is_shelved(&x, now) && !symbols.is_shelved(&x, later));
        assert!(symbols.admit(&x, later).unwrap().known());
        assert!(symbols.is_good(&x));
    }

    #[test]
    fn one_answer_closes_it_and_the_count_starts_over() {
        let (symbols, now) = (Symbols::default(), clock::monotonic());
        for _ in 0..2 {
            missing(&symbols, "X", now);
        }
        assert!(!known(&symbols, "X", now), "it was not shelved yet");
        assert_eq!(missing(&symbols, "X", now), None);
        assert!(!symbols.is_good(&symbol("X")));
    }

    #[test]
    fn an_upstream_that_disowns_everything_shelves_nothing_that_was_good() {
        let (symbols, now) = (Symbols::default(), clock::monotonic());
        known(&symbols, "X", now);
        known(&symbols, "Y", now);
        for _ in 0..20 {
            assert_eq!(missing(&symbols, "X", now), None);
            assert_eq!(missing(&symbols, "Y", now), None);
        }
        // It has come to its senses, and X is really gone.
        known(&symbols, "Y", now);
        assert_eq!(missing(&symbols, "X", now), None);
        known(&symbols, "Y", now);
        assert_eq!(missing(&symbols, "X", now), Some(HOUR));
    }

    #[test]
    fn the_book_is_bounded() {
        let (symbols, now) = (Symbols::default(), clock::monotonic());
        for number in 0..MAX_SYMBOLS + 10 {
            known(&symbols, &format!("S{number}"), now);
        }
        let book = symbols.lock();
        assert_eq!(
            (book.standings.len(), book.order.len()),
            (MAX_SYMBOLS, MAX_SYMBOLS)
        );
        assert!(!book.standings.contains_key(&symbol("S9")));
    }
}
