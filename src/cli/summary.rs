//! What came of a run a person asked for.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Exit, output};
use crate::domain::{RunState, Schedule};
use crate::store::{RunEnd, Store, TaskRow};

/// Failed tasks shown to people; JSON has all of them.
const SHOWN_FAILURES: usize = 20;

#[derive(Serialize)]
struct Summary<'s> {
    id: i64,
    schedule: &'s str,
    job: &'s str,
    state: &'s str,
    duration_ms: i64,
    tasks_total: u32,
    tasks_succeeded: u32,
    tasks_failed: u32,
    calls: u32,
    retries: u32,
    rate_limited: u32,
    rows_written: u64,
    reason: Option<&'s str>,
    failures: &'s [TaskRow],
}

/// Prints the run's end; success only when every task succeeded.
pub(super) async fn print(
    store: &Store,
    schedule: &Schedule,
    run_id: i64,
    end: &RunEnd,
    json: bool,
) -> Exit {
    let tasks = store.tasks(run_id).await.unwrap_or_default();
    let failures: Vec<TaskRow> = tasks
        .into_iter()
        .filter(|task| task.outcome == "failed")
        .collect();
    let totals = &end.totals;
    let summary = Summary {
        id: run_id,
        schedule: schedule.id.as_str(),
        job: schedule.job.as_str(),
        state: end.state.as_str(),
        duration_ms: end.duration_ms,
        tasks_total: totals.tasks_total,
        tasks_succeeded: totals.tasks_succeeded,
        tasks_failed: totals.tasks_failed,
        calls: totals.calls,
        retries: totals.retries,
        rate_limited: totals.rate_limited,
        rows_written: totals.rows_written,
        reason: end.reason.as_deref(),
        failures: &failures,
    };
    if json {
        output::print_json(&summary);
    } else {
        output::print(&output::with_colored_states(&text(&summary)));
    }
    if end.state == RunState::Succeeded {
        Exit::Success
    } else {
        Exit::Failure
    }
}

fn text(summary: &Summary<'_>) -> String {
    let mut text = format!(
        "run {} of {}: {} in {}\n{} of {} symbols, {} rows written, {} calls ({} retries, {} × 429)",
        summary.id,
        summary.schedule,
        summary.state,
        output::duration_ms(summary.duration_ms),
        summary.tasks_succeeded,
        summary.tasks_total,
        summary.rows_written,
        summary.calls,
        summary.retries,
        summary.rate_limited,
    );
    if let Some(reason) = summary.reason {
        let _ = write!(text, "\n{reason}");
    }
    for task in summary.failures.iter().take(SHOWN_FAILURES) {
        let (class, message) = (task.class.as_deref(), task.message.as_deref());
        let _ = write!(
            text,
            "\n  {:<12} {:<12} {}",
            task.symbol,
            class.unwrap_or_default(),
            message.unwrap_or_default()
        );
    }
    if summary.failures.len() > SHOWN_FAILURES {
        let more = summary.failures.len() - SHOWN_FAILURES;
        let _ = write!(
            text,
            "\n  and {more} more: finstage runs --tasks {}",
            summary.id
        );
    }
    text
}
