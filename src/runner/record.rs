//! What a run leaves behind: outcomes and an end in the ledger, one line in the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Desk, News, RunSpec};
use crate::clock;
use crate::domain::{RunState, RunTotals, Symbol, TaskOutcome, TaskResult};
use crate::store::{RunEnd, StoreError};
use crate::telemetry::{Toll, events, metric};

/// Outcomes written together.
const BATCH_OUTCOMES: usize = 64;

/// Longest time an outcome waits to be written while others come in.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Longest time one try to write may take while the run goes on: its deadline waits behind it.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// The same when the run is over: nothing waits behind it any more.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// A database that cannot be used is told of again after this long.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// Tries to write the outcomes before the end is written without them.
const TRIES_WITH_OUTCOMES: u32 = 6;

/// Waits between tries to write the end grow up to this.
const END_RETRY_MAX: Duration = Duration::from_secs(5);

/// Tries after the daemon was told to abort; what is open then is closed by the next start.
const TRIES_AFTER_ABORT: u32 = 3;

/// Collects a run's outcomes and writes them in batches.
pub(super) struct Recorder<'r> {
    pub(super) spec: &'r RunSpec,
    pub(super) desk: &'r Desk,
    /// The outcome of each symbol, the last one when it was tried again.
    pub(super) outcomes: BTreeMap<Symbol, TaskOutcome>,
    pub(super) first_failure: Option<String>,
    unwritten: Vec<Symbol>,
    last_write: Instant,
    last_write_failed: bool,
    is_slow: bool,
    pub(super) toll: Toll,
}

impl<'r> Recorder<'r> {
    fn new(spec: &'r RunSpec, desk: &'r Desk) -> Self {
        Self {
            spec,
            desk,
            outcomes: BTreeMap::new(),
            first_failure: None,
            unwritten: Vec::new(),
            last_write: clock::monotonic(),
            last_write_failed: false,
            is_slow: false,
            toll: Toll::begin(),
        }
    }

    pub(super) async fn start(spec: &'r RunSpec, desk: &'r Desk) -> Self {
        let mut recorder = Self::new(spec, desk);
        if spec.is_resumed {
            recorder.recall().await;
        }
        let tasks_total = recorder.totals().tasks_total;
        let now = desk.clock.now();
        let start = desk.ledger.run_started(spec.run_id, tasks_total, now);
        in_time(WRITE_PATIENCE, "the start of a run", start).await;
        events::RunStarted {
            run_id: spec.run_id,
            schedule: spec.schedule.id.as_str(),
            job: spec.assignment.name(),
            trigger: spec.origin.as_str(),
            scheduled_for: &spec.scheduled_for.to_string(),
            lateness_ms: spec.lateness_ms,
            tasks_total: tasks_total.into(),
        }
        .emit();
        recorder.note_lateness(now);
        recorder
    }

    /// What an earlier daemon has done is not done again.
    async fn recall(&mut self) {
        let ended = self.desk.ledger.ended_tasks(self.spec.run_id);
        match tokio::time::timeout(END_PATIENCE, ended).await {
            Ok(Ok(ended)) => {
                let ours = ended
                    .into_iter()
                    .filter(|outcome| self.spec.symbols.contains(&outcome.symbol));
                self.outcomes = ours
                    .map(|outcome| (outcome.symbol.clone(), outcome))
                    .collect();
            }
            // All tasks are done again then, which does no harm.
            Ok(Err(error)) => unavailable("the tasks of an interrupted run", &error.to_string()),
            Err(_) => unavailable("the tasks of an interrupted run", "no answer in time"),
        }
    }

    /// Says when a planned run begins later than promised.
    fn note_lateness(&self, now: jiff::Timestamp) {
        let schedule = &self.spec.schedule;
        let due = schedule
            .dispatch_at(self.spec.scheduled_for)
            .as_millisecond();
        let lateness_ms = now.as_millisecond().saturating_sub(due);
        let limit_ms = schedule
            .sla
            .late_after
            .map(|limit| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
        if self.spec.origin.is_planned() && limit_ms.is_some_and(|limit| lateness_ms > limit) {
            events::RunLate {
                run_id: self.spec.run_id,
                schedule: schedule.id.as_str(),
                scheduled_for: &self.spec.scheduled_for.to_string(),
                lateness_ms,
                limit_ms: limit_ms.unwrap_or_default(),
            }
            .emit();
        }
    }

    /// Sums over the outcomes so far.
    pub(super) fn totals(&self) -> RunTotals {
        let mut totals = RunTotals {
            tasks_total: u32::try_from(self.spec.symbols.len()).unwrap_or(u32::MAX),
            ..RunTotals::default()
        };
        for outcome in self.outcomes.values() {
            totals.add(outcome);
        }
        totals
    }

    /// How many tasks have ended.
    pub(super) fn ended(&self) -> u32 {
        u32::try_from(self.outcomes.len()).unwrap_or(u32::MAX)
    }

    /// The symbols without an outcome.
    pub(super) fn unfinished(&self) -> Vec<Symbol> {
        let symbols = self.spec.symbols.iter();
        let open = symbols.filter(|symbol| !self.outcomes.contains_key(*symbol));
        open.cloned().collect()
    }

    /// The symbols whose task failed for a reason that may pass.
    pub(super) fn worth_another_try(&self) -> Vec<Symbol> {
        let is_passing = |symbol: &&Symbol| {
            let outcome = self.outcomes.get(*symbol);
            outcome.is_some_and(|outcome| match &outcome.result {
                TaskResult::Failed { class, .. } => class.is_passing(),
                TaskResult::Succeeded { .. } => false,
            })
        };
        self.spec
            .symbols
            .iter()
            .filter(is_passing)
            .cloned()
            .collect()
    }

    /// Whether it was said that the run takes longer than promised.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// Says that the run takes longer than promised.
    pub(super) fn note_slow(&mut self) {
        self.is_slow = true;
        let limit = self.spec.schedule.sla.max_runtime.unwrap_or_default();
        events::RunSlow {
            run_id: self.spec.run_id,
            schedule: self.spec.schedule.id.as_str(),
            limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            tasks_total: self.spec.symbols.len() as u64,
            tasks_done: self.ended().into(),
        }
        .emit();
    }

    /// Notes one outcome.
    pub(super) fn add(&mut self, mut outcome: TaskOutcome) {
        if let TaskResult::Failed { class, message } = &outcome.result {
            self.first_failure
                .get_or_insert_with(|| format!("{}: {message}", outcome.symbol));
            events::TaskFailed {
                run_id: self.spec.run_id,
                schedule: self.spec.schedule.id.as_str(),
                symbol: outcome.symbol.as_str(),
                class: class.as_str(),
                reason: message,
            }
            .emit();
        }
        let came_of_it = match &outcome.result {
            TaskResult::Succeeded { .. } => "succeeded",
            TaskResult::Failed { class, .. } => class.as_str(),
        };
        metric::tasks(self.spec.assignment.name(), came_of_it, 1);
        if let Some(on_news) = &self.spec.on_news {
            on_news(News::Ended(&outcome));
        }
        if let Some(before) = self.outcomes.get(&outcome.symbol) {
            // Tried again: what the earlier try has cost stays counted.
            outcome.calls += before.calls;
            outcome.retries += before.retries;
            outcome.rate_limited += before.rate_limited;
        }
        if !self.unwritten.contains(&outcome.symbol) {
            self.unwritten.push(outcome.symbol.clone());
        }
        self.outcomes.insert(outcome.symbol.clone(), outcome);
    }

    /// Writes when enough has come together. A write that fails or hangs keeps its outcomes, and is
    /// not tried again for a while: the run goes on.
    pub(super) async fn write_some(&mut self) {
        self.toll.look();
        let is_full = self.unwritten.len() >= BATCH_OUTCOMES && !self.last_write_failed;
        if is_full || self.last_write.elapsed() >= BATCH_AGE {
            self.last_write_failed = !self.write(WRITE_PATIENCE).await;
            self.last_write = clock::monotonic();
        }
    }

    /// Writes what has come together; gives whether that worked.
    async fn write(&mut self, patience: Duration) -> bool {
        if self.unwritten.is_empty() {
            return true;
        }
        let outcomes = self
            .unwritten
            .iter()
            .filter_map(|symbol| self.outcomes.get(symbol));
        let outcomes: Vec<TaskOutcome> = outcomes.cloned().collect();
        let write = self.desk.ledger.tasks_ended(self.spec.run_id, &outcomes);
        let is_written = in_time(patience, "the outcome of tasks", write).await;
        if is_written {
            self.unwritten.clear();
        }
        is_written
    }

    /// Writes the rest and the end. A run always gets one, so this tries until it works; once the
    /// daemon is told to abort, or when a person waits in this process, only a few times more.
    pub(super) async fn finish(mut self, end: &RunEnd, abort: &CancellationToken) {
        let mut wait = BATCH_AGE;
        let mut tries = 0;
        let mut last_tries = TRIES_AFTER_ABORT;
        while !self.write_end(end, tries >= TRIES_WITH_OUTCOMES).await {
            tries += 1;
            if abort.is_cancelled() || self.spec.is_awaited {
                last_tries -= 1;
                if last_tries == 0 {
                    break;
                }
                tokio::time::sleep(BATCH_AGE).await;
            } else {
                let _ = tokio::time::timeout(wait, abort.cancelled()).await;
                wait = (wait * 2).min(END_RETRY_MAX);
            }
        }
        self.tell_end(end);
    }

    /// Outcomes first; when the database refuses them again and again, the end without them.
    async fn write_end(&mut self, end: &RunEnd, even_without_outcomes: bool) -> bool {
        if !self.write(END_PATIENCE).await && !even_without_outcomes {
            return false;
        }
        let (ledger, now) = (&self.desk.ledger, self.desk.clock.now());
        let write = ledger.run_ended(self.spec.run_id, end, now);
        in_time(END_PATIENCE, "the end of a run", write).await
    }
}

/// The end of a run that itself panicked: a bug, but not one that leaves a record open.
pub(super) async fn panicked(spec: &RunSpec, desk: &Desk, abort: &CancellationToken) -> RunEnd {
    let end = RunEnd {
        state: RunState::Failed,
        totals: RunTotals::default(),
        duration_ms: 0,
        reason: Some("the run panicked; see event FS9001 in the log".to_owned()),
        cost: None,
    };
    without_tasks(spec, desk, &end, abort).await;
    end
}

/// The end of a run of which nothing else is known, or that was not let begin.
pub(super) async fn without_tasks(
    spec: &RunSpec,
    desk: &Desk,
    end: &RunEnd,
    abort: &CancellationToken,
) {
    let recorder = Recorder::new(spec, desk);
    recorder.finish(end, abort).await;
}

/// Waits for a write, but not longer; says when it did not work.
async fn in_time(
    patience: Duration,
    during: &'static str,
    write: impl Future<Output = Result<(), StoreError>>,
) -> bool {
    match tokio::time::timeout(patience, write).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => unavailable(during, &error.to_string()),
        Err(_) => unavailable(during, "no answer in time"),
    }
    false
}

/// Thousands of runs may wait for the same database: one line tells of it for a while.
fn unavailable(during: &str, reason: &str) {
    static TOLD: Mutex<Option<Instant>> = Mutex::new(None);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.is_some_and(|at| at.elapsed() < TOLD_AGAIN) {
        return;
    }
    *told = Some(clock::monotonic());
    events::StoreRecordFailed { during, reason }.emit();
}
