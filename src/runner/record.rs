//! What a run leaves behind: outcomes and an end in the ledger, one line in the log.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::RunSpec;
use crate::clock;
use crate::domain::{FaultClass, RunState, RunTotals, TaskOutcome, TaskResult};
use crate::jobs::Services;
use crate::store::{RunEnd, StoreError};
use crate::telemetry::events;

/// Outcomes written together.
const BATCH_OUTCOMES: usize = 64;

/// Longest time an outcome waits to be written while others come in.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Tries to write the end before giving up; the next daemon start closes the row then.
const END_ATTEMPTS: u32 = 10;

/// Wait between two of them.
const END_RETRY: Duration = Duration::from_secs(1);

/// Collects a run's outcomes and writes them in batches.
pub(super) struct Recorder<'r> {
    spec: &'r RunSpec,
    services: &'r Services,
    totals: RunTotals,
    classes: BTreeMap<FaultClass, u32>,
    first_failure: Option<String>,
    unwritten: Vec<TaskOutcome>,
    last_write: Instant,
}

impl<'r> Recorder<'r> {
    pub(super) async fn start(spec: &'r RunSpec, services: &'r Services) -> Self {
        let tasks_total = u32::try_from(spec.symbols.len()).unwrap_or(u32::MAX);
        let now = services.clock.now();
        if let Err(error) = services
            .store
            .run_started(spec.run_id, tasks_total, now)
            .await
        {
            unavailable("the start of a run", &error);
        }
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
        }
    }

    pub(super) fn totals(&self) -> RunTotals {
        self.totals
    }

    /// Notes one outcome; writes when enough have come together.
    pub(super) async fn add(&mut self, outcome: TaskOutcome) {
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
        if self.unwritten.len() >= BATCH_OUTCOMES || self.last_write.elapsed() >= BATCH_AGE {
            self.write().await;
        }
    }

    /// Writes what has come together; on failure it is kept for the next try.
    async fn write(&mut self) -> bool {
        self.last_write = clock::monotonic();
        match self
            .services
            .store
            .tasks_ended(self.spec.run_id, &self.unwritten)
            .await
        {
            Ok(()) => {
                self.unwritten.clear();
                true
            }
            Err(error) => {
                unavailable("the outcome of tasks", &error);
                false
            }
        }
    }

    /// Writes the rest and the end. A run always gets one, so this tries for a while.
    pub(super) async fn finish(mut self, end: &RunEnd) {
        for attempt in 1..=END_ATTEMPTS {
            let outcomes_written = self.unwritten.is_empty() || self.write().await;
            let now = self.services.clock.now();
            match self
                .services
                .store
                .run_ended(self.spec.run_id, end, now)
                .await
            {
                Ok(()) if outcomes_written => break,
                Ok(()) => {}
                Err(error) => unavailable("the end of a run", &error),
            }
            if attempt < END_ATTEMPTS {
                tokio::time::sleep(END_RETRY).await;
            }
        }
        self.log(end);
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

fn unavailable(during: &str, error: &StoreError) {
    events::StoreUnavailable {
        during,
        reason: &error.to_string(),
    }
    .emit();
}
