//! Runs that a dead daemon left open: found, and taken over or closed, by one start only.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use super::{Epoch, Interrupted, Recovery};
use crate::domain::{Fire, RunOrigin, RunState, ScheduleId};
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::runs;
use crate::store::readable::{note_unknown, read_all};
use crate::store::{Store, StoreError};

impl Store {
    /// See [`super::Ledger::interrupted`].
    pub async fn interrupted(&self, own: Epoch) -> Result<Vec<Interrupted>, StoreError> {
        // Rows of our own that are open before we have claimed any were taken over by a recovery
        // whose answer was lost.
        let mut living = self.living_epochs(own).await?;
        living.retain(|epoch| *epoch != own.0);
        let query = runs::Entity::find()
            .filter(is_open())
            .filter(runs::Column::Epoch.is_not_in(living))
            .order_by_asc(runs::Column::ScheduledFor)
            .order_by_asc(runs::Column::Id);
        let rows = self
            .tell("interrupted", read_all(&self.write, query))
            .await?;
        Ok(rows.iter().filter_map(interrupted).collect())
    }

    /// See [`super::Ledger::recover`].
    pub async fn recover(
        &self,
        recoveries: &[Recovery],
        own: Epoch,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        if recoveries.is_empty() {
            return Ok(Vec::new());
        }
        self.tell("recover", async {
            let transaction = self.begin().await?;
            let mut ours = Vec::with_capacity(recoveries.len());
            for recovery in recoveries {
                let update = runs::Entity::update_many()
                    .col_expr(runs::Column::Epoch, Expr::value(own.0))
                    .col_expr(runs::Column::Reason, Expr::value(recovery.reason.as_str()))
                    .filter(runs::Column::Id.eq(recovery.run_id))
                    .filter(runs::Column::Epoch.eq(recovery.from.0))
                    .filter(is_open());
                let state = |state: RunState| Expr::value(state.as_str());
                let update = if recovery.is_resumed {
                    update.col_expr(runs::Column::State, state(RunState::Claimed))
                } else {
                    update
                        .col_expr(runs::Column::State, state(RunState::Abandoned))
                        .col_expr(runs::Column::FinishedAt, Expr::value(to_column(now)))
                };
                if update.exec(&transaction).await?.rows_affected > 0 {
                    ours.push(recovery.run_id);
                }
            }
            transaction.commit().await?;
            Ok(ours)
        })
        .await
    }
}

impl Store {
    /// See [`super::Ledger::forget_after`].
    pub async fn forget_after(&self, now: Timestamp) -> Result<u64, StoreError> {
        let unrun = RunState::ALL.into_iter().filter(|state| state.is_unrun());
        let planned = [RunOrigin::Schedule, RunOrigin::CatchUp].map(RunOrigin::as_str);
        let delete = runs::Entity::delete_many()
            .filter(runs::Column::ScheduledFor.gt(to_column(now)))
            .filter(runs::Column::State.is_in(unrun.map(RunState::as_str)))
            .filter(runs::Column::Trigger.is_in(planned));
        let deleted = self.tell_first("forget_after", delete.exec(&self.write));
        Ok(deleted.await?.rows_affected)
    }
}

pub(super) fn is_open() -> Expr {
    runs::Column::State.is_in([RunState::Claimed, RunState::Running].map(RunState::as_str))
}

fn interrupted(row: &runs::Model) -> Option<Interrupted> {
    let Some(origin) = RunOrigin::from_name(&row.trigger) else {
        note_unknown("runs", &row.id, "trigger", &row.trigger);
        return None;
    };
    let Ok(schedule) = ScheduleId::try_new(&row.schedule) else {
        note_unknown("runs", &row.id, "schedule", &row.schedule);
        return None;
    };
    Some(Interrupted {
        run_id: row.id,
        fire: Fire {
            schedule,
            scheduled_for: to_timestamp(row.scheduled_for),
        },
        origin,
        epoch: Epoch(row.epoch),
        lateness_ms: row.lateness_ms,
    })
}
