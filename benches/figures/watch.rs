//! The store, with a note of every fire it claims and of the moment its runs were admitted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use finstage::clock::Clock;
use finstage::domain::{Fire, Pause, RunState, ScheduleId, TaskOutcome};
use finstage::store::{
    Claim, Epoch, Interrupted, Ledger, Ours, Recovery, RunEnd, Store, StoreError,
};
use jiff::Timestamp;

/// A fire that was claimed.
pub(crate) struct Watched {
    pub(crate) fire: Fire,
    pub(crate) state: RunState,
    /// The planner's first look after the claim: all its runs are admitted then.
    pub(crate) admitted: Timestamp,
}

#[derive(Default)]
struct Notes {
    fresh: Vec<(Fire, RunState)>,
    admitted: Vec<Watched>,
}

/// A ledger that is watched. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watch {
    store: Store,
    notes: Arc<Mutex<Notes>>,
}

impl Watch {
    pub(crate) fn over(store: Store) -> Self {
        let notes = Arc::default();
        Self { store, notes }
    }

    /// The planner looks at the clock.
    pub(crate) fn look(&self) {
        let mut notes = self.notes.lock().unwrap();
        if notes.fresh.is_empty() {
            return;
        }
        let admitted = Clock::system().now();
        let fresh = std::mem::take(&mut notes.fresh);
        let watched = fresh.into_iter().map(|(fire, state)| Watched {
            fire,
            state,
            admitted,
        });
        notes.admitted.extend(watched);
    }

    pub(crate) fn take(&self) -> Vec<Watched> {
        std::mem::take(&mut self.notes.lock().unwrap().admitted)
    }
}

#[async_trait::async_trait]
impl Ledger for Watch {
    async fn claim(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Vec<Option<Ours>>, StoreError> {
        let ours = self.store.claim(claims, epoch, now).await?;
        let won = claims.iter().zip(&ours).filter(|(_, ours)| ours.is_some());
        let fresh = won.map(|(claim, _)| (claim.fire.clone(), claim.state));
        self.notes.lock().unwrap().fresh.extend(fresh);
        Ok(ours)
    }

    async fn interrupted(&self, own: Epoch) -> Result<Vec<Interrupted>, StoreError> {
        self.store.interrupted(own).await
    }

    async fn recover(
        &self,
        recoveries: &[Recovery],
        own: Epoch,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        self.store.recover(recoveries, own, now).await
    }

    async fn latest_fires(
        &self,
        schedules: &[ScheduleId],
        until: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, Timestamp>, StoreError> {
        self.store.latest_fires(schedules, until).await
    }

    async fn forget_after(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.forget_after(now).await
    }

    async fn last_success(&self, schedule: &ScheduleId) -> Result<Option<Timestamp>, StoreError> {
        self.store.last_success(schedule).await
    }

    async fn failures_in_a_row(
        &self,
        schedule: &ScheduleId,
        at_most: u32,
    ) -> Result<u32, StoreError> {
        self.store.failures_in_a_row(schedule, at_most).await
    }

    async fn run_started(
        &self,
        run_id: i64,
        tasks_total: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.run_started(run_id, tasks_total, now).await
    }

    async fn tasks_ended(&self, run_id: i64, outcomes: &[TaskOutcome]) -> Result<(), StoreError> {
        self.store.tasks_ended(run_id, outcomes).await
    }

    async fn ended_tasks(&self, run_id: i64) -> Result<Vec<TaskOutcome>, StoreError> {
        self.store.ended_tasks(run_id).await
    }

    async fn run_ended(&self, run_id: i64, end: &RunEnd, now: Timestamp) -> Result<(), StoreError> {
        self.store.run_ended(run_id, end, now).await
    }

    async fn prove_writable(&self) -> Result<(), StoreError> {
        self.store.prove_writable().await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.store.pauses().await
    }

    async fn pause(&self, pause: &Pause) -> Result<(), StoreError> {
        self.store.pause(pause).await
    }

    async fn resume(&self, schedule: &ScheduleId, now: Timestamp) -> Result<(), StoreError> {
        self.store.resume(schedule, now).await
    }
}
