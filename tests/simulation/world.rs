//! All that outlives a crash, and the one who decides what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use finstage::clock::{self, Clock};
use finstage::domain::{OverlapPolicy, Schedule, ScheduleId, Symbol};
use finstage::store::Epoch;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::books::Books;
use super::due::Dues;
use super::journal::Journal;
use super::watch::{Terms, Watch};
use crate::support::random::Random;

/// How long the ledger has to be well before nothing may be left undone: the longest wait between
/// two tries to write an end, and what the tries themselves take.
const CONVALESCENCE: Duration = Duration::from_secs(75);

/// How often what goes wrong, in a thousand operations.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    pub(crate) fails: i64,
    pub(crate) loses_answer: i64,
    pub(crate) hangs: i64,
    pub(crate) dawdles: i64,
    pub(crate) has_rival: bool,
    pub(crate) task_fails: i64,
    pub(crate) task_hangs: i64,
    pub(crate) task_panics: i64,
    pub(crate) slowest_task_ms: i64,
    /// What is done to the process again and again, as drawn by a deed.
    pub(crate) favourite_deed: i64,
    pub(crate) outage_until: Option<Instant>,
    /// Nothing goes wrong any more.
    pub(crate) is_calm: bool,
}

/// What becomes of an operation of the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) delay: Duration,
    pub(crate) has_effect: bool,
    /// `None`: no answer ever.
    pub(crate) is_answered: Option<bool>,
    pub(crate) dies: bool,
}

/// What was simulated.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Stats {
    pub(crate) lives: u64,
    pub(crate) operations: u64,
    pub(crate) faults: u64,
    pub(crate) crashes: u64,
    pub(crate) outages: u64,
    pub(crate) steps: u64,
    pub(crate) commands: u64,
    pub(crate) checks: u64,
}

/// Everything of one seed.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) books: Books,
    pub(crate) journal: Journal,
    pub(crate) watch: Watch,
    pub(crate) dues: Dues,
    pub(crate) weather: Weather,
    pub(crate) wall: Timestamp,
    pub(crate) clock: Clock,
    pub(crate) born: Instant,
    pub(crate) epoch: Epoch,
    /// What the planner plans.
    pub(crate) schedules: BTreeMap<ScheduleId, Arc<Schedule>>,
    /// What it is about to plan instead.
    pub(crate) coming: Option<BTreeMap<ScheduleId, Arc<Schedule>>>,
    /// The overlap policy of runs persons ask for, by the reason they give.
    pub(crate) asked: BTreeMap<String, OverlapPolicy>,
    /// What tasks have stored.
    pub(crate) bars: BTreeSet<(Symbol, u64)>,
    pub(crate) is_dead: bool,
    /// Operations until the process dies.
    pub(crate) dies_in: Option<u32>,
    pub(crate) died: Arc<Notify>,
    pub(crate) well_since: Instant,
    pub(crate) stats: Stats,
}

/// The world as those who live in it hold it.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    pub(crate) fn note(&mut self, what: fmt::Arguments<'_>) {
        let ms = clock::elapsed_ms(self.born);
        self.journal.stamp = (u32::try_from(self.stats.lives).unwrap(), ms);
        self.journal.note(what);
    }

    /// The process dies here and now; what is written stays.
    pub(crate) fn die(&mut self) {
        if !self.is_dead {
            self.note(format_args!("CRASH"));
            self.is_dead = true;
            self.stats.crashes += 1;
            self.died.notify_one();
        }
    }

    /// Draws what becomes of an operation.
    pub(crate) fn fate(&mut self) -> Fate {
        self.stats.operations += 1;
        let mut fate = Fate {
            delay: Duration::from_millis(self.random.between(0, 3).unsigned_abs()),
            has_effect: true,
            is_answered: Some(true),
            dies: false,
        };
        if self.is_dead {
            fate.has_effect = false;
            fate.is_answered = None;
            return fate;
        }
        if let Some(left) = self.dies_in.as_mut() {
            *left = left.saturating_sub(1);
            if *left == 0 {
                fate.has_effect = self.random.chance(50);
                fate.is_answered = None;
                fate.dies = true;
                return fate;
            }
        }
        if self.weather.is_calm {
            return fate;
        }
        let now = clock::monotonic();
        let mut trouble = Duration::ZERO;
        if self.weather.outage_until.is_some_and(|until| now < until) {
            fate.has_effect = self.random.chance(5);
            fate.is_answered = self.random.chance(80).then_some(false);
            trouble = Duration::from_secs(10);
        } else {
            let weather = &self.weather;
            let bounds = [
                weather.fails,
                weather.loses_answer,
                weather.hangs,
                weather.dawdles,
            ];
            let mut drawn = self.random.between(0, 999);
            let which = bounds.iter().position(|bound| {
                drawn -= bound;
                drawn < 0
            });
            match which {
                Some(0) => (fate.has_effect, fate.is_answered) = (false, Some(false)),
                Some(1) => fate.is_answered = Some(false),
                Some(2) => {
                    fate.has_effect = self.random.chance(50);
                    fate.is_answered = None;
                }
                Some(_) => {
                    fate.delay =
                        Duration::from_millis(self.random.between(500, 12_000).unsigned_abs());
                }
                None => {}
            }
            if which.is_some() {
                trouble = Duration::from_secs(12);
            }
        }
        if !trouble.is_zero() {
            self.stats.faults += 1;
            self.well_since = self.well_since.max(now + trouble);
        }
        fate
    }

    /// Whether nothing has gone wrong for so long that nothing may be left undone.
    pub(crate) fn is_well(&self) -> bool {
        clock::monotonic().saturating_duration_since(self.well_since) >= CONVALESCENCE
    }

    /// What a run of the schedule is admitted with, as of now; while schedules are being replaced,
    /// what either version allows.
    pub(crate) fn terms(&self, id: &ScheduleId, reason: Option<&str>) -> Terms {
        let asked = reason.and_then(|reason| self.asked.get(reason));
        let versions = [Some(&self.schedules), self.coming.as_ref()];
        let versions: Vec<&Arc<Schedule>> = versions
            .into_iter()
            .flatten()
            .filter_map(|all| all.get(id))
            .collect();
        let policies = versions.iter().map(|one| one.overlap_policy);
        let is_beside = match asked {
            Some(asked) => *asked == OverlapPolicy::AllowAll,
            None => policies
                .into_iter()
                .any(|one| one == OverlapPolicy::AllowAll),
        };
        let concurrency = versions.iter().map(|one| one.concurrency).max();
        Terms {
            is_beside,
            concurrency: concurrency.unwrap_or(0),
            is_retried: versions.iter().any(|one| one.retry.is_some()),
        }
    }

    /// Nothing is left undone: every due fire has its row, every open row its run.
    pub(crate) fn check(&mut self, waiting: usize) {
        if !self.is_well() {
            return;
        }
        self.stats.checks += 1;
        self.note(format_args!("check, {waiting} waiting"));
        self.dues
            .check(&self.schedules, &self.books, &mut self.journal);
        let now = self.clock.now();
        let idle = |run_id: &i64| {
            let row = self.books.row(*run_id);
            let one = self.schedules.get(&row.schedule);
            // One whose time comes again after a step back is asked for then.
            let due = one.map_or(now, |one| one.dispatch_at(row.scheduled_for));
            row.epoch == self.epoch
                && due <= now
                && !self.watch.is_running(*run_id)
                && !self.watch.is_ending(*run_id)
        };
        let idle: Vec<i64> = self.books.open().filter(idle).collect();
        if idle.len() > waiting {
            let what = format!("of the open rows {idle:?} only {waiting} wait for their turn");
            self.journal.violated(&what);
        }
    }
}
