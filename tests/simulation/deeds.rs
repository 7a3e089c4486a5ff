//! What is done to a process while it lives: commands, outages, steps of the clock.

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::{self, signed};
use finstage::domain::{OverlapPolicy, Pause, RunOrigin, Schedule, ScheduleId};
use finstage::scheduler::{Command, Trigger};
use jiff::SignedDuration;
use tokio::sync::oneshot;

use super::life::Process;
use super::scenery::edited;

/// Steps of the clock, in seconds, either way.
const STEPS: [i64; 12] = [1, 1, 1, 1, 60, 60, 60, 3_600, 3_600, 3_600, 3_600, 86_400];

/// Something happens.
pub(crate) async fn deed(process: &Process) {
    let drawn = {
        let world = &mut *process.shared.lock();
        let favourite = world.weather.favourite_deed;
        let drawn = world.random.between(0, 99);
        if world.random.chance(40) {
            favourite
        } else {
            drawn
        }
    };
    match drawn {
        0..25 => trigger(process).await,
        25..35 => pause(process).await,
        35..45 => resume(process).await,
        45..55 => replace(process).await,
        55..63 => cancel(process),
        63..72 => outage(process),
        72..78 => step(process),
        78..85 => status(process).await,
        _ => {}
    }
}

fn some_schedule(process: &Process) -> Option<Arc<Schedule>> {
    let world = &mut *process.shared.lock();
    world.stats.commands += 1;
    let all: Vec<Arc<Schedule>> = world.schedules.values().cloned().collect();
    (!all.is_empty()).then(|| Arc::clone(world.random.pick(&all)))
}

async fn trigger(process: &Process) {
    let Some(one) = some_schedule(process) else {
        return;
    };
    let (reply, answer) = oneshot::channel();
    let trigger = {
        let world = &mut *process.shared.lock();
        let mine = world.random.chance(50);
        let policy = mine.then(|| *world.random.pick(&OverlapPolicy::ALL));
        let reason = format!("t{}", world.stats.commands);
        world.note(format_args!("trigger {} {policy:?} {reason}", one.id));
        let meant = policy.unwrap_or(one.overlap_policy);
        world.asked.insert(reason.clone(), meant);
        let some = one.symbols.iter().take(2).cloned().collect();
        Trigger {
            schedule: one.id.clone(),
            symbols: world.random.chance(30).then_some(some),
            origin: RunOrigin::Manual,
            overlap_policy: policy,
            reason,
        }
    };
    let _ = process.orders.send(Command::Trigger(trigger, reply));
    let answer = answer.await.expect("each command is answered");
    let answer = answer.map(|run| (run.run_id, run.state, run.is_waiting));
    process.shared.lock().note(format_args!("  {answer:?}"));
}

async fn pause(process: &Process) {
    let Some(one) = some_schedule(process) else {
        return;
    };
    let (reply, answer) = oneshot::channel();
    let pause = {
        let world = &mut *process.shared.lock();
        let now = process.clock.now();
        let minutes = world.random.between(1, 60);
        let until = now + SignedDuration::from_mins(minutes);
        Pause {
            schedule: one.id.clone(),
            paused_at: now,
            until: world.random.chance(60).then_some(until),
            note: None,
            paused_by: "somebody".to_owned(),
        }
    };
    let _ = process.orders.send(Command::Pause(pause, reply));
    let answer = answer.await.expect("each command is answered");
    process
        .shared
        .lock()
        .note(format_args!("paused {}: {answer:?}", one.id));
}

async fn resume(process: &Process) {
    let paused: Option<ScheduleId> = {
        let world = &mut *process.shared.lock();
        world.stats.commands += 1;
        let pauses = world.books.pauses();
        (!pauses.is_empty()).then(|| world.random.pick(&pauses).schedule.clone())
    };
    let Some(id) = paused else {
        return;
    };
    let (reply, answer) = oneshot::channel();
    let _ = process.orders.send(Command::Resume(id.clone(), reply));
    let answer = answer.await.expect("each command is answered");
    let answer = answer.map(|pause| pause.is_some());
    process
        .shared
        .lock()
        .note(format_args!("resumed {id}: {answer:?}"));
}

async fn replace(process: &Process) {
    // What was due under the old timing is asked for as long as it can be.
    process.check().await;
    let (reply, answer) = oneshot::channel();
    let schedules = {
        let world = &mut *process.shared.lock();
        world.stats.commands += 1;
        let fresh = edited(&world.schedules, &mut world.random);
        world.note(format_args!("replace by {} schedules", fresh.len()));
        world.coming = Some(fresh.clone());
        fresh.values().cloned().collect()
    };
    let _ = process.orders.send(Command::Replace(schedules, reply));
    answer.await.expect("each command is answered");
    let now = process.clock.now();
    let world = &mut *process.shared.lock();
    let fresh = world.coming.take().unwrap();
    let old = std::mem::replace(&mut world.schedules, fresh);
    for id in old.keys().filter(|id| !world.schedules.contains_key(*id)) {
        world.dues.removed(id);
    }
    for (id, one) in &world.schedules {
        world
            .dues
            .replaced(old.get(id).map(AsRef::as_ref), one, now);
    }
    let has_timing = |id: &ScheduleId| {
        let (old, new) = (old.get(id), world.schedules.get(id));
        // What rests is not planned; enabled again, it may be caught up from before.
        old.zip(new)
            .is_some_and(|(old, new)| old.enabled && old.has_timing_of(new))
    };
    world
        .watch
        .forget_rests(|id, until| until.is_none_or(|until| until > now) || has_timing(id));
    world.note(format_args!("replaced"));
}

fn cancel(process: &Process) {
    let open: Option<i64> = {
        let world = &mut *process.shared.lock();
        world.stats.commands += 1;
        let open: Vec<i64> = world.books.open().collect();
        (!open.is_empty()).then(|| *world.random.pick(&open))
    };
    if let Some(run_id) = open {
        let is_here = process.runner.cancel(run_id, "somebody wants it so");
        let world = &mut *process.shared.lock();
        world.note(format_args!("cancel {run_id}: {is_here}"));
    }
}

fn outage(process: &Process) {
    let world = &mut *process.shared.lock();
    world.stats.outages += 1;
    let seconds = world.random.between(5, 400).unsigned_abs();
    let until = clock::monotonic() + Duration::from_secs(seconds);
    world.weather.outage_until = Some(until);
    world.note(format_args!("OUTAGE of {seconds} s"));
}

fn step(process: &Process) {
    let world = &mut *process.shared.lock();
    world.stats.steps += 1;
    let seconds = *world.random.pick(&STEPS);
    let seconds = if world.random.chance(50) {
        seconds
    } else {
        -seconds
    };
    process
        .clock
        .step(signed(Duration::ZERO) + SignedDuration::from_secs(seconds));
    // Until the planner has looked, nothing is said of what is due.
    let soon = clock::monotonic() + Duration::from_secs(1);
    world.well_since = world.well_since.max(soon);
    world.note(format_args!(
        "STEP of {seconds} s to {}",
        process.clock.now()
    ));
}

async fn status(process: &Process) {
    let (reply, answer) = oneshot::channel();
    let _ = process.orders.send(Command::Status(reply));
    let status = answer.await.expect("each command is answered");
    let waiting: usize = status.schedules.iter().map(|one| one.waiting).sum();
    let overdue = status.schedules.iter().map(|one| one.overdue_ms).max();
    let world = &mut *process.shared.lock();
    world.stats.commands += 1;
    world.note(format_args!(
        "status: {waiting} wait, overdue {overdue:?} ms"
    ));
}
