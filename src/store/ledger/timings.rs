//! Since when a schedule fires as it does: without this a start could not tell a schedule that is
//! new from one whose first fire was missed, nor times that were changed from times that were.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait as _};

use super::{KnownTiming, Timing};
use crate::domain::ScheduleId;
use crate::store::chunks::Upsert;
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::schedule_timings;
use crate::store::readable::read_all;
use crate::store::{Store, StoreError};

impl Store {
    /// See [`super::Ledger::note_timings`].
    pub async fn note_timings(
        &self,
        timings: &[Timing],
        now: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, KnownTiming>, StoreError> {
        self.tell_first("timings", async {
            let transaction = self.begin().await?;
            let rows = read_all(&transaction, schedule_timings::Entity::find()).await?;
            let before: HashMap<&str, &schedule_timings::Model> = rows
                .iter()
                .map(|row| (row.schedule.as_str(), row))
                .collect();
            let mut known = BTreeMap::new();
            let mut changed = Vec::new();
            for Timing {
                schedule,
                words,
                since,
            } in timings
            {
                let row = before.get(schedule.as_str());
                if let Some(row) = row.filter(|row| row.timing == *words) {
                    known.insert(
                        schedule.clone(),
                        KnownTiming::Since(to_timestamp(row.since)),
                    );
                    continue;
                }
                if row.is_some() {
                    known.insert(schedule.clone(), KnownTiming::Changed);
                }
                changed.push(schedule_timings::ActiveModel {
                    schedule: Set(schedule.as_str().to_owned()),
                    timing: Set(words.clone()),
                    since: Set(to_column(if row.is_some() { now } else { *since })),
                });
            }
            let replace = OnConflict::column(schedule_timings::Column::Schedule)
                .update_columns([
                    schedule_timings::Column::Timing,
                    schedule_timings::Column::Since,
                ])
                .to_owned();
            Upsert {
                name: "schedule_timings",
                on_conflict: replace,
            }
            .run(&transaction, changed)
            .await?;
            transaction.commit().await?;
            Ok(known)
        })
        .await
    }
}
