//! What of prices is removed: alerts that are over, gaps that were filled, the trail of old bars.
//!
//! An alert is kept while it holds. A day without trade stays on record: without it the day would be
//! asked for anew. So does a filled gap of a session that was told of as a systemic one while
//! another symbol still lacks it: it is how that session is known to be told.

use sea_orm::prelude::{Date, DateTimeUtc};
use sea_orm::sea_query::{Alias, Expr, IntoColumnRef as _, Query};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};

use super::BATCH_ROWS;
use crate::domain::GapState;
use crate::store::entities::{bar_revisions, gaps, price_alerts};
use crate::store::readable::read_columns;
use crate::store::{Store, StoreError};

impl Store {
    pub(super) async fn prune_alerts(&self, before: DateTimeUtc) -> Result<u64, StoreError> {
        use price_alerts::Column;
        self.prune_some(old_alerts(before), Column::Id, Column::Id)
            .await
    }

    pub(super) async fn prune_revisions(&self, before: DateTimeUtc) -> Result<u64, StoreError> {
        use bar_revisions::Column;
        self.prune_some(old_revisions(before), Column::Id, Column::ReplacedAt)
            .await
    }

    /// Removes a batch of `old` rows, the first ones `by` a column; gives how many.
    async fn prune_some<E: EntityTrait>(
        &self,
        old: Select<E>,
        id: E::Column,
        by: E::Column,
    ) -> Result<u64, StoreError> {
        let ids = old
            .select_only()
            .column(id)
            .order_by_asc(by)
            .limit(BATCH_ROWS)
            .into_tuple::<i64>();
        let ids = self.ask("prune", ids.all(&self.read)).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let delete = E::delete_many().filter(id.is_in(ids));
        let deleted = self.tell("prune", delete.exec(&self.write)).await?;
        Ok(deleted.rows_affected)
    }

    /// Symbol by symbol, so that the key finds the rows.
    pub(super) async fn prune_gaps(&self, before: DateTimeUtc) -> Result<u64, StoreError> {
        use gaps::{Column, Entity};
        let keys = old_gaps(before)
            .select_only()
            .columns([Column::Symbol, Column::TradingDate])
            .order_by_asc(Column::Symbol)
            .order_by_asc(Column::TradingDate)
            .limit(BATCH_ROWS);
        let keys = read_columns::<(String, Date), _, _>(&self.read, keys);
        let keys = self.ask("prune", keys).await?;
        if keys.is_empty() {
            return Ok(0);
        }
        self.tell("prune", async {
            let transaction = self.begin().await?;
            let mut removed = 0;
            for of_one in keys.chunk_by(|one, next| one.0 == next.0) {
                let Some((symbol, _)) = of_one.first() else {
                    continue;
                };
                let dates = of_one.iter().map(|(_, date)| *date);
                // Asked again: it may have been found missing anew meanwhile.
                let delete = Entity::delete_many()
                    .filter(Column::Symbol.eq(symbol.as_str()))
                    .filter(Column::TradingDate.is_in(dates))
                    .filter(Column::State.eq(GapState::Filled.as_str()))
                    .filter(Column::ClosedAt.lt(before));
                removed += delete.exec(&transaction).await?.rows_affected;
            }
            transaction.commit().await?;
            Ok(removed)
        })
        .await
    }
}

/// Alerts that are over and were told before that instant.
pub(super) fn old_alerts(before: DateTimeUtc) -> Select<price_alerts::Entity> {
    use price_alerts::{Column, Entity};
    Entity::find()
        .filter(Column::ToldAt.lt(before))
        .filter(Column::EndedAt.is_not_null())
}

/// Bars replaced before that instant.
pub(super) fn old_revisions(before: DateTimeUtc) -> Select<bar_revisions::Entity> {
    bar_revisions::Entity::find().filter(bar_revisions::Column::ReplacedAt.lt(before))
}

/// Gaps filled before that instant, but those by which a systemic one is known to be told.
pub(super) fn old_gaps(before: DateTimeUtc) -> Select<gaps::Entity> {
    use gaps::{Column, Entity};
    let other = Alias::new("other");
    let of_other = |column: Column| Expr::col((other.clone(), column).into_column_ref());
    let of_row = |column: Column| Expr::col((Entity, column).into_column_ref());
    let same = |column: Column| of_other(column).eq(of_row(column));
    let still_open = Query::select()
        .expr(Expr::value(1))
        .from_as(Entity, other.clone())
        .and_where(same(Column::Calendar))
        .and_where(same(Column::TradingDate))
        .and_where(of_other(Column::State).eq(GapState::Open.as_str()))
        .take();
    Entity::find()
        .filter(Column::State.eq(GapState::Filled.as_str()))
        .filter(Column::ClosedAt.lt(before))
        .filter(
            Condition::any()
                .add(Column::SystemicAt.is_null())
                .add(Expr::exists(still_open).not()),
        )
}
