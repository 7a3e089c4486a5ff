//! Which symbols took longest and what failed, by what the tasks left in the ledger.

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use serde::Serialize;

use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::{resource_samples, run_tasks, runs};
use crate::store::readable::{read_one, read_rows};
use crate::store::{Store, StoreError};

/// Symbols told of.
const SLOWEST: u64 = 15;

/// A symbol whose tasks took long.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolReport {
    /// The symbol.
    pub symbol: String,
    /// Its tasks.
    pub tasks: i64,
    /// Those that failed.
    pub failed: i64,
    /// Mean duration, the wait for the upstream's turn included, ms.
    pub duration_mean_ms: f64,
    /// Longest duration, ms.
    pub duration_max_ms: i64,
}

/// What went wrong, by class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultReport {
    /// The class.
    pub class: String,
    /// Tasks that failed with it.
    pub tasks: i64,
    /// Symbols they were for.
    pub symbols: i64,
    /// When the newest of them began.
    pub last_at: Option<Timestamp>,
    /// Its symbol.
    pub last_symbol: Option<String>,
    /// Why, in words.
    pub last_message: Option<String>,
}

impl Store {
    /// The symbols whose tasks took longest on average, in runs claimed since `since`.
    pub async fn slowest_symbols(&self, since: Timestamp) -> Result<Vec<SymbolReport>, StoreError> {
        use run_tasks::Column;
        let Some(first) = self.first_run_since(since).await? else {
            return Ok(Vec::new());
        };
        // Times one, so that every database gives a number with a fraction.
        let mean = || Func::avg(Expr::col(Column::DurationMs).mul(1.0_f64));
        let query = run_tasks::Entity::find()
            .select_only()
            .column(Column::Symbol)
            .column_as(Column::Symbol.count(), "tasks")
            .column_as(Column::Class.count(), "failed")
            .column_as(Expr::expr(mean()), "mean_ms")
            .column_as(Column::DurationMs.max(), "max_ms")
            .filter(Column::RunId.gte(first))
            .group_by(Column::Symbol)
            .order_by_desc(Expr::expr(mean()))
            .order_by_asc(Column::Symbol)
            .limit(SLOWEST);
        let rows = read_rows(&self.read, query, |row| {
            Ok(SymbolReport {
                symbol: row.try_get_by_index(0)?,
                tasks: row.try_get_by_index(1)?,
                failed: row.try_get_by_index(2)?,
                duration_mean_ms: row.try_get_by_index(3)?,
                duration_max_ms: row.try_get_by_index(4)?,
            })
        });
        self.ask("report", rows).await
    }

    /// What went wrong in runs claimed since `since`, the most frequent first.
    pub async fn fault_reports(&self, since: Timestamp) -> Result<Vec<FaultReport>, StoreError> {
        use run_tasks::Column;
        let Some(first) = self.first_run_since(since).await? else {
            return Ok(Vec::new());
        };
        let distinct = Func::count_distinct(Expr::col(Column::Symbol));
        let query = run_tasks::Entity::find()
            .select_only()
            .column(Column::Class)
            .column_as(Column::Class.count(), "tasks")
            .column_as(Expr::expr(distinct), "symbols")
            .column_as(Column::RunId.max(), "newest")
            .filter(Column::RunId.gte(first))
            .filter(Column::Class.is_not_null())
            .group_by(Column::Class);
        let rows = read_rows(&self.read, query, |row| {
            let report = FaultReport {
                class: row.try_get_by_index(0)?,
                tasks: row.try_get_by_index(1)?,
                symbols: row.try_get_by_index(2)?,
                last_at: None,
                last_symbol: None,
                last_message: None,
            };
            Ok((report, row.try_get_by_index::<i64>(3)?))
        });
        let rows = self.ask("report", rows).await?;
        let mut reports = Vec::with_capacity(rows.len());
        for (mut report, newest) in rows {
            let query = run_tasks::Entity::find()
                .filter(Column::RunId.eq(newest))
                .filter(Column::Class.eq(report.class.as_str()))
                .order_by_asc(Column::Symbol);
            if let Some(task) = self.ask("report", read_one(&self.read, query)).await? {
                report.last_at = Some(to_timestamp(task.started_at));
                report.last_symbol = Some(task.symbol);
                report.last_message = task.message;
            }
            reports.push(report);
        }
        reports.sort_by(|one, other| {
            let frequent = other.tasks.cmp(&one.tasks);
            frequent.then_with(|| one.class.cmp(&other.class))
        });
        Ok(reports)
    }

    /// The number of the first run claimed since: numbers grow, and tasks are found by them.
    async fn first_run_since(&self, since: Timestamp) -> Result<Option<i64>, StoreError> {
        let query = runs::Entity::find()
            .select_only()
            .column_as(runs::Column::Id.min(), "first")
            .filter(runs::Column::ClaimedAt.gte(to_column(since)));
        let rows = read_rows(&self.read, query, |row| row.try_get_by_index(0));
        let first: Vec<Option<i64>> = self.ask("report", rows).await?;
        Ok(first.into_iter().flatten().next())
    }

    /// When the first run since `since` was claimed, or the first sample taken: where curves have
    /// something to show.
    pub async fn first_record_since(
        &self,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let since = to_column(since);
        let claim = runs::Entity::find()
            .select_only()
            .column_as(runs::Column::ClaimedAt.min(), "first")
            .filter(runs::Column::ClaimedAt.gte(since));
        let claims = read_rows(&self.read, claim, |row| row.try_get_by_index(0));
        let mut first: Vec<Option<DateTimeUtc>> = self.ask("report", claims).await?;
        let sample = resource_samples::Entity::find()
            .select_only()
            .column_as(resource_samples::Column::At.min(), "first")
            .filter(resource_samples::Column::At.gte(since));
        let samples = read_rows(&self.read, sample, |row| row.try_get_by_index(0));
        let samples: Vec<Option<DateTimeUtc>> = self.ask("report", samples).await?;
        first.extend(samples);
        Ok(first.into_iter().flatten().min().map(to_timestamp))
    }
}
