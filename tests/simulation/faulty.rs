//! The ledger as the code under test meets it: it fails, loses answers, hangs, and watches.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use finstage::clock;
use finstage::domain::{Pause, RunState, ScheduleId, TaskOutcome};
use finstage::store::{Claim, Epoch, Interrupted, Ledger, Ours, Recovery, RunEnd, StoreError};
use jiff::Timestamp;

use super::watch;
use super::world::{Fate, Shared, World};

/// The epoch of another daemon on the same database.
pub(crate) const RIVAL: Epoch = Epoch(1_000_000);

/// The ledger of a world.
pub(crate) struct Faulty(pub(crate) Shared);

impl Faulty {
    /// An operation begins: it is noted, and its fate is drawn.
    fn begin(&self, what: fmt::Arguments<'_>) -> Fate {
        let mut world = self.0.lock();
        let fate = world.fate();
        let Fate {
            delay,
            has_effect,
            is_answered,
            ..
        } = fate;
        if has_effect && is_answered == Some(true) && delay < Duration::from_millis(10) {
            world.note(what);
        } else {
            let ms = delay.as_millis();
            world.note(format_args!(
                "{what} | {ms} ms, effect {has_effect}, answer {is_answered:?}"
            ));
        }
        fate
    }

    /// The same for an operation on one run, whose end is in doubt until it is answered.
    fn begin_on(&self, run_id: i64, what: fmt::Arguments<'_>) -> Fate {
        self.0.lock().watch.touch(run_id);
        self.begin(what)
    }

    /// The operation takes its time and ends as drawn; `effect` is told whether anybody hears of it.
    async fn end<T>(
        &self,
        fate: Fate,
        what: &'static str,
        effect: impl FnOnce(&mut World, bool) -> T,
    ) -> Result<T, StoreError> {
        tokio::time::sleep(fate.delay).await;
        let is_told = fate.is_answered == Some(true);
        let done = {
            let mut world = self.0.lock();
            let has_effect = fate.has_effect && !world.is_dead;
            let done = has_effect.then(|| effect(&mut world, is_told));
            if fate.dies {
                world.die();
            }
            done
        };
        match (fate.is_answered, done) {
            (Some(true), Some(done)) => Ok(done),
            (Some(false), _) => Err(StoreError::Timeout {
                what,
                after: fate.delay,
            }),
            _ => std::future::pending().await,
        }
    }
}

/// A planned fire of a schedule that rests is not to be run.
fn claim_all(
    world: &mut World,
    is_told: bool,
    claims: &[Claim],
    epoch: Epoch,
    now: Timestamp,
) -> Vec<Option<Ours>> {
    for claim in claims {
        let is_planned = claim.origin.is_planned();
        if is_planned && world.weather.has_rival && world.random.chance(2) {
            let rivals = Claim {
                state: RunState::Missed,
                ..claim.clone()
            };
            world.books.claim_one(&rivals, RIVAL, now);
        }
        let (run_id, is_new) = world.books.claim_one(claim, epoch, now);
        let Claim { fire, state, .. } = claim;
        if is_new && is_planned {
            let (id, at) = (&fire.schedule, fire.scheduled_for);
            // While schedules are being replaced, the timing may be another already.
            let is_settled = world.coming.is_none();
            if is_settled && *state == RunState::Claimed && world.watch.rests(id, at) {
                let what = format!("{id} is paused, but its fire of {at} is run");
                world.journal.violated(&what);
            }
            world.note(format_args!("  {run_id} {id} {at} {state}"));
        }
        if world.books.row(run_id).epoch == epoch {
            let terms = world.terms(&fire.schedule, claim.reason.as_deref());
            world.watch.claimed(run_id, terms);
            if is_told {
                world.watch.answered(run_id);
            } else {
                world.watch.touch(run_id);
            }
        }
    }
    world.books.claim(claims, epoch, now)
}

fn recover_all(
    world: &mut World,
    is_told: bool,
    recoveries: &[Recovery],
    own: Epoch,
    now: Timestamp,
) -> Vec<i64> {
    for recovery in recoveries {
        if world.weather.has_rival && world.random.chance(10) {
            world.books.taken_over(recovery.run_id, RIVAL, now);
        }
    }
    let ours = world.books.recover(recoveries, own, now);
    for recovery in recoveries {
        let run_id = recovery.run_id;
        if !ours.contains(&run_id) {
            continue;
        }
        if recovery.is_resumed {
            let id = world.books.row(run_id).schedule.clone();
            let terms = world.terms(&id, None);
            world.watch.claimed(run_id, terms);
            world.watch.set_resumed(run_id, true);
        }
        if is_told {
            world.watch.answered(run_id);
        } else {
            world.watch.touch(run_id);
        }
        let (is_resumed, reason) = (recovery.is_resumed, &recovery.reason);
        world.note(format_args!("  {run_id} resumed {is_resumed}: {reason}"));
    }
    ours
}

/// The planner opens: from here on it answers for every fire.
fn latest_fires(
    world: &mut World,
    is_told: bool,
    ids: &[ScheduleId],
    until: Timestamp,
) -> BTreeMap<ScheduleId, Timestamp> {
    if is_told && world.coming.is_none() {
        let now = world.clock.now();
        let latest = world.books.latest_fires(ids, now);
        for one in ids.iter().filter_map(|id| world.schedules.get(id)) {
            let newest = latest.get(&one.id).copied();
            world.dues.planned(one, newest, now);
        }
    }
    world.books.latest_fires(ids, until)
}

#[async_trait::async_trait]
impl Ledger for Faulty {
    async fn claim(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Vec<Option<Ours>>, StoreError> {
        let fate = self.begin(format_args!("claim of {}", claims.len()));
        let claim = |world: &mut World, is_told| claim_all(world, is_told, claims, epoch, now);
        self.end(fate, "claim", claim).await
    }

    async fn interrupted(&self, _own: Epoch) -> Result<Vec<Interrupted>, StoreError> {
        let fate = self.begin(format_args!("interrupted"));
        self.end(fate, "interrupted", |world, _| world.books.interrupted())
            .await
    }

    async fn recover(
        &self,
        recoveries: &[Recovery],
        own: Epoch,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        let fate = self.begin(format_args!("recover {}", recoveries.len()));
        let recover =
            |world: &mut World, is_told| recover_all(world, is_told, recoveries, own, now);
        self.end(fate, "recover", recover).await
    }

    async fn latest_fires(
        &self,
        schedules: &[ScheduleId],
        until: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, Timestamp>, StoreError> {
        let fate = self.begin(format_args!("latest_fires of {}", schedules.len()));
        let find = |world: &mut World, is_told| latest_fires(world, is_told, schedules, until);
        self.end(fate, "latest_fires", find).await
    }

    async fn forget_after(&self, now: Timestamp) -> Result<u64, StoreError> {
        let fate = self.begin(format_args!("forget_after {now}"));
        self.end(fate, "forget_after", |world, _| {
            world.books.forget_after(now)
        })
        .await
    }

    async fn last_success(&self, schedule: &ScheduleId) -> Result<Option<Timestamp>, StoreError> {
        let fate = self.begin(format_args!("last_success of {schedule}"));
        self.end(fate, "last_success", |world, _| {
            world.books.last_success(schedule)
        })
        .await
    }

    async fn failures_in_a_row(&self, id: &ScheduleId, at_most: u32) -> Result<u32, StoreError> {
        let fate = self.begin(format_args!("failures_in_a_row of {id}"));
        let count = |world: &mut World, _| world.books.failures_in_a_row(id, at_most);
        self.end(fate, "failures_in_a_row", count).await
    }

    async fn run_started(
        &self,
        run_id: i64,
        tasks_total: u32,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        let fate = self.begin(format_args!("run {run_id} starts, {tasks_total} tasks"));
        {
            let world = &mut *self.0.lock();
            let id = world.books.row(run_id).schedule.clone();
            let (books, journal) = (&world.books, &mut world.journal);
            if !world.is_dead {
                world.watch.run_started(run_id, &id, books, journal);
            }
        }
        let start = |world: &mut World, _| world.books.run_started(run_id, tasks_total);
        self.end(fate, "run_started", start).await
    }

    async fn tasks_ended(&self, run_id: i64, outcomes: &[TaskOutcome]) -> Result<(), StoreError> {
        let fate = self.begin_on(
            run_id,
            format_args!("run {run_id}: {} tasks", outcomes.len()),
        );
        let write = |world: &mut World, is_told| {
            let (bars, journal) = (&world.bars, &mut world.journal);
            watch::tasks_ended(run_id, outcomes, bars, journal);
            world.books.tasks_ended(run_id, outcomes);
            if is_told {
                world.watch.clear(run_id);
            }
        };
        self.end(fate, "tasks_ended", write).await
    }

    async fn ended_tasks(&self, run_id: i64) -> Result<Vec<TaskOutcome>, StoreError> {
        let fate = self.begin(format_args!("run {run_id}: what is done?"));
        // Who does not hear what is done may do it again.
        self.0.lock().watch.set_resumed(run_id, false);
        let find = |world: &mut World, is_told| {
            world.watch.set_resumed(run_id, is_told);
            world.books.ended_tasks(run_id)
        };
        self.end(fate, "ended_tasks", find).await
    }

    async fn run_ended(&self, run_id: i64, end: &RunEnd, now: Timestamp) -> Result<(), StoreError> {
        let fate = self.begin_on(run_id, format_args!("run {run_id} ends: {}", end.state));
        {
            let world = &mut *self.0.lock();
            let (books, journal) = (&world.books, &mut world.journal);
            if !world.is_dead {
                world.watch.run_ended(run_id, end, books, journal);
            }
        }
        let write = |world: &mut World, is_told| {
            world.books.run_ended(run_id, end, now);
            if is_told {
                world.watch.clear(run_id);
            }
        };
        self.end(fate, "run_ended", write).await
    }

    async fn prove_writable(&self) -> Result<(), StoreError> {
        let fate = self.begin(format_args!("a proof"));
        self.end(fate, "proof", |_, _| ()).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let fate = self.begin(format_args!("pauses"));
        self.end(fate, "pauses", |world, _| world.books.pauses())
            .await
    }

    async fn pause(&self, pause: &Pause) -> Result<(), StoreError> {
        let Pause {
            schedule,
            paused_at,
            until,
            ..
        } = pause;
        let fate = self.begin(format_args!("pause {schedule} {paused_at} {until:?}"));
        let write = |world: &mut World, is_told| {
            world.books.pause(pause);
            if is_told {
                world.watch.paused(schedule, *paused_at, *until);
            } else {
                world.watch.in_doubt(schedule, *until);
            }
        };
        self.end(fate, "pause", write).await
    }

    async fn resume(&self, schedule: &ScheduleId, now: Timestamp) -> Result<(), StoreError> {
        let fate = self.begin(format_args!("resume {schedule}"));
        {
            let world = &mut *self.0.lock();
            let one = world.schedules.get(schedule);
            let jitter = one.map_or(Duration::ZERO, |one| one.jitter_offset());
            world.watch.lifted(schedule, now, clock::signed(jitter));
        }
        let write = |world: &mut World, _| world.books.resume(schedule, now);
        self.end(fate, "resume", write).await
    }
}
