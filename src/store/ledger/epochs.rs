//! Starts of daemons and verbs: whose a row is, and whether its owner still lives.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::Epoch;
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::daemon_epochs;
use crate::store::process;
use crate::store::readable::read_all;
use crate::store::{Store, StoreError};

impl Store {
    /// Records a start; its id marks every row this process claims.
    pub async fn begin_epoch(&self, now: Timestamp) -> Result<Epoch, StoreError> {
        let row = daemon_epochs::ActiveModel {
            id: NotSet,
            started_at: Set(to_column(now)),
            stopped_at: Set(None),
            process: Set(process::own()),
            version: Set(env!("CARGO_PKG_VERSION").to_owned()),
            served_at: Set(None),
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

    /// How many other processes with an epoch of their own are alive.
    pub async fn companions(&self, own: Epoch) -> Result<usize, StoreError> {
        Ok(self.living_epochs(own).await?.len().saturating_sub(1))
    }

    /// Records that this is a daemon, which serves from now on, and tells of the one before, when
    /// it ended without saying so: its number, and when it began to serve. So a person is told at
    /// the next start, and at no later one; verbs that ran meanwhile do not count.
    pub async fn begin_serving(
        &self,
        own: Epoch,
        now: Timestamp,
    ) -> Result<Option<(u32, Timestamp)>, StoreError> {
        use daemon_epochs::Column;
        let before = daemon_epochs::Entity::find()
            .filter(Column::Id.lt(own.0))
            .filter(Column::ServedAt.is_not_null())
            .order_by_desc(Column::Id)
            .limit(1);
        let rows = self.ask("epoch", read_all(&self.read, before)).await?;
        let update = daemon_epochs::Entity::update_many()
            .col_expr(Column::ServedAt, Expr::value(to_column(now)))
            .filter(Column::Id.eq(own.0));
        self.tell("epoch", update.exec(&self.write)).await?;
        let dead = rows
            .first()
            .filter(|row| row.stopped_at.is_none() && !process::is_alive(&row.process));
        Ok(dead.and_then(|row| {
            let served_at = to_timestamp(row.served_at?);
            Some((process::number(&row.process), served_at))
        }))
    }

    /// This epoch, and others whose process still lives (a verb running beside the daemon).
    pub(super) async fn living_epochs(&self, own: Epoch) -> Result<Vec<i64>, StoreError> {
        let open = daemon_epochs::Entity::find().filter(daemon_epochs::Column::StoppedAt.is_null());
        let rows = self.tell("epoch", read_all(&self.write, open)).await?;
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
}
