//! Runs of one schedule side by side, one after another, and instead of each other; runs that are
//! cancelled; tasks that are tried again.

use std::sync::Arc;
use std::time::Duration;

use finstage::domain::{JobKind, Retry, RunState};
use finstage::jobs::Assignment;
use finstage::runner::{Admission, RunSpec};

use super::moody::moody;
use super::world::World;

async fn spec(world: &World, symbols: &[&str]) -> RunSpec {
    world
        .spec(Assignment::Job(JobKind::DailyBars), symbols)
        .await
}

#[tokio::test]
async fn a_run_that_waits_begins_when_the_one_before_it_has_ended() {
    let (upstream, world) = moody().await;
    let (first, second, third) = (
        spec(&world, &["GATED1"]).await,
        spec(&world, &["A"]).await,
        spec(&world, &["B"]).await,
    );
    let ids = [first.run_id, second.run_id, third.run_id];
    let schedule = first.schedule.id.clone();
    let runs = [first, second, third].map(|spec| world.runner.admit(spec, Admission::After));
    upstream.hanging.notified().await;
    assert_eq!(world.runner.count(&schedule), (1, 2));
    let waiting = world.store.run(ids[1]).await.unwrap().unwrap();
    assert_eq!(waiting.state, "claimed", "it has not begun");
    upstream.gate.add_permits(1);
    let mut ended = Vec::new();
    for (run, id) in runs.into_iter().zip(ids) {
        let left = world.left(id, run.await.unwrap()).await;
        assert_eq!(left.end.state, RunState::Succeeded);
        ended.push((left.run.started_at.unwrap(), left.run.finished_at.unwrap()));
    }
    assert!(
        ended[0].1 <= ended[1].0 && ended[1].1 <= ended[2].0,
        "{ended:?}"
    );
    assert_eq!(world.runner.totals(), (0, 0));
}

#[tokio::test]
async fn a_run_that_replaces_others_cancels_those_that_go_on_and_those_that_wait() {
    let (upstream, world) = moody().await;
    let (running, waiting, newest) = (
        spec(&world, &["HANG1", "A"]).await,
        spec(&world, &["B"]).await,
        spec(&world, &["C"]).await,
    );
    let ids = [running.run_id, waiting.run_id, newest.run_id];
    let reason = format!("replaced by the fire of {}", newest.scheduled_for);
    let running = world.runner.admit(running, Admission::After);
    upstream.hanging.notified().await;
    let waiting = world.runner.admit(waiting, Admission::After);
    let newest = world.runner.admit(newest, Admission::Instead);
    assert_eq!(newest.await.unwrap().state, RunState::Succeeded);
    for (run, id) in [(running, ids[0]), (waiting, ids[1])] {
        let end = run.await.unwrap();
        assert_eq!(end.state, RunState::Cancelled);
        let row = world.store.run(id).await.unwrap().unwrap();
        assert_eq!(row.reason.as_deref(), Some(reason.as_str()));
        assert!(row.finished_at.is_some());
    }
    let never_began = world.store.run(ids[1]).await.unwrap().unwrap();
    assert_eq!(never_began.started_at, None);
}

#[tokio::test]
async fn what_is_in_flight_has_its_grace_and_what_has_not_begun_does_not_begin() {
    let (upstream, world) = moody().await;
    let mut spec = spec(&world, &["GATED1", "A", "B"]).await;
    let schedule = Arc::make_mut(&mut spec.schedule);
    (schedule.concurrency, schedule.cancel_grace) = (1, Duration::from_mins(1));
    let run_id = spec.run_id;
    let run = world.runner.admit(spec, Admission::Beside);
    upstream.hanging.notified().await;
    assert!(!world.runner.cancel(run_id + 1, "another"));
    assert!(world.runner.cancel(run_id, "cancelled by ada"));
    upstream.gate.add_permits(1);
    let left = world.left(run_id, run.await.unwrap()).await;
    assert_eq!(
        left.told(),
        ["A cancelled", "B cancelled", "GATED1 succeeded"]
    );
    assert_eq!(left.end.state, RunState::Cancelled);
    assert_eq!(left.run.reason.as_deref(), Some("cancelled by ada"));
    assert_eq!(upstream.asked("A"), 0);
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled_and_a_drain_closes_those_that_wait() {
    let (upstream, world) = moody().await;
    let mut runs = Vec::new();
    for symbols in [["HANG1"], ["A"], ["B"]] {
        let spec = spec(&world, &symbols).await;
        runs.push((spec.run_id, world.runner.admit(spec, Admission::After)));
    }
    upstream.hanging.notified().await;
    let (_, third) = runs.pop().unwrap();
    let (second_id, second) = runs.pop().unwrap();
    assert!(world.runner.cancel(second_id, "cancelled by ada"));
    assert_eq!(
        second.await.unwrap().reason.as_deref(),
        Some("cancelled by ada")
    );
    world.runner.close();
    let third = third.await.unwrap();
    assert_eq!(third.state, RunState::Cancelled);
    assert_eq!(
        third.reason.as_deref(),
        Some("the daemon stopped before it began")
    );
    let late = spec(&world, &["C"]).await;
    let late = world.runner.admit(late, Admission::Beside).await.unwrap();
    assert_eq!(late.state, RunState::Cancelled, "nothing begins any more");
    assert_eq!(upstream.asked("C"), 0);
    world.runner.abort();
    world.runner.drained().await;
}

#[tokio::test]
async fn failed_tasks_are_tried_again_within_the_run_and_the_others_are_not() {
    let (upstream, world) = moody().await;
    let mut spec = spec(&world, &["A", "DOWN1", "FLAKY1", "PANIC1"]).await;
    Arc::make_mut(&mut spec.schedule).retry = Some(Retry {
        max_attempts: 3,
        initial_interval: Duration::from_millis(1),
        multiplier: 1.0,
        max_interval: Duration::from_millis(1),
        randomization_factor: 0.0,
    });
    let run_id = spec.run_id;
    let end = world.runner.admit(spec, Admission::Beside).await.unwrap();
    let left = world.left(run_id, end).await;
    let expected = [
        "A succeeded",
        "DOWN1 outage",
        "FLAKY1 succeeded",
        "PANIC1 internal",
    ];
    assert_eq!(left.told(), expected);
    let asked = ["A", "DOWN1", "FLAKY1", "PANIC1"].map(|name| upstream.asked(name));
    assert_eq!(asked, [1, 3, 2, 1], "only what may pass is tried again");
}

#[tokio::test]
async fn tasks_are_not_tried_again_past_the_next_fire() {
    let (upstream, world) = moody().await;
    let mut spec = spec(&world, &["DOWN1"]).await;
    // The schedule fires once a minute.
    Arc::make_mut(&mut spec.schedule).retry = Some(Retry {
        max_attempts: 9,
        initial_interval: Duration::from_secs(61),
        multiplier: 1.0,
        max_interval: Duration::from_secs(61),
        randomization_factor: 0.0,
    });
    spec.timeout = Duration::from_hours(1);
    let run_id = spec.run_id;
    let end = world.runner.admit(spec, Admission::Beside).await.unwrap();
    assert_eq!(world.left(run_id, end).await.told(), ["DOWN1 outage"]);
    assert_eq!(upstream.asked("DOWN1"), 1);
}
