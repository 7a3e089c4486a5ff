//! Pauses: what an operator said about a schedule while it ran.

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::domain::{Pause, ScheduleId};
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::schedule_state;
use crate::store::readable::{read_all, read_one};
use crate::store::{Store, StoreError};

impl Store {
    /// All pauses, those that are over included.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let paused =
            schedule_state::Entity::find().filter(schedule_state::Column::PausedAt.is_not_null());
        let rows = self.ask("pauses", read_all(&self.read, paused)).await?;
        Ok(rows.into_iter().filter_map(pause).collect())
    }

    /// Pauses a schedule; a pause that is there is replaced.
    pub async fn pause(&self, pause: &Pause) -> Result<(), StoreError> {
        let row = schedule_state::ActiveModel {
            schedule: Set(pause.schedule.as_str().to_owned()),
            paused_at: Set(Some(to_column(pause.paused_at))),
            paused_until: Set(pause.until.map(to_column)),
            paused_by: Set(Some(pause.paused_by.clone())),
            note: Set(pause.note.clone()),
            resumed_at: Set(None),
        };
        let replace = OnConflict::column(schedule_state::Column::Schedule)
            .update_columns([
                schedule_state::Column::PausedAt,
                schedule_state::Column::PausedUntil,
                schedule_state::Column::PausedBy,
                schedule_state::Column::Note,
            ])
            .to_owned();
        let insert = schedule_state::Entity::insert(row).on_conflict(replace);
        self.tell_first("pause", insert.exec_without_returning(&self.write))
            .await
            .map(drop)
    }

    /// Ends a pause.
    pub async fn resume(&self, schedule: &ScheduleId, now: Timestamp) -> Result<(), StoreError> {
        let nothing = || Expr::value(Option::<String>::None);
        let update = schedule_state::Entity::update_many()
            .col_expr(schedule_state::Column::PausedAt, nothing())
            .col_expr(schedule_state::Column::PausedUntil, nothing())
            .col_expr(
                schedule_state::Column::ResumedAt,
                Expr::value(to_column(now)),
            )
            .filter(schedule_state::Column::Schedule.eq(schedule.as_str()));
        self.tell_first("resume", update.exec(&self.write))
            .await
            .map(drop)
    }

    /// When the schedule was last resumed after a pause.
    pub(super) async fn resumed_at(
        &self,
        schedule: &ScheduleId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let find = schedule_state::Entity::find_by_id(schedule.as_str().to_owned());
        let row = self.ask("pauses", read_one(&self.read, find)).await?;
        Ok(row.and_then(|row| row.resumed_at).map(to_timestamp))
    }
}

fn pause(row: schedule_state::Model) -> Option<Pause> {
    Some(Pause {
        schedule: ScheduleId::try_new(&row.schedule).ok()?,
        paused_at: to_timestamp(row.paused_at?),
        until: row.paused_until.map(to_timestamp),
        note: row.note,
        paused_by: row.paused_by.unwrap_or_default(),
    })
}
