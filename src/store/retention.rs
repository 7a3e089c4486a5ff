//! Removing what is older than `[history]` says, a little at a time.
//!
//! The age of a row is asked of the row itself, so a changed value holds for old rows too. Never
//! removed: a schedule's newest planned row (the planner goes on from it, whenever it is back),
//! rows that are still open, and the epochs that rows name. What of prices goes is in `series.rs`.

mod series;

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Alias, Expr, IntoColumnRef as _, Query};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait, ExprTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use serde::Serialize;

use super::convert::to_column;
use super::entities::{duration_rollups, resource_samples, run_tasks, runs};
use super::{Store, StoreError};
use crate::clock::signed;
use crate::config::HistorySettings;
use crate::domain::{RunOrigin, RunState};

/// Rows of one transaction at most: it holds the write lock for some milliseconds.
const BATCH_ROWS: u64 = 1_000;

/// Pause after each, so that other writers, those of other processes too, have their turn.
const BATCH_PAUSE: Duration = Duration::from_millis(10);

/// How many rows were removed, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Rows of the ledger.
    pub runs: u64,
    /// Outcomes of single symbols.
    pub tasks: u64,
    /// Resource samples.
    pub samples: u64,
    /// Roll-ups of durations.
    pub durations: u64,
    /// Price alerts that are over.
    pub alerts: u64,
    /// Gaps whose bar has come.
    pub gaps: u64,
    /// Final bars as they were before they were replaced.
    pub revisions: u64,
}

impl Pruned {
    /// Whether there was nothing to remove.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn count(&mut self, more: Self) {
        self.runs += more.runs;
        self.tasks += more.tasks;
        self.samples += more.samples;
        self.durations += more.durations;
        self.alerts += more.alerts;
        self.gaps += more.gaps;
        self.revisions += more.revisions;
    }
}

/// Rows before these instants are too old.
#[derive(Clone, Copy)]
struct Cutoffs {
    runs: DateTimeUtc,
    tasks: DateTimeUtc,
    samples: DateTimeUtc,
    durations: DateTimeUtc,
    alerts: DateTimeUtc,
    gaps: DateTimeUtc,
    revisions: DateTimeUtc,
}

impl Cutoffs {
    fn new(history: &HistorySettings, now: Timestamp) -> Self {
        let before =
            |keep: Duration| to_column(now.saturating_sub(signed(keep)).unwrap_or(Timestamp::MIN));
        Self {
            runs: before(history.runs),
            tasks: before(history.tasks.min(history.runs)),
            samples: before(history.samples),
            durations: before(history.durations),
            alerts: before(history.alerts),
            gaps: before(history.gaps),
            revisions: before(history.revisions),
        }
    }
}

impl Store {
    /// Removes what is older than `history` says, at most 1,000 rows a transaction. Before each
    /// batch `go_on` is asked; what is left when it says no is found the next time.
    pub async fn prune(
        &self,
        history: &HistorySettings,
        now: Timestamp,
        go_on: impl Fn() -> bool,
    ) -> Result<Pruned, StoreError> {
        let cutoffs = Cutoffs::new(history, now);
        let newest = self.newest_run_before(cutoffs.tasks).await?;
        let mut pruned = Pruned::default();
        while go_on() {
            let batch = self.prune_batch(&cutoffs, newest).await?;
            if batch.is_empty() {
                break;
            }
            pruned.count(batch);
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        Ok(pruned)
    }

    /// What [`Self::prune`] would remove now.
    pub async fn prunable(
        &self,
        history: &HistorySettings,
        now: Timestamp,
    ) -> Result<Pruned, StoreError> {
        let cutoffs = Cutoffs::new(history, now);
        let tasks = match self.newest_run_before(cutoffs.tasks).await? {
            Some(newest) => self.count(old_tasks(newest, cutoffs.tasks)).await?,
            None => 0,
        };
        Ok(Pruned {
            runs: self.count(old_runs(cutoffs.runs)).await?,
            tasks,
            samples: self.count(old_samples(cutoffs.samples)).await?,
            durations: self.count(old_durations(cutoffs.durations)).await?,
            alerts: self.count(series::old_alerts(cutoffs.alerts)).await?,
            gaps: self.count(series::old_gaps(cutoffs.gaps)).await?,
            revisions: self.count(series::old_revisions(cutoffs.revisions)).await?,
        })
    }

    /// One batch of each kind. A run goes after its tasks, so that no batch is larger for a run of
    /// many symbols.
    async fn prune_batch(
        &self,
        cutoffs: &Cutoffs,
        newest: Option<i64>,
    ) -> Result<Pruned, StoreError> {
        let tasks = match newest {
            Some(newest) => self.prune_tasks(newest, cutoffs.tasks).await?,
            None => 0,
        };
        let runs = if tasks == 0 {
            self.prune_runs(cutoffs.runs).await?
        } else {
            0
        };
        Ok(Pruned {
            runs,
            tasks,
            samples: self.prune_samples(cutoffs.samples).await?,
            durations: self.prune_durations(cutoffs.durations).await?,
            alerts: self.prune_alerts(cutoffs.alerts).await?,
            gaps: self.prune_gaps(cutoffs.gaps).await?,
            revisions: self.prune_revisions(cutoffs.revisions).await?,
        })
    }

    async fn prune_tasks(&self, newest: i64, before: DateTimeUtc) -> Result<u64, StoreError> {
        let keys = old_tasks(newest, before)
            .select_only()
            .columns([run_tasks::Column::RunId, run_tasks::Column::Symbol])
            .order_by_asc(run_tasks::Column::RunId)
            .order_by_asc(run_tasks::Column::Symbol)
            .limit(BATCH_ROWS)
            .into_tuple::<(i64, String)>();
        let keys = self.ask("prune", keys.all(&self.read)).await?;
        let Some(last) = keys.last().map(|(run_id, _)| *run_id) else {
            return Ok(0);
        };
        // In order of run: all but the last are here with all their tasks.
        let mut whole: Vec<i64> = keys.iter().map(|(run_id, _)| *run_id).collect();
        whole.dedup();
        whole.retain(|run_id| *run_id != last);
        let rest = keys.into_iter().filter(|(run_id, _)| *run_id == last);
        let rest: Vec<String> = rest.map(|(_, symbol)| symbol).collect();
        let whole = run_tasks::Entity::delete_many().filter(run_tasks::Column::RunId.is_in(whole));
        let rest = run_tasks::Entity::delete_many()
            .filter(run_tasks::Column::RunId.eq(last))
            .filter(run_tasks::Column::Symbol.is_in(rest));
        self.tell("prune", async {
            let transaction = self.begin().await?;
            let whole = whole.exec(&transaction).await?.rows_affected;
            let rest = rest.exec(&transaction).await?.rows_affected;
            transaction.commit().await?;
            Ok(whole + rest)
        })
        .await
    }

    async fn prune_runs(&self, before: DateTimeUtc) -> Result<u64, StoreError> {
        let ids = old_runs(before)
            .select_only()
            .column(runs::Column::Id)
            .order_by_asc(runs::Column::ClaimedAt)
            .limit(BATCH_ROWS)
            .into_tuple::<i64>();
        let ids = self.ask("prune", ids.all(&self.read)).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        // What was written for them since their tasks went.
        let tasks =
            run_tasks::Entity::delete_many().filter(run_tasks::Column::RunId.is_in(ids.clone()));
        let rows = runs::Entity::delete_many().filter(runs::Column::Id.is_in(ids));
        self.tell("prune", async {
            let transaction = self.begin().await?;
            tasks.exec(&transaction).await?;
            let removed = rows.exec(&transaction).await?.rows_affected;
            transaction.commit().await?;
            Ok(removed)
        })
        .await
    }

    async fn prune_samples(&self, before: DateTimeUtc) -> Result<u64, StoreError> {
        use resource_samples::Column;
        let ids = old_samples(before)
            .select_only()
            .column(Column::Id)
            .order_by_asc(Column::At)
            .limit(BATCH_ROWS)
            .into_tuple::<i64>();
        let ids = self.ask("prune", ids.all(&self.read)).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let delete = resource_samples::Entity::delete_many().filter(Column::Id.is_in(ids));
        let deleted = self.tell("prune", delete.exec(&self.write)).await?;
        Ok(deleted.rows_affected)
    }

    async fn prune_durations(&self, before: DateTimeUtc) -> Result<u64, StoreError> {
        use duration_rollups::Column;
        let ids = old_durations(before)
            .select_only()
            .column(Column::Id)
            .order_by_asc(Column::At)
            .limit(BATCH_ROWS)
            .into_tuple::<i64>();
        let ids = self.ask("prune", ids.all(&self.read)).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let delete = duration_rollups::Entity::delete_many().filter(Column::Id.is_in(ids));
        let deleted = self.tell("prune", delete.exec(&self.write)).await?;
        Ok(deleted.rows_affected)
    }

    /// The highest number of a run claimed before that instant: tasks are keyed by run, and those
    /// of later runs need not be looked at.
    async fn newest_run_before(&self, before: DateTimeUtc) -> Result<Option<i64>, StoreError> {
        let query = runs::Entity::find()
            .select_only()
            .column_as(runs::Column::Id.max(), "newest")
            .filter(runs::Column::ClaimedAt.lt(before))
            .into_tuple::<Option<i64>>();
        let newest = self.ask("prune", query.one(&self.read)).await?;
        Ok(newest.flatten())
    }

    async fn count<E>(&self, rows: Select<E>) -> Result<u64, StoreError>
    where
        E: EntityTrait,
        E::Model: Send + Sync,
    {
        self.ask("prune", rows.count(&self.read)).await
    }
}

fn open_states() -> [&'static str; 2] {
    [RunState::Claimed, RunState::Running].map(RunState::as_str)
}

/// Closed runs claimed before that instant, each schedule's newest planned row left out: one of
/// those has no later planned row of the same schedule.
fn old_runs(before: DateTimeUtc) -> Select<runs::Entity> {
    let planned = [RunOrigin::Schedule, RunOrigin::CatchUp].map(RunOrigin::as_str);
    let later = Alias::new("later");
    let of_later = |column: runs::Column| (later.clone(), column).into_column_ref();
    let of_row = |column: runs::Column| (runs::Entity, column).into_column_ref();
    let of_later_one = |column: runs::Column| Expr::col(of_later(column));
    // Ended and open ones apart: each kind is found by an index of its own.
    let ended = of_later_one(runs::Column::FinishedAt).is_not_null();
    let open = of_later_one(runs::Column::State).is_in(open_states());
    let newer_one = |kind: Expr| {
        let newer = Query::select()
            .expr(Expr::value(1))
            .from_as(runs::Entity, later.clone())
            .and_where(
                of_later_one(runs::Column::Schedule).eq(Expr::col(of_row(runs::Column::Schedule))),
            )
            .and_where(
                of_later_one(runs::Column::ScheduledFor)
                    .gt(Expr::col(of_row(runs::Column::ScheduledFor))),
            )
            .and_where(of_later_one(runs::Column::Trigger).is_in(planned))
            .and_where(kind)
            .take();
        Expr::exists(newer)
    };
    runs::Entity::find()
        .filter(runs::Column::ClaimedAt.lt(before))
        .filter(runs::Column::State.is_not_in(open_states()))
        .filter(
            Condition::any()
                .add(runs::Column::Trigger.is_not_in(planned))
                .add(newer_one(ended))
                .add(newer_one(open)),
        )
}

/// Tasks of runs up to `newest`, but those of runs that are younger after all (the clock was set
/// back) or still open.
fn old_tasks(newest: i64, before: DateTimeUtc) -> Select<run_tasks::Entity> {
    let kept = Query::select()
        .expr(Expr::value(1))
        .from(runs::Entity)
        .and_where(
            Expr::col((runs::Entity, runs::Column::Id))
                .eq(Expr::col((run_tasks::Entity, run_tasks::Column::RunId))),
        )
        .cond_where(
            Condition::any()
                .add(runs::Column::ClaimedAt.gte(before))
                .add(runs::Column::State.is_in(open_states())),
        )
        .take();
    run_tasks::Entity::find()
        .filter(run_tasks::Column::RunId.lte(newest))
        .filter(Expr::exists(kept).not())
}

fn old_samples(before: DateTimeUtc) -> Select<resource_samples::Entity> {
    resource_samples::Entity::find().filter(resource_samples::Column::At.lt(before))
}

fn old_durations(before: DateTimeUtc) -> Select<duration_rollups::Entity> {
    duration_rollups::Entity::find().filter(duration_rollups::Column::At.lt(before))
}
