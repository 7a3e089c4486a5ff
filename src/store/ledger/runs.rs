//! A run's start, its tasks and its end.

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::RunEnd;
use super::recovery::is_open;
use crate::domain::{FaultClass, RunState, ScheduleId, Symbol, TaskOutcome, TaskResult};
use crate::store::chunks::Upsert;
use crate::store::convert::{to_column, to_i32, to_i64, to_timestamp};
use crate::store::entities::{run_tasks, runs};
use crate::store::readable::{note_unknown, read_all, read_one};
use crate::store::{Store, StoreError};

impl Store {
    /// The run's tasks are being dispatched.
    pub async fn run_started(
        &self,
        run_id: i64,
        tasks_total: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = runs::Entity::update_many()
            .col_expr(runs::Column::State, Expr::value(RunState::Running.as_str()))
            .col_expr(runs::Column::StartedAt, Expr::value(to_column(now)))
            .col_expr(runs::Column::TasksTotal, Expr::value(to_i32(tasks_total)))
            .filter(runs::Column::Id.eq(run_id))
            .filter(is_open());
        self.tell("run_started", update.exec(&self.write))
            .await
            .map(drop)
    }

    /// The run's end; its row never changes again.
    pub async fn run_ended(
        &self,
        run_id: i64,
        end: &RunEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let totals = &end.totals;
        let update = runs::Entity::update_many()
            .col_expr(runs::Column::State, Expr::value(end.state.as_str()))
            .col_expr(runs::Column::FinishedAt, Expr::value(to_column(now)))
            .col_expr(runs::Column::DurationMs, Expr::value(end.duration_ms))
            .col_expr(
                runs::Column::TasksTotal,
                Expr::value(to_i32(totals.tasks_total)),
            )
            .col_expr(
                runs::Column::TasksSucceeded,
                Expr::value(to_i32(totals.tasks_succeeded)),
            )
            .col_expr(
                runs::Column::TasksFailed,
                Expr::value(to_i32(totals.tasks_failed)),
            )
            .col_expr(runs::Column::Calls, Expr::value(to_i32(totals.calls)))
            .col_expr(runs::Column::Retries, Expr::value(to_i32(totals.retries)))
            .col_expr(
                runs::Column::RateLimited,
                Expr::value(to_i32(totals.rate_limited)),
            )
            .col_expr(
                runs::Column::RowsWritten,
                Expr::value(to_i64(totals.rows_written)),
            )
            .col_expr(
                runs::Column::MemoryPeakBytes,
                Expr::value(end.cost.map(|cost| cost.memory_peak_bytes)),
            )
            .col_expr(
                runs::Column::CpuMs,
                Expr::value(end.cost.map(|cost| cost.cpu_ms)),
            )
            .filter(runs::Column::Id.eq(run_id))
            // Asked again after a lost answer, or when another has closed it: the first end stands.
            .filter(is_open());
        // Why it ran at all (a catch-up) is not overwritten by nothing.
        let update = match &end.reason {
            Some(reason) => update.col_expr(runs::Column::Reason, Expr::value(reason.as_str())),
            None => update,
        };
        self.tell("run_ended", update.exec(&self.write))
            .await
            .map(drop)
    }

    /// Outcomes of tasks; one that is there already is replaced.
    pub async fn tasks_ended(
        &self,
        run_id: i64,
        outcomes: &[TaskOutcome],
    ) -> Result<(), StoreError> {
        let rows = outcomes
            .iter()
            .map(|outcome| task_row(run_id, outcome))
            .collect();
        let replace = OnConflict::columns([run_tasks::Column::RunId, run_tasks::Column::Symbol])
            .update_columns([
                run_tasks::Column::Outcome,
                run_tasks::Column::Class,
                run_tasks::Column::Message,
                run_tasks::Column::Calls,
                run_tasks::Column::Retries,
                run_tasks::Column::RateLimited,
                run_tasks::Column::RowsWritten,
                run_tasks::Column::RowsRejected,
                run_tasks::Column::StartedAt,
                run_tasks::Column::DurationMs,
            ])
            .to_owned();
        self.tell("tasks_ended", async {
            let transaction = self.begin().await?;
            Upsert {
                name: "run_tasks",
                on_conflict: replace,
            }
            .run(&transaction, rows)
            .await?;
            transaction.commit().await
        })
        .await
    }

    /// Outcomes of tasks as they were written.
    pub async fn ended_tasks(&self, run_id: i64) -> Result<Vec<TaskOutcome>, StoreError> {
        let query = run_tasks::Entity::find().filter(run_tasks::Column::RunId.eq(run_id));
        let rows = self
            .tell("ended_tasks", read_all(&self.write, query))
            .await?;
        Ok(rows.into_iter().filter_map(outcome).collect())
    }

    /// When a run of the schedule last succeeded.
    pub async fn last_success(
        &self,
        schedule: &ScheduleId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let query = runs::Entity::find()
            .filter(runs::Column::Schedule.eq(schedule.as_str()))
            .filter(runs::Column::FinishedAt.is_not_null())
            .filter(runs::Column::State.eq(RunState::Succeeded.as_str()))
            .order_by_desc(runs::Column::ScheduledFor);
        let row = self
            .ask("last_success", read_one(&self.read, query))
            .await?;
        Ok(row.and_then(|row| row.finished_at).map(to_timestamp))
    }

    /// See [`super::Ledger::failures_in_a_row`].
    pub async fn failures_in_a_row(
        &self,
        schedule: &ScheduleId,
        at_most: u32,
    ) -> Result<u32, StoreError> {
        let resumed_at = self.resumed_at(schedule).await?;
        let ran = [
            RunState::Succeeded,
            RunState::PartlyFailed,
            RunState::Failed,
            RunState::TimedOut,
        ];
        let query = runs::Entity::find()
            .filter(runs::Column::Schedule.eq(schedule.as_str()))
            .filter(runs::Column::FinishedAt.is_not_null())
            .filter(runs::Column::State.is_in(ran.map(RunState::as_str)))
            .order_by_desc(runs::Column::ScheduledFor)
            .limit(u64::from(at_most));
        let rows = self
            .ask("failures_in_a_row", read_all(&self.read, query))
            .await?;
        let counts = |row: &&runs::Model| {
            let ended = row.finished_at.map(to_timestamp);
            let is_failure = RunState::from_name(&row.state).is_some_and(RunState::is_failure);
            is_failure && resumed_at.is_none_or(|since| ended.is_some_and(|at| at >= since))
        };
        let failures = rows.iter().take_while(counts).count();
        Ok(u32::try_from(failures).unwrap_or(u32::MAX))
    }
}

fn task_row(run_id: i64, outcome: &TaskOutcome) -> run_tasks::ActiveModel {
    let (name, class, message, written, rejected) = match &outcome.result {
        TaskResult::Succeeded {
            rows_written,
            rows_rejected,
        } => ("succeeded", None, None, *rows_written, *rows_rejected),
        TaskResult::Failed { class, message } => (
            "failed",
            Some(class.as_str().to_owned()),
            Some(message.clone()),
            0,
            0,
        ),
    };
    run_tasks::ActiveModel {
        run_id: Set(run_id),
        symbol: Set(outcome.symbol.as_str().to_owned()),
        outcome: Set(name.to_owned()),
        class: Set(class),
        message: Set(message),
        calls: Set(to_i32(outcome.calls)),
        retries: Set(to_i32(outcome.retries)),
        rate_limited: Set(to_i32(outcome.rate_limited)),
        rows_written: Set(to_i64(written)),
        rows_rejected: Set(to_i64(rejected)),
        started_at: Set(to_column(outcome.started_at)),
        duration_ms: Set(outcome.duration_ms),
    }
}

fn outcome(row: run_tasks::Model) -> Option<TaskOutcome> {
    let count = |number: i32| u32::try_from(number).unwrap_or(0);
    let rows = |number: i64| u64::try_from(number).unwrap_or(0);
    let result = match row.class {
        None => TaskResult::Succeeded {
            rows_written: rows(row.rows_written),
            rows_rejected: rows(row.rows_rejected),
        },
        Some(class) => TaskResult::Failed {
            class: FaultClass::from_name(&class).unwrap_or(FaultClass::Internal),
            message: row.message.unwrap_or_default(),
        },
    };
    let Ok(symbol) = Symbol::try_new(&row.symbol) else {
        note_unknown("run_tasks", &row.run_id, "symbol", &row.symbol);
        return None;
    };
    Some(TaskOutcome {
        symbol,
        result,
        calls: count(row.calls),
        retries: count(row.retries),
        rate_limited: count(row.rate_limited),
        started_at: to_timestamp(row.started_at),
        duration_ms: row.duration_ms,
    })
}
