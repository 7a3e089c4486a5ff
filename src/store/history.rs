//! Reading the ledger, for people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _,
};
use serde::Serialize;

use super::convert::{to_column, to_timestamp};
use super::entities::{run_tasks, runs};
use super::readable::{read_all, read_one};
use super::{Store, StoreError};
use crate::domain::RunState;

/// Rows of one question about a window at most: two days of one a second.
const MOST_ROWS: u64 = 200_000;

/// Which runs to show.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only this schedule's.
    pub schedule: Option<String>,
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those planned at or after this instant.
    pub since: Option<Timestamp>,
    /// The newest so many.
    pub limit: u64,
}

/// One row of the ledger.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct RunRow {
    pub id: i64,
    pub schedule: String,
    pub job: String,
    pub trigger: String,
    pub scheduled_for: Timestamp,
    pub state: String,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub duration_ms: Option<i64>,
    pub lateness_ms: i64,
    pub tasks_total: i32,
    pub tasks_succeeded: i32,
    pub tasks_failed: i32,
    pub calls: i32,
    pub retries: i32,
    pub rate_limited: i32,
    pub rows_written: i64,
    pub memory_peak_bytes: Option<i64>,
    pub cpu_ms: Option<i64>,
    pub reason: Option<String>,
}

/// The outcome of one symbol of a run.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct TaskRow {
    pub run_id: i64,
    pub symbol: String,
    pub outcome: String,
    pub class: Option<String>,
    pub message: Option<String>,
    pub calls: i32,
    pub retries: i32,
    pub rate_limited: i32,
    pub rows_written: i64,
    pub rows_rejected: i64,
    pub started_at: Timestamp,
    pub duration_ms: i64,
}

impl Store {
    /// The newest runs that pass `filter`, newest first.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let query = runs::Entity::find()
            .apply_if(filter.schedule.as_deref(), |q, s| q.filter(of_schedule(s)))
            .apply_if(filter.state.as_deref(), |q, s| {
                q.filter(runs::Column::State.eq(s))
            })
            .apply_if(filter.since, |q, at| {
                q.filter(runs::Column::ScheduledFor.gte(to_column(at)))
            })
            .order_by_desc(runs::Column::Id)
            .limit(filter.limit);
        let rows = self.ask("runs", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().map(run_row).collect())
    }

    /// A schedule's rows planned within `from..=to`, oldest first.
    pub async fn runs_between(
        &self,
        schedule: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RunRow>, StoreError> {
        let query = runs::Entity::find()
            .filter(runs::Column::Schedule.eq(schedule))
            .filter(runs::Column::ScheduledFor.between(to_column(from), to_column(to)))
            .order_by_asc(runs::Column::ScheduledFor)
            .limit(MOST_ROWS);
        let rows = self.ask("runs", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().map(run_row).collect())
    }

    /// One run, if there is one of that number.
    pub async fn run(&self, id: i64) -> Result<Option<RunRow>, StoreError> {
        let row = self
            .ask("run", read_one(&self.read, runs::Entity::find_by_id(id)))
            .await?;
        Ok(row.map(run_row))
    }

    /// The newest run of each schedule.
    pub async fn latest_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let newest = |which: Expr| {
            let ids = runs::Entity::find()
                .select_only()
                .column_as(runs::Column::Id.max(), "id")
                .filter(which)
                .group_by(runs::Column::Schedule);
            runs::Column::Id.in_subquery(ids.into_query())
        };
        // One ended and one open run of each, so that both are found by an index.
        let query = runs::Entity::find()
            .filter(newest(runs::Column::FinishedAt.is_not_null()).or(newest(is_open())))
            .order_by_asc(runs::Column::Id);
        let rows = self.ask("runs", read_all(&self.read, query)).await?;
        let newest: BTreeMap<String, runs::Model> = rows
            .into_iter()
            .map(|row| (row.schedule.clone(), row))
            .collect();
        Ok(newest.into_values().map(run_row).collect())
    }

    /// The tasks of a run, in order of symbol.
    pub async fn tasks(&self, run_id: i64) -> Result<Vec<TaskRow>, StoreError> {
        let query = run_tasks::Entity::find()
            .filter(run_tasks::Column::RunId.eq(run_id))
            .order_by_asc(run_tasks::Column::Symbol);
        let rows = self.ask("run_tasks", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().map(task_row).collect())
    }
}

fn is_open() -> Expr {
    runs::Column::State.is_in([RunState::Claimed, RunState::Running].map(RunState::as_str))
}

/// The runs of a schedule: the index by schedule has the ended ones only, and few are open.
fn of_schedule(name: &str) -> Condition {
    let is_its = || runs::Column::Schedule.eq(name);
    Condition::any()
        .add(is_its().and(runs::Column::FinishedAt.is_not_null()))
        .add(is_its().and(is_open()))
}

fn run_row(row: runs::Model) -> RunRow {
    RunRow {
        id: row.id,
        schedule: row.schedule,
        job: row.job,
        trigger: row.trigger,
        scheduled_for: to_timestamp(row.scheduled_for),
        state: row.state,
        started_at: row.started_at.map(to_timestamp),
        finished_at: row.finished_at.map(to_timestamp),
        duration_ms: row.duration_ms,
        lateness_ms: row.lateness_ms,
        tasks_total: row.tasks_total,
        tasks_succeeded: row.tasks_succeeded,
        tasks_failed: row.tasks_failed,
        calls: row.calls,
        retries: row.retries,
        rate_limited: row.rate_limited,
        rows_written: row.rows_written,
        memory_peak_bytes: row.memory_peak_bytes,
        cpu_ms: row.cpu_ms,
        reason: row.reason,
    }
}

fn task_row(row: run_tasks::Model) -> TaskRow {
    TaskRow {
        run_id: row.run_id,
        symbol: row.symbol,
        outcome: row.outcome,
        class: row.class,
        message: row.message,
        calls: row.calls,
        retries: row.retries,
        rate_limited: row.rate_limited,
        rows_written: row.rows_written,
        rows_rejected: row.rows_rejected,
        started_at: to_timestamp(row.started_at),
        duration_ms: row.duration_ms,
    }
}
