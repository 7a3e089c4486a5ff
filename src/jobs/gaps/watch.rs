//! What this process knows of calendars and of whom it has just heard from.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::calendar::Book;
use crate::config::Config;
use crate::domain::{JobKind, SessionCalendar, Symbol};
use crate::store::Instrument;

/// A witness answered this long before or after a `not_found`.
const WITNESS_TIME: SignedDuration = SignedDuration::from_hours(1);

/// `not_found` that wait for a witness at most.
const MOST_WAITING: usize = 10_000;

/// Calendars as the configuration says, and what was seen. Cheap to clone; lost on a restart, which
/// costs one look at each whole series.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    book: Book,
    /// Calendars the schedules name for their symbols: where the exchange tells none.
    of_schedules: HashMap<Symbol, Arc<SessionCalendar>>,
    /// The newest session up to which each series was looked over whole.
    whole: HashMap<Symbol, Date>,
    /// Exchanges that were told to have no calendar.
    without_calendar: HashSet<String>,
    has_found: bool,
    /// Of each provider the two symbols it answered for last.
    answered: HashMap<&'static str, VecDeque<(Symbol, Timestamp)>>,
    waiting: VecDeque<Waiting>,
}

/// A `not_found` that nobody bears witness to yet.
#[derive(Debug)]
struct Waiting {
    provider: &'static str,
    symbol: Symbol,
    at: Timestamp,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            book: Book::default(),
            of_schedules: HashMap::new(),
            whole: HashMap::new(),
            without_calendar: HashSet::new(),
            // What an earlier process found may not have been told.
            has_found: true,
            answered: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }
}

impl Watch {
    /// With the calendars of `config`.
    pub fn new(config: &Config) -> Self {
        let watch = Self::default();
        watch.replace(config);
        watch
    }

    /// Takes over the calendars of a new configuration: every series is looked over again.
    pub fn replace(&self, config: &Config) {
        let mut of_schedules = HashMap::new();
        let keeps_bars = |kind: JobKind| kind == JobKind::DailyBars;
        let mut schedules: Vec<_> = config.schedules.iter().collect();
        // The schedule that keeps the bars has the last word.
        schedules.sort_by_key(|schedule| keeps_bars(schedule.job));
        for schedule in schedules {
            let Some(calendar) = &schedule.calendar else {
                continue;
            };
            for symbol in schedule.symbols.iter() {
                of_schedules.insert(symbol.clone(), Arc::clone(calendar));
            }
        }
        let mut seen = self.seen();
        seen.book = config.calendars.clone();
        seen.of_schedules = of_schedules;
        seen.whole.clear();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calendar of an instrument: by type and exchange, else the one its schedule names.
    pub fn calendar(
        &self,
        symbol: &Symbol,
        instrument: &Instrument,
    ) -> Option<Arc<SessionCalendar>> {
        let seen = self.seen();
        let by_exchange = seen.book.of_instrument(
            instrument.instrument_type.as_deref(),
            instrument.exchange.as_deref(),
            &instrument.timezone,
        );
        by_exchange.or_else(|| seen.of_schedules.get(symbol).cloned())
    }

    /// The calendar a schedule names for the symbol.
    pub(super) fn of_schedule(&self, symbol: &Symbol) -> Option<Arc<SessionCalendar>> {
        self.seen().of_schedules.get(symbol).cloned()
    }

    /// The calendar of that code.
    pub(super) fn by_code(&self, code: &str) -> Option<Arc<SessionCalendar>> {
        self.seen().book.get(code)
    }

    /// Whether the series was looked over whole since `last` was completed.
    pub(super) fn has_seen_whole(&self, symbol: &Symbol, last: Date) -> bool {
        self.seen()
            .whole
            .get(symbol)
            .is_some_and(|seen| *seen >= last)
    }

    pub(super) fn note_whole(&self, symbol: &Symbol, last: Date) {
        self.seen().whole.insert(symbol.clone(), last);
    }

    /// Whether nobody was told yet that this exchange has no calendar.
    pub(super) fn is_first_without_calendar(&self, instrument: &Instrument) -> bool {
        let exchange = instrument.exchange.clone().unwrap_or_default();
        self.seen().without_calendar.insert(exchange)
    }

    /// A gap was found: a whole market may lack a session.
    pub(super) fn note_found(&self) {
        self.seen().has_found = true;
    }

    /// Whether a gap was found since this was asked last.
    pub(super) fn take_found(&self) -> bool {
        std::mem::take(&mut self.seen().has_found)
    }

    /// `provider` has answered for `symbol` at `now`. Gives the `not_found` of the same provider
    /// for other symbols within the hour: it bears witness to them. Those for `symbol` itself are
    /// void, whoever said so: it is there.
    pub(super) fn answered(
        &self,
        provider: &'static str,
        symbol: &Symbol,
        now: Timestamp,
    ) -> Vec<(Symbol, Timestamp)> {
        let mut seen = self.seen();
        let last = seen.answered.entry(provider).or_default();
        last.retain(|(other, _)| other != symbol);
        last.push_back((symbol.clone(), now));
        while last.len() > 2 {
            last.pop_front();
        }
        let is_open = |one: &Waiting| one.symbol != *symbol && is_near(one.at, now);
        let (witnessed, rest) = seen
            .waiting
            .drain(..)
            .filter(is_open)
            .partition::<VecDeque<_>, _>(|one| one.provider == provider);
        seen.waiting = rest;
        let pair = |one: Waiting| (one.symbol, one.at);
        witnessed.into_iter().map(pair).collect()
    }

    /// Whether `provider` has answered for another symbol within the hour; else this waits for one
    /// that it answers for.
    pub(super) fn has_witness(
        &self,
        provider: &'static str,
        symbol: &Symbol,
        now: Timestamp,
    ) -> bool {
        let mut seen = self.seen();
        let answered = seen.answered.get(provider).into_iter().flatten();
        let mut others = answered.filter(|(other, at)| other != symbol && is_near(*at, now));
        if others.next().is_some() {
            return true;
        }
        if seen.waiting.len() == MOST_WAITING {
            seen.waiting.pop_front();
        }
        seen.waiting.push_back(Waiting {
            provider,
            symbol: symbol.clone(),
            at: now,
        });
        false
    }
}

fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= WITNESS_TIME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        Symbol::try_new(text).unwrap()
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    #[test]
    fn another_symbol_of_the_provider_within_the_hour_is_a_witness_and_the_same_one_is_not() {
        let watch = Watch::default();
        let (dead, good) = (symbol("DEAD"), symbol("GOOD"));
        watch.answered("yahoo", &dead, at(0));
        assert!(!watch.has_witness("yahoo", &dead, at(1)), "itself");
        watch.answered("tiingo", &good, at(2));
        assert!(!watch.has_witness("yahoo", &dead, at(2)), "another's");
        watch.answered("yahoo", &good, at(2));
        assert!(watch.has_witness("yahoo", &dead, at(62)));
        assert!(!watch.has_witness("yahoo", &dead, at(63)), "over an hour");
        watch.answered("yahoo", &dead, at(64));
        let other = symbol("OTHER");
        assert!(watch.has_witness("yahoo", &other, at(65)), "the dead one");
    }

    #[test]
    fn a_not_found_waits_an_hour_for_a_witness_of_the_same_provider_that_comes_later() {
        let watch = Watch::default();
        let (dead, good) = (symbol("DEAD"), symbol("GOOD"));
        for minute in [0, 1, 70] {
            assert!(!watch.has_witness("yahoo", &dead, at(minute)));
        }
        assert_eq!(watch.answered("tiingo", &good, at(71)), [], "another's");
        let witnessed = watch.answered("yahoo", &good, at(72));
        assert_eq!(witnessed, [(dead.clone(), at(70))]);
        assert_eq!(watch.answered("yahoo", &good, at(73)), [], "each once");
    }

    #[test]
    fn the_not_found_of_before_ones_own_answer_never_counts() {
        let watch = Watch::default();
        let (back, good) = (symbol("BACK"), symbol("GOOD"));
        assert!(!watch.has_witness("yahoo", &back, at(0)));
        assert_eq!(watch.answered("tiingo", &back, at(1)), [], "it is there");
        assert_eq!(watch.answered("yahoo", &good, at(2)), []);
    }

    #[test]
    fn a_gap_is_asked_about_once_and_at_the_start_in_any_case() {
        let watch = Watch::default();
        assert!(watch.take_found());
        assert!(!watch.take_found());
        watch.note_found();
        assert!(watch.take_found());
    }
}
