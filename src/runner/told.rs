//! What the log and the metrics say of a run's end.

use std::collections::BTreeMap;

use super::record::Recorder;
use crate::domain::{FaultClass, RunState, TaskResult};
use crate::store::RunEnd;
use crate::telemetry::{events, metric};

impl Recorder<'_> {
    fn count(&self, end: &RunEnd) {
        let (schedule, job) = (self.spec.schedule.id.as_str(), self.spec.assignment.name());
        metric::runs(schedule, end.state.as_str(), 1);
        metric::run_duration(job, seconds(end.duration_ms));
        metric::rows_written(job, end.totals.rows_written);
        metric::rows_rejected(job, end.totals.rows_rejected);
        if self.spec.origin.is_planned() {
            metric::run_lateness(job, seconds(self.spec.lateness_ms));
        }
        if end.state == RunState::Succeeded {
            let now = self.desk.clock.now().as_millisecond();
            metric::schedule_last_success(schedule, seconds(now));
        }
    }

    /// Counts it and writes its line.
    pub(super) fn tell_end(&self, end: &RunEnd) {
        self.count(end);
        let (run_id, schedule) = (self.spec.run_id, self.spec.schedule.id.as_str());
        let (job, duration_ms) = (self.spec.assignment.name(), end.duration_ms);
        let totals = &end.totals;
        let cpu_ms = end.cost.map(|cost| cost.cpu_ms);
        let memory_peak_bytes = end.cost.map(|cost| cost.memory_peak_bytes);
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
                cpu_ms,
                memory_peak_bytes,
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
                    reason: end.reason.as_deref().unwrap_or_default(),
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
                cpu_ms,
                memory_peak_bytes,
            }
            .emit(),
        }
    }

    fn class_counts(&self) -> String {
        let mut counts: BTreeMap<FaultClass, u32> = BTreeMap::new();
        for outcome in self.outcomes.values() {
            if let TaskResult::Failed { class, .. } = &outcome.result {
                *counts.entry(*class).or_default() += 1;
            }
        }
        let counts: Vec<String> = counts
            .iter()
            .map(|(class, count)| format!("{class}={count}"))
            .collect();
        counts.join(" ")
    }
}

fn seconds(ms: i64) -> f64 {
    whole(ms) / 1_000.0
}

#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds and bytes below 2^53"
)]
fn whole(value: i64) -> f64 {
    value as f64
}
