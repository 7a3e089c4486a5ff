//! How many bars there are of each symbol, from when to when, and how many rows are held.

use sea_orm::prelude::Date;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, QueryFilter as _,
    QuerySelect as _, QueryTrait as _,
};

use super::entities::daily_bars::{Column, Entity};
use super::entities::quarantine;
use super::readable::{fault, read_columns};
use super::{Store, StoreError};
use crate::domain::QuarantineState;

/// Symbol, bars, first and last.
pub(super) type BarCount = (String, i64, Option<Date>, Option<Date>);

impl Store {
    /// The bars of every symbol that has any. Where the first or last date cannot be read, those of
    /// the others are told.
    pub(super) async fn bar_counts(&self) -> Result<Vec<BarCount>, StoreError> {
        let query = Entity::find()
            .select_only()
            .column(Column::Symbol)
            .column_as(Column::TradingDate.count(), "bars")
            .column_as(Column::TradingDate.min(), "first_bar")
            .column_as(Column::TradingDate.max(), "last_bar")
            .group_by(Column::Symbol);
        let statement = query.build(self.read.get_database_backend());
        self.ask("symbols", async {
            let rows = self.read.query_all_raw(statement).await?;
            let mut counts = Vec::with_capacity(rows.len());
            for row in &rows {
                match row.try_get_many_by_index::<BarCount>() {
                    Ok(count) => counts.push(count),
                    Err(error) if fault(row, &error).is_some() => {
                        counts.extend(self.counted_singly(row.try_get_by_index(0)).await?);
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(counts)
        })
        .await
    }

    /// The source of the newest bar of every symbol that has any.
    pub async fn newest_sources(&self) -> Result<Vec<(String, String)>, StoreError> {
        let newest = Entity::find()
            .select_only()
            .column(Column::Symbol)
            .column_as(Column::TradingDate.max(), "last_bar")
            .group_by(Column::Symbol)
            .into_query();
        let key = [Column::Symbol, Column::TradingDate].map(|one| Expr::col((Entity, one)));
        let query = Entity::find()
            .select_only()
            .columns([Column::Symbol, Column::Source])
            .filter(Expr::tuple(key).in_subquery(newest));
        self.ask("symbols", read_columns(&self.read, query)).await
    }

    /// How many rows of each symbol are held in quarantine.
    pub(super) async fn held_rows(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let query = quarantine::Entity::find()
            .select_only()
            .column(quarantine::Column::Symbol)
            .column_as(quarantine::Column::Id.count(), "rows_held")
            .filter(quarantine::Column::State.eq(QuarantineState::Held.as_str()))
            .group_by(quarantine::Column::Symbol)
            .into_tuple();
        self.ask("symbols", query.all(&self.read)).await
    }

    /// Counts the bars of one symbol whose dates can be read; the others are named.
    async fn counted_singly(
        &self,
        symbol: Result<String, DbErr>,
    ) -> Result<Option<BarCount>, DbErr> {
        let Ok(symbol) = symbol else {
            return Ok(None);
        };
        let query = Entity::find()
            .select_only()
            .column(Column::TradingDate)
            .filter(Column::Symbol.eq(symbol.as_str()));
        let dates: Vec<Date> = read_columns(&self.read, query).await?;
        let count = i64::try_from(dates.len()).unwrap_or(i64::MAX);
        let (first, last) = (dates.iter().min().copied(), dates.iter().max().copied());
        Ok(Some((symbol, count, first, last)))
    }
}
