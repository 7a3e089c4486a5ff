//! Which runs of a schedule still have to be followed by another.

use std::collections::HashSet;

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};

use crate::domain::{RunState, ScheduleId};
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::{run_tasks, runs};
use crate::store::readable::read_columns;
use crate::store::{Store, StoreError};

/// Runs of one leader looked at: of more, the newest.
const MOST_RUNS: u64 = 10_000;

/// A run of a leader that nobody has followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfollowed {
    /// The instant it was planned for.
    pub scheduled_for: Timestamp,
    /// When it ended: since then its followers are due.
    pub finished_at: Timestamp,
}

impl Store {
    /// See [`super::Ledger::unfollowed`].
    pub async fn unfollowed(
        &self,
        leader: &ScheduleId,
        follower: &ScheduleId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Unfollowed>, StoreError> {
        use runs::Column;
        let led = runs::Entity::find()
            .select_only()
            .columns([Column::ScheduledFor, Column::FinishedAt])
            .filter(Column::Schedule.eq(leader.as_str()))
            .filter(Column::FinishedAt.between(to_column(since), to_column(until)))
            .filter(may_be_followed())
            .order_by_desc(Column::ScheduledFor)
            .limit(MOST_RUNS);
        let led = read_columns::<(DateTimeUtc, DateTimeUtc), _, _>(&self.read, led);
        let mut led = self.ask("unfollowed", led).await?;
        let Some((oldest, _)) = led.last().copied() else {
            return Ok(Vec::new());
        };
        let known = runs::Entity::find()
            .select_only()
            .column(Column::ScheduledFor)
            .filter(Column::Schedule.eq(follower.as_str()))
            .filter(Column::ScheduledFor.gte(oldest));
        let known = read_columns::<(DateTimeUtc,), _, _>(&self.read, known);
        let known = self.ask("unfollowed", known).await?;
        let known: HashSet<DateTimeUtc> = known.into_iter().map(|(at,)| at).collect();
        led.reverse();
        let open = led.into_iter().filter(|(at, _)| !known.contains(at));
        let unfollowed = open.map(|(at, ended)| Unfollowed {
            scheduled_for: to_timestamp(at),
            finished_at: to_timestamp(ended),
        });
        Ok(unfollowed.collect())
    }
}

/// Whether a run may have done something: by its end, or, where it was cut off with its daemon, by
/// what its tasks have written.
fn may_be_followed() -> Condition {
    use runs::Column;
    let states = RunState::ALL.into_iter();
    let done = states.filter(|state| state.has_done_some());
    let written = run_tasks::Entity::find()
        .select_only()
        .column(run_tasks::Column::RunId)
        .filter(
            Expr::col((run_tasks::Entity, run_tasks::Column::RunId))
                .equals((runs::Entity, Column::Id)),
        )
        .filter(run_tasks::Column::RowsWritten.gt(0));
    let cut_off = Condition::all()
        .add(Column::State.eq(RunState::Abandoned.as_str()))
        .add(Expr::exists(written.into_query()));
    Condition::any()
        .add(Column::State.is_in(done.map(RunState::as_str)))
        .add(cut_off)
}
