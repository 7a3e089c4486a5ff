//! The invariants of runs and tasks, checked at each operation of the ledger and each task.

use std::collections::{BTreeMap, BTreeSet};

use finstage::domain::{RunState, ScheduleId, Symbol, TaskOutcome, TaskResult};
use finstage::store::RunEnd;
use jiff::{SignedDuration, Timestamp};

use super::books::Books;
use super::journal::Journal;

/// What a run was admitted with.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// Whether it may run beside others of its schedule.
    pub(crate) is_beside: bool,
    /// Tasks in flight at most.
    pub(crate) concurrency: usize,
    /// Whether failed tasks are repeated.
    pub(crate) is_retried: bool,
}

/// A span in which no fire may be run.
struct Rest {
    from: Timestamp,
    until: Option<Timestamp>,
}

/// What is going on, as seen from outside of the code under test.
#[derive(Default)]
pub(crate) struct Watch {
    terms: BTreeMap<i64, Terms>,
    /// Rows whose claim was answered: their terms stand.
    answered: BTreeSet<i64>,
    /// Rows the last operation on which went wrong: nobody can be blamed for their state.
    troubled: BTreeSet<i64>,
    /// In this life.
    started: BTreeSet<i64>,
    ended: BTreeMap<i64, RunState>,
    resumed: BTreeSet<i64>,
    running: BTreeMap<ScheduleId, BTreeSet<i64>>,
    in_flight: BTreeMap<ScheduleId, usize>,
    rests: BTreeMap<ScheduleId, Vec<Rest>>,
    /// No run may begin any more.
    pub(crate) is_closed: bool,
    pub(crate) dispatched: u64,
    pub(crate) tasks: u64,
}

impl Watch {
    /// A new process: what the old one had going on is gone.
    pub(crate) fn begin_life(&mut self) {
        self.started.clear();
        self.ended.clear();
        self.resumed.clear();
        self.answered.clear();
        self.running.clear();
        self.in_flight.clear();
        self.is_closed = false;
    }

    pub(crate) fn running(&self) -> usize {
        self.running.values().map(BTreeSet::len).sum()
    }

    pub(crate) fn is_running(&self, run_id: i64) -> bool {
        self.running.values().any(|runs| runs.contains(&run_id))
    }

    /// Whether an end is on its way to the ledger.
    pub(crate) fn is_ending(&self, run_id: i64) -> bool {
        self.ended.contains_key(&run_id)
    }

    /// An operation on the row begins: only its answer clears it.
    pub(crate) fn touch(&mut self, run_id: i64) {
        self.troubled.insert(run_id);
    }

    pub(crate) fn clear(&mut self, run_id: i64) {
        self.troubled.remove(&run_id);
    }

    pub(crate) fn is_troubled(&self, run_id: i64) -> bool {
        self.troubled.contains(&run_id)
    }

    /// The row is ours on these terms, unless it was given others before.
    pub(crate) fn claimed(&mut self, run_id: i64, terms: Terms) {
        if !self.answered.contains(&run_id) {
            self.terms.insert(run_id, terms);
        }
    }

    /// The planner knows that the row is its own.
    pub(crate) fn answered(&mut self, run_id: i64) {
        self.answered.insert(run_id);
        self.clear(run_id);
    }

    /// Whether tasks of the run that are recorded must not be repeated.
    pub(crate) fn set_resumed(&mut self, run_id: i64, is_resumed: bool) {
        if is_resumed {
            self.resumed.insert(run_id);
        } else {
            self.resumed.remove(&run_id);
        }
    }

    pub(crate) fn run_started(
        &mut self,
        run_id: i64,
        schedule: &ScheduleId,
        books: &Books,
        journal: &mut Journal,
    ) {
        self.dispatched += 1;
        if !self.started.insert(run_id) {
            journal.violated(&format!("run {run_id} is dispatched a second time"));
        }
        if books.row(run_id).state.is_terminal() {
            journal.violated(&format!("run {run_id} is dispatched after its end"));
        }
        if !self.answered.contains(&run_id) {
            journal.violated(&format!("run {run_id} is dispatched without being ours"));
        }
        if self.is_closed {
            journal.violated(&format!("run {run_id} begins after the runner was closed"));
        }
        let beside = self.terms.get(&run_id).is_some_and(|terms| terms.is_beside);
        let running = self.running.entry(schedule.clone()).or_default();
        if !running.is_empty() && !beside {
            journal.violated(&format!("run {run_id} of {schedule} overlaps {running:?}"));
        }
        running.insert(run_id);
    }

    pub(crate) fn run_ended(
        &mut self,
        run_id: i64,
        end: &RunEnd,
        books: &Books,
        journal: &mut Journal,
    ) {
        let row = books.row(run_id);
        if row.state.is_terminal() && row.state != end.state {
            let was = row.state;
            journal.violated(&format!(
                "run {run_id} ends again: {was}, then {}",
                end.state
            ));
        }
        let earlier = *self.ended.entry(run_id).or_insert(end.state);
        if earlier != end.state {
            journal.violated(&format!(
                "run {run_id} has two ends: {earlier}, {}",
                end.state
            ));
        }
        if !end.state.is_terminal() {
            journal.violated(&format!("run {run_id} ends as {}", end.state));
        }
        let totals = &end.totals;
        if end.state == RunState::Succeeded && totals.tasks_succeeded != totals.tasks_total {
            journal.violated(&format!("run {run_id} succeeded with {totals:?}"));
        }
        if let Some(running) = self.running.get_mut(&row.schedule) {
            running.remove(&run_id);
            let in_flight = self.in_flight.get(&row.schedule).copied().unwrap_or(0);
            if running.is_empty() && in_flight > 0 {
                journal.violated(&format!("{in_flight} tasks outlive run {run_id}"));
            }
        }
    }

    pub(crate) fn task_started(
        &mut self,
        schedule: &ScheduleId,
        symbol: &Symbol,
        books: &Books,
        journal: &mut Journal,
    ) {
        self.tasks += 1;
        let none = BTreeSet::new();
        let running = self.running.get(schedule).unwrap_or(&none);
        let in_flight = self.in_flight.entry(schedule.clone()).or_default();
        *in_flight += 1;
        let terms = running.iter().filter_map(|run| self.terms.get(run));
        let allowed: usize = terms.clone().map(|terms| terms.concurrency).sum();
        if running.is_empty() {
            journal.violated(&format!(
                "a task of {symbol} begins, but no run is going on"
            ));
        } else if *in_flight > allowed {
            journal.violated(&format!(
                "{in_flight} tasks of {schedule}, {allowed} allowed"
            ));
        }
        let only = running.first().filter(|_| running.len() == 1);
        let Some(run_id) = only.filter(|run| self.resumed.contains(run)) else {
            return;
        };
        let is_retried = terms.into_iter().any(|terms| terms.is_retried);
        let is_repeated = match books.recorded(*run_id, symbol) {
            None => false,
            Some(TaskResult::Succeeded { .. }) => true,
            Some(TaskResult::Failed { class, .. }) => !(is_retried && class.is_passing()),
        };
        if is_repeated {
            journal.violated(&format!("resumed run {run_id} repeats {symbol}"));
        }
    }

    pub(crate) fn task_ended(&mut self, schedule: &ScheduleId) {
        if let Some(in_flight) = self.in_flight.get_mut(schedule) {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    /// No fire from now on, until the time is over or the pause is lifted.
    pub(crate) fn paused(&mut self, id: &ScheduleId, from: Timestamp, until: Option<Timestamp>) {
        let rests = self.rests.entry(id.clone()).or_default();
        for rest in rests.iter_mut() {
            rest.until = Some(rest.until.map_or(from, |until| until.min(from)));
        }
        rests.push(Rest { from, until });
    }

    /// A pause is written without anybody's hearing of it: it holds or the one before does.
    pub(crate) fn in_doubt(&mut self, id: &ScheduleId, until: Option<Timestamp>) {
        for rest in self.rests.get_mut(id).into_iter().flatten() {
            rest.until = match (rest.until, until) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }

    /// Somebody lifts the pause: fires dispatched from now on may run again. One whose time was
    /// over has ended then, and not now.
    pub(crate) fn lifted(&mut self, id: &ScheduleId, now: Timestamp, jitter: SignedDuration) {
        for rest in self.rests.get_mut(id).into_iter().flatten() {
            if rest.until.is_none_or(|until| now < until) {
                rest.until = Some(now - jitter);
            }
        }
    }

    /// The clock reads an earlier time, or the timing is another: what is over counts no more.
    pub(crate) fn forget_rests(
        &mut self,
        is_kept: impl Fn(&ScheduleId, Option<Timestamp>) -> bool,
    ) {
        for (id, rests) in &mut self.rests {
            rests.retain(|rest| is_kept(id, rest.until));
        }
    }

    pub(crate) fn rests(&self, id: &ScheduleId, at: Timestamp) -> bool {
        let mut rests = self.rests.get(id).into_iter().flatten();
        rests.any(|rest| rest.from <= at && rest.until.is_none_or(|until| at < until))
    }
}

/// Whoever is told of a success finds its bar.
pub(crate) fn tasks_ended(
    run_id: i64,
    outcomes: &[TaskOutcome],
    bars: &BTreeSet<(Symbol, u64)>,
    journal: &mut Journal,
) {
    for outcome in outcomes {
        if let TaskResult::Succeeded { rows_written, .. } = outcome.result
            && !bars.contains(&(outcome.symbol.clone(), rows_written))
        {
            let symbol = &outcome.symbol;
            journal.violated(&format!("run {run_id}: {symbol} is told without its bar"));
        }
    }
}
