//! The ledger: the one place that decides whether a fire is ours, and what became of it.

mod claim;
mod epochs;
mod following;
mod pauses;
mod proof;
mod recovery;
mod runs;
mod timings;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::following::Unfollowed;
use super::{Store, StoreError};
use crate::domain::{
    Fire, JobKind, Pause, RunCost, RunOrigin, RunState, RunTotals, ScheduleId, TaskOutcome,
};

/// One start of a daemon or verb: rows name the epoch that claimed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub i64);

/// A fire to be written into the ledger.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The fire.
    pub fire: Fire,
    /// The schedule's job.
    pub job: JobKind,
    /// What made it due.
    pub origin: RunOrigin,
    /// `Claimed`, or the state it ends in at once.
    pub state: RunState,
    /// How late it is, its jitter not counted.
    pub lateness_ms: i64,
    /// Why it is not run, or runs late.
    pub reason: Option<String>,
}

/// A row of the ledger that this epoch has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    /// Its number.
    pub run_id: i64,
    /// Whether it waits to be run; else it has ended or was never to run.
    pub is_open: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// Its final state.
    pub state: RunState,
    /// Sums over its tasks.
    pub totals: RunTotals,
    /// How long it took.
    pub duration_ms: i64,
    /// Why, when it is not plain from the tasks.
    pub reason: Option<String>,
    /// What the process used meanwhile, as far as it was seen.
    pub cost: Option<RunCost>,
}

/// A run that its daemon left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// Its row.
    pub run_id: i64,
    /// The fire.
    pub fire: Fire,
    /// What made it due.
    pub origin: RunOrigin,
    /// The start that had claimed it.
    pub epoch: Epoch,
    /// How late it was claimed.
    pub lateness_ms: i64,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The run.
    pub run_id: i64,
    /// Whose it was: somebody else may have taken it since.
    pub from: Epoch,
    /// Ours to finish, or closed as `abandoned`.
    pub is_resumed: bool,
    /// Why.
    pub reason: String,
}

/// When a schedule fires, to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Whose.
    pub schedule: ScheduleId,
    /// All that decides when it fires, in words.
    pub words: String,
    /// From when its fires count if the ledger has never seen it.
    pub since: Timestamp,
}

/// What is known of a schedule's timing from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownTiming {
    /// It is the same since then.
    Since(Timestamp),
    /// It was another, or the schedule was disabled.
    Changed,
}

/// What the scheduler and the runner keep their records in: [`Store`] in production.
#[async_trait::async_trait]
pub trait Ledger: Send + Sync {
    /// Writes all `claims` at once and tells of each, in order, what this epoch holds: `None` for a
    /// fire that another epoch has written. One that this epoch has written before is told with
    /// the state it was given then: the caller acts on that, not on what it would decide now.
    async fn claim(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Vec<Option<Ours>>, StoreError>;

    /// Open runs of daemons that have ended, oldest first.
    async fn interrupted(&self, own: Epoch) -> Result<Vec<Interrupted>, StoreError>;

    /// Takes over or closes interrupted runs; gives those that were still to be had.
    async fn recover(
        &self,
        recoveries: &[Recovery],
        own: Epoch,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError>;

    /// The newest fire up to `until` of each of `schedules` the ledger knows, those a person
    /// started left out.
    async fn latest_fires(
        &self,
        schedules: &[ScheduleId],
        until: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, Timestamp>, StoreError>;

    /// Notes the timing of each schedule, and tells what was known of it before; a schedule that is
    /// new is not among them. A ledger without this takes all schedules for new that have no fire.
    async fn note_timings(
        &self,
        _timings: &[Timing],
        _now: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, KnownTiming>, StoreError> {
        Ok(BTreeMap::new())
    }

    /// The runs of `leader`, whoever asked for them, that have ended since `since`, may have done
    /// something, and have no row of `follower` for the same instant; oldest first. A ledger
    /// without this knows none.
    async fn unfollowed(
        &self,
        _leader: &ScheduleId,
        _follower: &ScheduleId,
        _since: Timestamp,
        _until: Timestamp,
    ) -> Result<Vec<Unfollowed>, StoreError> {
        Ok(Vec::new())
    }

    /// Forgets planned fires after `now` that were recorded and not run: a clock that ran ahead
    /// had made them due, and they are still to come. Gives how many.
    async fn forget_after(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// When a run of the schedule last succeeded.
    async fn last_success(&self, schedule: &ScheduleId) -> Result<Option<Timestamp>, StoreError>;

    /// How many of the schedule's newest runs, `at_most` so many, have failed as a whole without a
    /// better one between them; runs from before the last resumption do not count.
    async fn failures_in_a_row(
        &self,
        schedule: &ScheduleId,
        at_most: u32,
    ) -> Result<u32, StoreError>;

    /// The run's tasks are being dispatched.
    async fn run_started(
        &self,
        run_id: i64,
        tasks_total: u32,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Outcomes of tasks; one that is there already is replaced.
    async fn tasks_ended(&self, run_id: i64, outcomes: &[TaskOutcome]) -> Result<(), StoreError>;

    /// Outcomes of tasks as they were written.
    async fn ended_tasks(&self, run_id: i64) -> Result<Vec<TaskOutcome>, StoreError>;

    /// The run's end; its row never changes again.
    async fn run_ended(&self, run_id: i64, end: &RunEnd, now: Timestamp) -> Result<(), StoreError>;

    /// Writes something and takes it away again: an error when nothing can be written, though all
    /// that is there can still be read.
    async fn prove_writable(&self) -> Result<(), StoreError>;

    /// All pauses, those that are over included.
    async fn pauses(&self) -> Result<Vec<Pause>, StoreError>;

    /// Pauses a schedule; a pause that is there is replaced.
    async fn pause(&self, pause: &Pause) -> Result<(), StoreError>;

    /// Ends a pause.
    async fn resume(&self, schedule: &ScheduleId, now: Timestamp) -> Result<(), StoreError>;
}

#[async_trait::async_trait]
impl Ledger for Store {
    async fn claim(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Vec<Option<Ours>>, StoreError> {
        self.claim(claims, epoch, now).await
    }

    async fn interrupted(&self, own: Epoch) -> Result<Vec<Interrupted>, StoreError> {
        self.interrupted(own).await
    }

    async fn recover(
        &self,
        recoveries: &[Recovery],
        own: Epoch,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        self.recover(recoveries, own, now).await
    }

    async fn latest_fires(
        &self,
        schedules: &[ScheduleId],
        until: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, Timestamp>, StoreError> {
        self.latest_fires(schedules, until).await
    }

    async fn note_timings(
        &self,
        timings: &[Timing],
        now: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, KnownTiming>, StoreError> {
        self.note_timings(timings, now).await
    }

    async fn unfollowed(
        &self,
        leader: &ScheduleId,
        follower: &ScheduleId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Unfollowed>, StoreError> {
        self.unfollowed(leader, follower, since, until).await
    }

    async fn forget_after(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.forget_after(now).await
    }

    async fn last_success(&self, schedule: &ScheduleId) -> Result<Option<Timestamp>, StoreError> {
        self.last_success(schedule).await
    }

    async fn failures_in_a_row(
        &self,
        schedule: &ScheduleId,
        at_most: u32,
    ) -> Result<u32, StoreError> {
        self.failures_in_a_row(schedule, at_most).await
    }

    async fn run_started(
        &self,
        run_id: i64,
        tasks_total: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.run_started(run_id, tasks_total, now).await
    }

    async fn tasks_ended(&self, run_id: i64, outcomes: &[TaskOutcome]) -> Result<(), StoreError> {
        self.tasks_ended(run_id, outcomes).await
    }

    async fn ended_tasks(&self, run_id: i64) -> Result<Vec<TaskOutcome>, StoreError> {
        self.ended_tasks(run_id).await
    }

    async fn run_ended(&self, run_id: i64, end: &RunEnd, now: Timestamp) -> Result<(), StoreError> {
        self.run_ended(run_id, end, now).await
    }

    async fn prove_writable(&self) -> Result<(), StoreError> {
        self.prove_writable().await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.pauses().await
    }

    async fn pause(&self, pause: &Pause) -> Result<(), StoreError> {
        self.pause(pause).await
    }

    async fn resume(&self, schedule: &ScheduleId, now: Timestamp) -> Result<(), StoreError> {
        self.resume(schedule, now).await
    }
}
