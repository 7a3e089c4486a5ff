//! The claim: whose a fire is, decided by one statement for all that are due.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryResult,
    QuerySelect as _, Statement,
};

use super::{Claim, Epoch, Ours};
use crate::domain::{Fire, RunOrigin, RunState, ScheduleId};
use crate::store::chunks::Upsert;
use crate::store::convert::{to_column, to_text, to_timestamp};
use crate::store::entities::runs;
use crate::store::readable::{fault, note, read_columns};
use crate::store::{Store, StoreError};

/// All rows in one statement of constant text: a list of values would need 10 places a row, more
/// than SQLite allows for 5,000 rows. Fires of one instant differ in little but their schedule, so
/// what they share is said once and only names are unpacked row by row. CROSS JOIN keeps the order
/// of the text; `WHERE true` keeps the parser from reading ON as a join.
const CLAIM_SQLITE: &str = r#"
WITH alike AS MATERIALIZED (
    SELECT value ->> 0 AS job, value ->> 1 AS origin, value ->> 2 AS at, value ->> 3 AS state,
           value ->> 4 AS ended, value ->> 5 AS lateness_ms, value ->> 6 AS reason,
           value -> 7 AS schedules
    FROM json_each(?1))
INSERT INTO runs (schedule, job, "trigger", scheduled_for, state, claimed_at, finished_at,
                  lateness_ms, epoch, reason)
SELECT s.value, a.job, a.origin, a.at, a.state, ?2, a.ended, a.lateness_ms, ?3, a.reason
FROM alike a CROSS JOIN json_each(a.schedules) s WHERE true
ON CONFLICT (scheduled_for, schedule) DO NOTHING"#;

/// Ended runs are found by schedule; of the few open ones a list is made.
const LATEST_SQLITE: &str = r#"
WITH open AS MATERIALIZED (
    SELECT schedule, max(scheduled_for) AS at FROM runs
    WHERE state IN ('claimed', 'running') AND "trigger" IN ('schedule', 'catch_up')
      AND scheduled_for <= ?2
    GROUP BY schedule)
SELECT s.value, (SELECT r.scheduled_for FROM runs r
                 WHERE r.schedule = s.value AND r.finished_at IS NOT NULL
                   AND r."trigger" IN ('schedule', 'catch_up')
                   AND r.scheduled_for <= ?2
                 ORDER BY r.scheduled_for DESC LIMIT 1), open.at
FROM json_each(?1) s LEFT JOIN open ON open.schedule = s.value"#;

/// Claims that differ in nothing but their schedule.
struct Alike<'c> {
    first: &'c Claim,
    /// Their places among all claims.
    places: Vec<usize>,
}

/// A fire as the columns hold it.
type Key = (String, DateTimeUtc);

impl Store {
    /// See [`super::Ledger::claim`].
    pub async fn claim(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Vec<Option<Ours>>, StoreError> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        self.tell_first("claim", async {
            let written = if self.url.is_sqlite() {
                if let Some(all) = self.claim_in_one(claims, epoch, now).await? {
                    return Ok(all);
                }
                // Some are another's, or ours from a claim whose answer was lost.
                self.written(&self.write, claims, epoch).await?
            } else {
                self.claim_portably(claims, epoch, now).await?
            };
            // By what was asked: the query also finds fires of this epoch's earlier claims, and the
            // column is coarser than an instant.
            let ours = |claim: &Claim| written.get(&key(&claim.fire)).copied();
            Ok(claims.iter().map(ours).collect())
        })
        .await
    }

    /// Writes all that is not there yet; gives the rows when that is all of them.
    async fn claim_in_one(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Option<Vec<Option<Ours>>>, DbErr> {
        let groups = alike(claims);
        let rows: Vec<_> = groups
            .iter()
            .map(|Alike { first, places }| {
                let names = places.iter().filter_map(|place| claims.get(*place));
                let names: Vec<&str> = names.map(|claim| claim.fire.schedule.as_str()).collect();
                (
                    first.job.as_str(),
                    first.origin.as_str(),
                    to_text(first.fire.scheduled_for),
                    first.state.as_str(),
                    first.state.is_terminal().then(|| to_text(now)),
                    first.lateness_ms,
                    first.reason.as_deref(),
                    names,
                )
            })
            .collect();
        let rows = serde_json::to_string(&rows).map_err(|error| DbErr::Json(error.to_string()))?;
        let values = [rows.into(), to_text(now).into(), epoch.0.into()];
        let backend = self.write.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, CLAIM_SQLITE, values);
        let written = self.write.execute_raw(statement).await?;
        if written.rows_affected() != claims.len() as u64 {
            return Ok(None);
        }
        // Numbers rise by one from row to row, in the order of the text: asking SQLite to return
        // 5,000 of them would take longer than writing the rows.
        let last = i64::try_from(written.last_insert_id()).unwrap_or(i64::MAX);
        let first = last.saturating_sub_unsigned(claims.len() as u64 - 1);
        let mut all = vec![None; claims.len()];
        let in_order = groups.iter().flat_map(|group| {
            let is_open = group.first.state == RunState::Claimed;
            group.places.iter().map(move |place| (*place, is_open))
        });
        for (run_id, (place, is_open)) in (first..=last).zip(in_order) {
            if let Some(ours) = all.get_mut(place) {
                *ours = Some(Ours { run_id, is_open });
            }
        }
        Ok(Some(all))
    }

    async fn claim_portably(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<HashMap<Key, Ours>, DbErr> {
        let rows = claims.iter().map(|claim| claim_row(claim, epoch, now));
        let on_conflict = OnConflict::columns([runs::Column::Schedule, runs::Column::ScheduledFor])
            .do_nothing_on([runs::Column::Id])
            .to_owned();
        let transaction = self.begin().await?;
        Upsert {
            name: "runs",
            on_conflict,
        }
        .run(&transaction, rows.collect())
        .await?;
        let written = self.written(&transaction, claims, epoch).await?;
        transaction.commit().await?;
        Ok(written)
    }

    /// What this epoch has written between the first and the last of `claims`.
    async fn written(
        &self,
        connection: &impl sea_orm::ConnectionTrait,
        claims: &[Claim],
        epoch: Epoch,
    ) -> Result<HashMap<Key, Ours>, DbErr> {
        let instants = claims.iter().map(|claim| claim.fire.scheduled_for);
        let first = instants.clone().min().unwrap_or_default();
        let last = instants.max().unwrap_or_default();
        let query = runs::Entity::find()
            .select_only()
            .columns([runs::Column::Id, runs::Column::Schedule])
            .columns([runs::Column::ScheduledFor, runs::Column::State])
            .filter(runs::Column::Epoch.eq(epoch.0))
            .filter(runs::Column::ScheduledFor.between(to_column(first), to_column(last)));
        let rows: Vec<(i64, String, DateTimeUtc, String)> = read_columns(connection, query).await?;
        let written = rows.into_iter().map(|(run_id, schedule, at, state)| {
            let is_open = state == RunState::Claimed.as_str();
            ((schedule, at), Ours { run_id, is_open })
        });
        Ok(written.collect())
    }

    /// See [`super::Ledger::latest_fires`].
    pub async fn latest_fires(
        &self,
        schedules: &[ScheduleId],
        until: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, Timestamp>, StoreError> {
        let latest = self.tell("latest_fires", async {
            if !self.url.is_sqlite() {
                return self.latest_portably(until).await;
            }
            let names: Vec<&str> = schedules.iter().map(ScheduleId::as_str).collect();
            let names =
                serde_json::to_string(&names).map_err(|error| DbErr::Json(error.to_string()))?;
            let backend = self.write.get_database_backend();
            let values = [names.into(), to_text(until).into()];
            let statement = Statement::from_sql_and_values(backend, LATEST_SQLITE, values);
            let mut latest = HashMap::new();
            for row in self.write.query_all_raw(statement).await? {
                let schedule: String = row.try_get_by_index(0)?;
                let ended = latest_of(&row, 1, &schedule)?;
                let open = latest_of(&row, 2, &schedule)?;
                latest.extend(ended.max(open).map(|at| (schedule, at)));
            }
            Ok(latest)
        });
        let latest: HashMap<String, DateTimeUtc> = latest.await?;
        let known = schedules.iter().filter_map(|schedule| {
            let at = latest.get(schedule.as_str())?;
            Some((schedule.clone(), to_timestamp(*at)))
        });
        Ok(known.collect())
    }

    async fn latest_portably(
        &self,
        until: Timestamp,
    ) -> Result<HashMap<String, DateTimeUtc>, DbErr> {
        let planned = [RunOrigin::Schedule, RunOrigin::CatchUp].map(RunOrigin::as_str);
        let rows: Vec<(String, DateTimeUtc)> = runs::Entity::find()
            .select_only()
            .column(runs::Column::Schedule)
            .column_as(runs::Column::ScheduledFor.max(), "latest")
            .filter(runs::Column::Trigger.is_in(planned))
            .filter(runs::Column::ScheduledFor.lte(to_column(until)))
            .group_by(runs::Column::Schedule)
            .into_tuple()
            .all(&self.write)
            .await?;
        Ok(rows.into_iter().collect())
    }
}

/// The latest fire in a column, if there is one that can be read.
fn latest_of(row: &QueryResult, at: usize, schedule: &str) -> Result<Option<DateTimeUtc>, DbErr> {
    row.try_get_by_index(at)
        .or_else(|error| match fault(row, &error) {
            Some((_, reason)) => {
                note("runs", schedule, "scheduled_for", &reason);
                Ok(None)
            }
            None => Err(error),
        })
}

/// The claims in groups of those that differ in nothing but their schedule.
fn alike(claims: &[Claim]) -> Vec<Alike<'_>> {
    let mut groups: Vec<Alike<'_>> = Vec::new();
    let mut known = HashMap::new();
    for (place, claim) in claims.iter().enumerate() {
        let shared = (
            claim.job,
            claim.origin,
            claim.fire.scheduled_for,
            claim.state,
            claim.lateness_ms,
            claim.reason.as_deref(),
        );
        let group = *known.entry(shared).or_insert_with(|| {
            groups.push(Alike {
                first: claim,
                places: Vec::new(),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(group) {
            group.places.push(place);
        }
    }
    groups
}

fn key(fire: &Fire) -> Key {
    (
        fire.schedule.as_str().to_owned(),
        to_column(fire.scheduled_for),
    )
}

fn claim_row(claim: &Claim, epoch: Epoch, now: Timestamp) -> runs::ActiveModel {
    let ended = claim.state.is_terminal().then(|| to_column(now));
    runs::ActiveModel {
        id: NotSet,
        schedule: Set(claim.fire.schedule.as_str().to_owned()),
        job: Set(claim.job.as_str().to_owned()),
        trigger: Set(claim.origin.as_str().to_owned()),
        scheduled_for: Set(to_column(claim.fire.scheduled_for)),
        state: Set(claim.state.as_str().to_owned()),
        claimed_at: Set(to_column(now)),
        started_at: Set(None),
        finished_at: Set(ended),
        duration_ms: Set(None),
        lateness_ms: Set(claim.lateness_ms),
        epoch: Set(epoch.0),
        reason: Set(claim.reason.clone()),
        tasks_total: Set(0),
        tasks_succeeded: Set(0),
        tasks_failed: Set(0),
        calls: Set(0),
        retries: Set(0),
        rate_limited: Set(0),
        rows_written: Set(0),
        memory_peak_bytes: NotSet,
        cpu_ms: NotSet,
    }
}
