//! What a run leaves behind: outcomes and an end in the ledger, one line in the log.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RunSpec;
use crate::clock;
use crate::domain::{FaultClass, RunOrigin, RunState, RunTotals, TaskOutcome, TaskResult};
use crate::jobs::Services;
use crate::store::{RunEnd, StoreError};
use crate::telemetry::events;

/// Outcomes written together.
const BATCH_OUTCOMES: usize = 64;

/// Longest time an outcome waits to be written while others come in.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Longest time one try to write may take while the run goes on: its deadline waits behind it.
const WRITE_PATIENCE: Duration = Duration::from_secs(2);

/// The same when the run is over: nothing waits behind it any more.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Tries to write the outcomes before the end is written without them.
const TRIES_WITH_OUTCOMES: u32 = 6;

/// Waits between tries to write the end grow up to this.
const END_RETRY_MAX: Duration = Duration::from_secs(30);

/// Tries after the daemon was told to abort; what is open then is closed by the next start.
const TRIES_AFTER_ABORT: u32 = 3;

/// Collects a run's outcomes and writes them in batches.
pub(super) struct Recorder<'r> {
    spec: &'r RunSpec,
    services: &'r Services,
    totals: RunTotals,
    classes: BTreeMap<FaultClass, u32>,
    first_failure: Option<String>,
    unwritten: Vec<TaskOutcome>,
    last_write: Instant,
    last_write_failed: bool,
}

impl<'r> Recorder<'r> {
    pub(super) async fn start(spec: &'r RunSpec, services: &'r Services) -> Self {
        let tasks_total = u32::try_from(spec.symbols.len()).unwrap_or(u32::MAX);
        let now = services.clock.now();
        let start = services.store.run_started(spec.run_id, tasks_total, now);
        in_time(WRITE_PATIENCE, "the start of a run", start).await;
        events::RunStarted {
            run_id: spec.run_id,
            schedule: spec.schedule.as_str(),
            job: spec.assignment.name(),
            trigger: spec.origin.as_str(),
            scheduled_for: &spec.scheduled_for.to_string(),
            lateness_ms: spec.lateness_ms,
            tasks_total: tasks_total.into(),
        }
        .emit();
        Self {
            spec,
            services,
            totals: RunTotals {
                tasks_total,
                ..RunTotals::default()
            },
            classes: BTreeMap::new(),
            first_failure: None,
            unwritten: Vec::new(),
            last_write: clock::monotonic(),
            last_write_failed: false,
        }
    }

    pub(super) fn totals(&self) -> RunTotals {
        self.totals
    }

    /// Notes one outcome.
    pub(super) fn add(&mut self, outcome: TaskOutcome) {
        self.totals.add(&outcome);
        if let TaskResult::Failed { class, message } = &outcome.result {
            *self.classes.entry(*class).or_default() += 1;
            self.first_failure
                .get_or_insert_with(|| format!("{}: {message}", outcome.symbol));
            events::TaskFailed {
                run_id: self.spec.run_id,
                schedule: self.spec.schedule.as_str(),
                symbol: outcome.symbol.as_str(),
                class: class.as_str(),
                reason: message,
            }
            .emit();
        }
        if let Some(on_outcome) = &self.spec.on_outcome {
            on_outcome(&outcome);
        }
        self.unwritten.push(outcome);
    }

    /// Writes when enough has come together. A write that fails or hangs keeps its outcomes, and is
    /// not tried again for a while: the run goes on.
    pub(super) async fn write_some(&mut self) {
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
        let store = &self.services.store;
        let write = store.tasks_ended(self.spec.run_id, &self.unwritten);
        let is_written = in_time(patience, "the outcome of tasks", write).await;
        if is_written {
            self.unwritten.clear();
        }
        is_written
    }

    /// Writes the rest and the end. A run always gets one, so this tries until it works; once the
    /// daemon is told to abort, or when a person waits for a manual run, only a few times more.
    pub(super) async fn finish(mut self, end: &RunEnd, abort: &CancellationToken) {
        let is_manual = matches!(self.spec.origin, RunOrigin::Manual | RunOrigin::Backfill);
        let mut wait = BATCH_AGE;
        let mut tries = 0;
        let mut last_tries = TRIES_AFTER_ABORT;
        while !self.write_end(end, tries >= TRIES_WITH_OUTCOMES).await {
            tries += 1;
            if abort.is_cancelled() || is_manual {
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
        self.log(end);
    }

    /// Outcomes first; when the database refuses them again and again, the end without them.
    async fn write_end(&mut self, end: &RunEnd, even_without_outcomes: bool) -> bool {
        if !self.write(END_PATIENCE).await && !even_without_outcomes {
            return false;
        }
        let (store, now) = (&self.services.store, self.services.clock.now());
        let write = store.run_ended(self.spec.run_id, end, now);
        in_time(END_PATIENCE, "the end of a run", write).await
    }

    fn log(&self, end: &RunEnd) {
        let (run_id, schedule) = (self.spec.run_id, self.spec.schedule.as_str());
        let (job, duration_ms) = (self.spec.assignment.name(), end.duration_ms);
        let totals = &end.totals;
        let (tasks_total, tasks_failed) = (totals.tasks_total.into(), totals.tasks_failed.into());
        match end.state {
            RunState::Succeeded => events::RunFinished {
                run_id,
                schedule,
                job,
                tasks_total,
                rows_written: totals.rows_written,
                rows_rejected: totals.rows_rejected,
                calls: totals.calls.into(),
                retries: totals.retries.into(),
                lateness_ms: self.spec.lateness_ms,
                duration_ms,
            }
            .emit(),
            RunState::TimedOut => {
                events::RunTimedOut {
                    run_id,
                    schedule,
                    tasks_total,
                    tasks_failed,
                    duration_ms,
                }
                .emit();
            }
            RunState::Cancelled => {
                events::RunCancelled {
                    run_id,
                    schedule,
                    tasks_total,
                    tasks_failed,
                    duration_ms,
                }
                .emit();
            }
            state => events::RunFailed {
                run_id,
                schedule,
                job,
                state: state.as_str(),
                tasks_total,
                tasks_failed,
                classes: &self.class_counts(),
                first_failure: self.first_failure.as_deref().unwrap_or_default(),
                calls: totals.calls.into(),
                retries: totals.retries.into(),
                duration_ms,
            }
            .emit(),
        }
    }

    fn class_counts(&self) -> String {
        let counts: Vec<String> = self
            .classes
            .iter()
            .map(|(class, count)| format!("{class}={count}"))
            .collect();
        counts.join(" ")
    }
}

/// The end of a run that itself panicked: a bug, but not one that leaves a record open.
pub(super) async fn panicked(spec: &RunSpec, services: &Services) -> RunEnd {
    let end = RunEnd {
        state: RunState::Failed,
        totals: RunTotals::default(),
        duration_ms: 0,
        reason: Some("the run panicked; see event FS9001 in the log".to_owned()),
    };
    if let Err(error) = services
        .store
        .run_ended(spec.run_id, &end, services.clock.now())
        .await
    {
        unavailable("the end of a run", &error.to_string());
    }
    end
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

fn unavailable(during: &str, reason: &str) {
    events::StoreUnavailable { during, reason }.emit();
}
