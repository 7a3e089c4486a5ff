//! A ledger in memory that keeps every promise of the real one. The benches include this file, too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use finstage::domain::{
    Pause, RunOrigin, RunState, RunTotals, ScheduleId, Symbol, TaskOutcome, TaskResult,
};
use finstage::store::{Claim, Epoch, Interrupted, Ours, Recovery, RunEnd};
use jiff::Timestamp;

/// A row of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) schedule: ScheduleId,
    pub(crate) scheduled_for: Timestamp,
    pub(crate) origin: RunOrigin,
    pub(crate) state: RunState,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) lateness_ms: i64,
    pub(crate) epoch: Epoch,
    pub(crate) reason: Option<String>,
    pub(crate) totals: RunTotals,
}

/// All that is written.
#[derive(Default)]
pub(crate) struct Books {
    /// The row of number n stands at n − 1.
    rows: Vec<Row>,
    by_fire: HashMap<ScheduleId, BTreeMap<Timestamp, i64>>,
    open: BTreeSet<i64>,
    tasks: HashMap<i64, Vec<TaskOutcome>>,
    pauses: BTreeMap<ScheduleId, Pause>,
    resumed_at: HashMap<ScheduleId, Timestamp>,
}

impl Books {
    pub(crate) fn row(&self, run_id: i64) -> &Row {
        &self.rows[usize::try_from(run_id - 1).unwrap()]
    }

    fn row_mut(&mut self, run_id: i64) -> &mut Row {
        &mut self.rows[usize::try_from(run_id - 1).unwrap()]
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn row_of(&self, schedule: &ScheduleId, fire: Timestamp) -> Option<i64> {
        self.by_fire.get(schedule)?.get(&fire).copied()
    }

    /// The rows that have not ended.
    pub(crate) fn open(&self) -> impl Iterator<Item = i64> {
        self.open.iter().copied()
    }

    pub(crate) fn recorded(&self, run_id: i64, symbol: &Symbol) -> Option<&TaskResult> {
        let mut tasks = self.tasks.get(&run_id)?.iter();
        let outcome = tasks.find(|outcome| outcome.symbol == *symbol)?;
        Some(&outcome.result)
    }

    /// Writes a row unless the fire has one; gives its number, and whether it is new.
    pub(crate) fn claim_one(&mut self, claim: &Claim, epoch: Epoch, now: Timestamp) -> (i64, bool) {
        let fire = &claim.fire;
        let next = i64::try_from(self.rows.len()).unwrap() + 1;
        let fires = self.by_fire.entry(fire.schedule.clone()).or_default();
        let run_id = *fires.entry(fire.scheduled_for).or_insert(next);
        if run_id != next {
            return (run_id, false);
        }
        if !claim.state.is_terminal() {
            self.open.insert(run_id);
        }
        self.rows.push(Row {
            schedule: fire.schedule.clone(),
            scheduled_for: fire.scheduled_for,
            origin: claim.origin,
            state: claim.state,
            finished_at: claim.state.is_terminal().then_some(now),
            lateness_ms: claim.lateness_ms,
            epoch,
            reason: claim.reason.clone(),
            totals: RunTotals::default(),
        });
        (run_id, true)
    }

    pub(crate) fn claim(
        &mut self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Vec<Option<Ours>> {
        let mut ours = |claim| {
            let (run_id, _) = self.claim_one(claim, epoch, now);
            let row = self.row(run_id);
            let is_open = row.state == RunState::Claimed;
            (row.epoch == epoch).then_some(Ours { run_id, is_open })
        };
        claims.iter().map(&mut ours).collect()
    }

    pub(crate) fn interrupted(&self) -> Vec<Interrupted> {
        let mut found: Vec<Interrupted> =
            self.open().map(|run_id| self.left_open(run_id)).collect();
        found.sort_by_key(|run| (run.fire.scheduled_for, run.run_id));
        found
    }

    fn left_open(&self, run_id: i64) -> Interrupted {
        let row = self.row(run_id);
        Interrupted {
            run_id,
            fire: finstage::domain::Fire {
                schedule: row.schedule.clone(),
                scheduled_for: row.scheduled_for,
            },
            origin: row.origin,
            epoch: row.epoch,
            lateness_ms: row.lateness_ms,
        }
    }

    pub(crate) fn recover(
        &mut self,
        recoveries: &[Recovery],
        own: Epoch,
        now: Timestamp,
    ) -> Vec<i64> {
        let mut ours = Vec::new();
        for recovery in recoveries {
            let is_open = self.open.contains(&recovery.run_id);
            let row = self.row_mut(recovery.run_id);
            if !is_open || row.epoch != recovery.from {
                continue;
            }
            row.epoch = own;
            row.reason = Some(recovery.reason.clone());
            if recovery.is_resumed {
                row.state = RunState::Claimed;
            } else {
                self.close(recovery.run_id, RunState::Abandoned, now);
            }
            ours.push(recovery.run_id);
        }
        ours
    }

    /// Another process takes the row and finishes it.
    pub(crate) fn taken_over(&mut self, run_id: i64, by: Epoch, now: Timestamp) {
        if self.open.contains(&run_id) {
            self.row_mut(run_id).epoch = by;
            self.close(run_id, RunState::Succeeded, now);
        }
    }

    fn close(&mut self, run_id: i64, state: RunState, now: Timestamp) {
        self.open.remove(&run_id);
        let row = self.row_mut(run_id);
        row.state = state;
        row.finished_at = Some(now);
    }

    pub(crate) fn latest_fires(
        &self,
        schedules: &[ScheduleId],
        until: Timestamp,
    ) -> BTreeMap<ScheduleId, Timestamp> {
        let latest = |id: &ScheduleId| {
            let fires = self.by_fire.get(id)?.range(..=until).rev();
            let mut planned = fires.filter(|(_, run)| self.row(**run).origin.is_planned());
            planned.next().map(|(at, _)| (id.clone(), *at))
        };
        schedules.iter().filter_map(latest).collect()
    }

    /// The rows stay where they are, for their numbers; the fires have none any more.
    pub(crate) fn forget_after(&mut self, now: Timestamp) -> u64 {
        use RunState::{Holiday, Missed, Paused, SkippedOverlap};
        let rows = &self.rows;
        let mut forgotten = 0;
        for fires in self.by_fire.values_mut() {
            let is_forgotten = |run: &i64| {
                let row = &rows[usize::try_from(run - 1).unwrap()];
                let not_run = matches!(row.state, Missed | SkippedOverlap | Paused | Holiday);
                row.scheduled_for > now && row.origin.is_planned() && not_run
            };
            let before = fires.len();
            fires.retain(|_, run| !is_forgotten(run));
            forgotten += before - fires.len();
        }
        u64::try_from(forgotten).unwrap()
    }

    pub(crate) fn last_success(&self, schedule: &ScheduleId) -> Option<Timestamp> {
        let mut newest = self.by_fire.get(schedule)?.values().rev();
        let run_id = newest.find(|run| self.row(**run).state == RunState::Succeeded)?;
        self.row(*run_id).finished_at
    }

    pub(crate) fn failures_in_a_row(&self, schedule: &ScheduleId, at_most: u32) -> u32 {
        use RunState::{Failed, PartlyFailed, Succeeded, TimedOut};
        let Some(fires) = self.by_fire.get(schedule) else {
            return 0;
        };
        let resumed_at = self.resumed_at.get(schedule);
        let rows = fires.values().rev().map(|run| self.row(*run));
        let ran =
            rows.filter(|row| matches!(row.state, Succeeded | PartlyFailed | Failed | TimedOut));
        let counts = |row: &&Row| {
            row.state.is_failure() && resumed_at.is_none_or(|at| row.finished_at >= Some(*at))
        };
        let failures = ran.take(at_most as usize).take_while(counts).count();
        u32::try_from(failures).unwrap()
    }

    pub(crate) fn run_started(&mut self, run_id: i64, tasks_total: u32) {
        if self.open.contains(&run_id) {
            let row = self.row_mut(run_id);
            row.state = RunState::Running;
            row.totals.tasks_total = tasks_total;
        }
    }

    pub(crate) fn tasks_ended(&mut self, run_id: i64, outcomes: &[TaskOutcome]) {
        let tasks = self.tasks.entry(run_id).or_default();
        tasks.retain(|known| outcomes.iter().all(|one| one.symbol != known.symbol));
        tasks.extend_from_slice(outcomes);
    }

    pub(crate) fn ended_tasks(&self, run_id: i64) -> Vec<TaskOutcome> {
        let tasks = self.tasks.get(&run_id);
        tasks.cloned().unwrap_or_default()
    }

    pub(crate) fn run_ended(&mut self, run_id: i64, end: &RunEnd, now: Timestamp) {
        if self.open.contains(&run_id) {
            self.close(run_id, end.state, now);
            let row = self.row_mut(run_id);
            row.totals = end.totals;
            row.reason = end.reason.clone().or(row.reason.take());
        }
    }

    /// Whether each task that is told as succeeded has left its bar.
    pub(crate) fn has_bars(&self, run_id: i64, bars: &BTreeSet<(Symbol, u64)>) -> bool {
        let mut tasks = self.tasks.get(&run_id).into_iter().flatten();
        tasks.all(|outcome| match outcome.result {
            TaskResult::Succeeded { rows_written, .. } => {
                bars.contains(&(outcome.symbol.clone(), rows_written))
            }
            TaskResult::Failed { .. } => true,
        })
    }

    pub(crate) fn pauses(&self) -> Vec<Pause> {
        self.pauses.values().cloned().collect()
    }

    pub(crate) fn pause(&mut self, pause: &Pause) {
        self.pauses.insert(pause.schedule.clone(), pause.clone());
    }

    pub(crate) fn resume(&mut self, schedule: &ScheduleId, now: Timestamp) {
        self.pauses.remove(schedule);
        self.resumed_at.insert(schedule.clone(), now);
    }
}
