//! The ledger: the one place that decides whether a fire is ours, and what became of it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, PaginatorTrait as _, QueryFilter as _,
    QuerySelect as _,
};

use super::chunks::Upsert;
use super::convert::{to_column, to_i32, to_i64, to_timestamp};
use super::entities::{daemon_epochs, run_tasks, runs};
use super::process;
use super::{Store, StoreError};
use crate::domain::{
    Fire, JobKind, RunOrigin, RunState, RunTotals, ScheduleId, TaskOutcome, TaskResult,
};

/// One start of a daemon or verb: rows name the epoch that claimed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub i64);

/// A fire to be written into the ledger.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The fire.
    pub fire: Fire,
    /// The schedule's job.
    pub job: JobKind,
    /// What made it due.
    pub origin: RunOrigin,
    /// `Claimed`, or the state it ends in at once.
    pub state: RunState,
    /// How late it is, its jitter not counted.
    pub lateness_ms: i64,
    /// Why it is not run, or runs late.
    pub reason: Option<String>,
}

/// A row of the ledger that this epoch has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    /// Its number.
    pub run_id: i64,
    /// Whether it waits to be run; else it has ended or was never to run.
    pub is_open: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// Its final state.
    pub state: RunState,
    /// Sums over its tasks.
    pub totals: RunTotals,
    /// How long it took.
    pub duration_ms: i64,
    /// Why, when it is not plain from the tasks.
    pub reason: Option<String>,
}

impl Store {
    /// Records a start; its id marks every row this process claims.
    pub async fn begin_epoch(&self, now: Timestamp) -> Result<Epoch, StoreError> {
        let row = daemon_epochs::ActiveModel {
            id: NotSet,
            started_at: Set(to_column(now)),
            stopped_at: Set(None),
            process: Set(process::own()),
            version: Set(env!("CARGO_PKG_VERSION").to_owned()),
        };
        let inserted = self
            .tell(
                "epoch",
                daemon_epochs::Entity::insert(row).exec(&self.write),
            )
            .await?;
        Ok(Epoch(inserted.last_insert_id))
    }

    /// Records an orderly stop.
    pub async fn end_epoch(&self, epoch: Epoch, now: Timestamp) -> Result<(), StoreError> {
        let update = daemon_epochs::Entity::update_many()
            .col_expr(
                daemon_epochs::Column::StoppedAt,
                Expr::value(to_column(now)),
            )
            .filter(daemon_epochs::Column::Id.eq(epoch.0));
        self.tell("epoch", update.exec(&self.write)).await.map(drop)
    }

    /// Closes what dead daemons left open: runs of epochs before `epoch` that never stopped and
    /// whose process is gone become `abandoned`. Gives how many.
    pub async fn abandon_dead_runs(&self, epoch: Epoch, now: Timestamp) -> Result<u64, StoreError> {
        let open =
            runs::Column::State.is_in([RunState::Claimed, RunState::Running].map(RunState::as_str));
        let living: Vec<i64> = self.living_epochs(epoch).await?;
        let filter = open.and(runs::Column::Epoch.is_not_in(living));
        let query = runs::Entity::find()
            .filter(filter.clone())
            .count(&self.write);
        let count = self.tell("abandon", query).await?;
        if count > 0 {
            let update = runs::Entity::update_many()
                .col_expr(
                    runs::Column::State,
                    Expr::value(RunState::Abandoned.as_str()),
                )
                .col_expr(runs::Column::FinishedAt, Expr::value(to_column(now)))
                .col_expr(runs::Column::Reason, Expr::value("its daemon died"))
                .filter(filter);
            self.tell("abandon", update.exec(&self.write)).await?;
        }
        Ok(count)
    }

    /// How many other processes with an epoch of their own are alive.
    pub async fn companions(&self, own: Epoch) -> Result<usize, StoreError> {
        Ok(self.living_epochs(own).await?.len().saturating_sub(1))
    }

    /// This epoch, and others whose process still lives (a verb running beside the daemon).
    async fn living_epochs(&self, own: Epoch) -> Result<Vec<i64>, StoreError> {
        let open = daemon_epochs::Entity::find().filter(daemon_epochs::Column::StoppedAt.is_null());
        let rows = self.tell("epoch", open.all(&self.write)).await?;
        // One process has one living epoch: its earlier ones are over.
        let this = process::own();
        let alive = |row: &daemon_epochs::Model| {
            row.id == own.0 || (row.process != this && process::is_alive(&row.process))
        };
        Ok(rows
            .iter()
            .filter(|row| alive(row))
            .map(|row| row.id)
            .collect())
    }

    /// Writes all `claims` in one transaction and tells which of them are ours: a fire that another
    /// epoch has written is not. One that this epoch has written before is, with the state it was
    /// given then: the caller acts on that, not on what it would decide now.
    pub async fn claim(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<BTreeMap<(ScheduleId, Timestamp), Ours>, StoreError> {
        if claims.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows: Vec<runs::ActiveModel> = claims
            .iter()
            .map(|claim| claim_row(claim, epoch, now))
            .collect();
        let instants = claims.iter().map(|claim| claim.fire.scheduled_for);
        let first = instants.clone().min().unwrap_or_default();
        let last = instants.max().unwrap_or_default();
        let on_conflict = OnConflict::columns([runs::Column::Schedule, runs::Column::ScheduledFor])
            .do_nothing_on([runs::Column::Id])
            .to_owned();
        let written = runs::Entity::find()
            .select_only()
            .columns([runs::Column::Id, runs::Column::Schedule])
            .columns([runs::Column::ScheduledFor, runs::Column::State])
            .filter(runs::Column::Epoch.eq(epoch.0))
            .filter(runs::Column::ScheduledFor.between(to_column(first), to_column(last)));
        let written: Vec<(i64, String, sea_orm::prelude::DateTimeUtc, String)> = self
            .tell("claim", async {
                let transaction = self.begin().await?;
                Upsert {
                    name: "runs",
                    on_conflict,
                }
                .run(&transaction, rows)
                .await?;
                let written = written.into_tuple().all(&transaction).await?;
                transaction.commit().await?;
                Ok(written)
            })
            .await?;
        let written: HashMap<(String, sea_orm::prelude::DateTimeUtc), Ours> = written
            .into_iter()
            .map(|(run_id, schedule, at, state)| {
                let is_open = state == RunState::Claimed.as_str();
                ((schedule, at), Ours { run_id, is_open })
            })
            .collect();
        // By what was asked: the query also finds fires of this epoch's earlier claims, and the
        // column is coarser than an instant.
        let ours = claims.iter().filter_map(|claim| {
            let Fire {
                schedule,
                scheduled_for,
            } = &claim.fire;
            let key = (schedule.as_str().to_owned(), to_column(*scheduled_for));
            Some(((schedule.clone(), *scheduled_for), *written.get(&key)?))
        });
        Ok(ours.collect())
    }

    /// The newest fire of each schedule the ledger knows, manual runs left out.
    pub async fn latest_fires(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let planned = [RunOrigin::Schedule, RunOrigin::CatchUp].map(RunOrigin::as_str);
        let query = runs::Entity::find()
            .select_only()
            .column(runs::Column::Schedule)
            .column_as(runs::Column::ScheduledFor.max(), "latest")
            .filter(runs::Column::Trigger.is_in(planned))
            .group_by(runs::Column::Schedule)
            .into_tuple::<(String, sea_orm::prelude::DateTimeUtc)>();
        let rows = self.tell("latest_fires", query.all(&self.write)).await?;
        Ok(rows
            .into_iter()
            .map(|(schedule, at)| (schedule, to_timestamp(at)))
            .collect())
    }

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
            .filter(runs::Column::Id.eq(run_id));
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
            .filter(runs::Column::Id.eq(run_id));
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
}

fn claim_row(claim: &Claim, epoch: Epoch, now: Timestamp) -> runs::ActiveModel {
    let ended = claim.state.is_terminal().then(|| to_column(now));
    runs::ActiveModel {
        id: NotSet,
        schedule: Set(claim.fire.schedule.as_str().to_owned()),
        job: Set(claim.job.as_str().to_owned()),
        trigger: Set(claim.origin.as_str().to_owned()),
        scheduled_for: Set(to_column(claim.fire.scheduled_for)),
        state: Set(claim.state.as_str().to_owned()),
        claimed_at: Set(to_column(now)),
        started_at: Set(None),
        finished_at: Set(ended),
        duration_ms: Set(None),
        lateness_ms: Set(claim.lateness_ms),
        epoch: Set(epoch.0),
        reason: Set(claim.reason.clone()),
        tasks_total: Set(0),
        tasks_succeeded: Set(0),
        tasks_failed: Set(0),
        calls: Set(0),
        retries: Set(0),
        rate_limited: Set(0),
        rows_written: Set(0),
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
