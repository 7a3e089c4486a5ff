//! Looking the database over, for `finstage doctor`.

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait, PaginatorTrait as _, QueryFilter as _,
    QuerySelect as _, QueryTrait as _, Select, Statement,
};

use super::convert::to_timestamp;
use super::entities::{daemon_epochs, resource_samples, runs};
use super::process;
use super::readable::{fault, note, read_all};
use super::{Store, StoreError};
use crate::domain::RunState;

/// What the database tells of the daemons that used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    /// Rows still `claimed` or `running` whose daemon is gone.
    pub dead_runs: u64,
    /// Processes that use the database now, as far as /proc shows them.
    pub living: usize,
    /// The newest resource sample: a daemon takes one every 15 s.
    pub last_sample: Option<Timestamp>,
    /// The newest claim.
    pub last_claim: Option<Timestamp>,
}

impl Store {
    /// What SQLite finds wrong with the file; nothing for a sound one and for other databases.
    pub async fn quick_check(&self) -> Result<Vec<String>, StoreError> {
        if !self.url.is_sqlite() {
            return Ok(Vec::new());
        }
        let backend = self.read.get_database_backend();
        let statement = Statement::from_string(backend, "PRAGMA quick_check(10)");
        self.ask("quick_check", async {
            let rows = self.read.query_all_raw(statement).await?;
            let words: Result<Vec<String>, _> =
                rows.iter().map(|row| row.try_get_by_index(0)).collect();
            Ok(words?.into_iter().filter(|word| word != "ok").collect())
        })
        .await
    }

    /// What the database tells of the daemons that used it.
    pub async fn activity(&self) -> Result<Activity, StoreError> {
        let begun =
            daemon_epochs::Entity::find().filter(daemon_epochs::Column::StoppedAt.is_null());
        let begun = self.ask("activity", read_all(&self.read, begun)).await?;
        let living: Vec<i64> = begun
            .iter()
            .filter(|epoch| process::is_alive(&epoch.process))
            .map(|epoch| epoch.id)
            .collect();
        let processes: std::collections::HashSet<&str> = begun
            .iter()
            .filter(|epoch| living.contains(&epoch.id))
            .map(|epoch| epoch.process.as_str())
            .collect();
        let open = [RunState::Claimed, RunState::Running].map(RunState::as_str);
        let dead = runs::Entity::find()
            .filter(runs::Column::State.is_in(open))
            .filter(runs::Column::Epoch.is_not_in(living.clone()));
        let sample = resource_samples::Entity::find()
            .select_only()
            .column_as(resource_samples::Column::At.max(), "latest");
        let claim = runs::Entity::find()
            .select_only()
            .column_as(runs::Column::ClaimedAt.max(), "latest");
        Ok(Activity {
            dead_runs: self.ask("activity", dead.count(&self.read)).await?,
            living: processes.len(),
            last_sample: self.latest("at", sample).await?,
            last_claim: self.latest("claimed_at", claim).await?,
        })
    }

    /// The one instant `query` gives, if it can be read.
    async fn latest<E: EntityTrait>(
        &self,
        column: &str,
        query: Select<E>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let statement = query.build(self.read.get_database_backend());
        self.ask("activity", async {
            let Some(row) = self.read.query_one_raw(statement).await? else {
                return Ok(None);
            };
            match row.try_get_by_index::<Option<DateTimeUtc>>(0) {
                Ok(at) => Ok(at.map(to_timestamp)),
                Err(error) => {
                    let Some((_, reason)) = fault(&row, &error) else {
                        return Err(error);
                    };
                    note(E::default().table_name(), "the newest", column, &reason);
                    Ok(None)
                }
            }
        })
        .await
    }
}
