//! Which runs of a schedule still have to be followed by another.

use std::collections::HashSet;

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::domain::{RunOrigin, RunState, ScheduleId};
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::runs;
use crate::store::{Store, StoreError};

/// Runs of one leader looked at: of more, the newest.
const MOST_RUNS: u64 = 10_000;

impl Store {
    /// See [`super::Ledger::unfollowed`].
    pub async fn unfollowed(
        &self,
        leader: &ScheduleId,
        follower: &ScheduleId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Timestamp>, StoreError> {
        use runs::Column;
        let done = RunState::ALL
            .into_iter()
            .filter(|state| state.has_done_some());
        let planned = RunOrigin::ALL.into_iter().filter(|one| one.is_planned());
        let led = runs::Entity::find()
            .select_only()
            .column(Column::ScheduledFor)
            .filter(Column::Schedule.eq(leader.as_str()))
            .filter(Column::FinishedAt.between(to_column(since), to_column(until)))
            .filter(Column::State.is_in(done.map(RunState::as_str)))
            .filter(Column::Trigger.is_in(planned.map(RunOrigin::as_str)))
            .order_by_desc(Column::ScheduledFor)
            .limit(MOST_RUNS)
            .into_tuple::<DateTimeUtc>();
        let mut led = self.ask("unfollowed", led.all(&self.read)).await?;
        let Some(oldest) = led.last().copied() else {
            return Ok(Vec::new());
        };
        let known = runs::Entity::find()
            .select_only()
            .column(Column::ScheduledFor)
            .filter(Column::Schedule.eq(follower.as_str()))
            .filter(Column::ScheduledFor.gte(oldest))
            .into_tuple::<DateTimeUtc>();
        let known = self.ask("unfollowed", known.all(&self.read)).await?;
        let known: HashSet<DateTimeUtc> = known.into_iter().collect();
        led.reverse();
        let open = led.into_iter().filter(|at| !known.contains(at));
        Ok(open.map(to_timestamp).collect())
    }
}
