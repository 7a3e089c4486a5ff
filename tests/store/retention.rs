//! What is too old goes, whenever it was written; what is still needed stays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use finstage::config::HistorySettings;
use finstage::domain::{RunOrigin, RunState, RunTotals, ScheduleId, TaskOutcome, TaskResult};
use finstage::store::reports::Window;
use finstage::store::{Epoch, Pruned, ResourceSample, RunEnd, RunFilter, Store};
use finstage::telemetry::{Meter, Work};
use jiff::{SignedDuration, Timestamp};

use crate::support::database::Database;
use crate::support::random::Random;
use crate::support::values::{at, claim, schedule, symbol};

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn keep(runs: u32, tasks: u32) -> HistorySettings {
    HistorySettings {
        runs: runs * DAY,
        tasks: tasks * DAY,
        samples: DAY,
        durations: DAY,
        ..HistorySettings::default()
    }
}

/// A run as the test remembers it.
#[derive(Debug, Clone)]
struct Made {
    schedule: String,
    scheduled_for: Timestamp,
    claimed_at: Timestamp,
    is_planned: bool,
    is_open: bool,
    tasks: usize,
}

async fn make(store: &Store, epoch: Epoch, made: &Made, origin: RunOrigin, state: RunState) -> i64 {
    let mut fire = claim(&made.schedule, made.scheduled_for);
    fire.origin = origin;
    let ours = store.claim(&[fire], epoch, made.claimed_at).await.unwrap();
    let id = ours[0].unwrap().run_id;
    if state == RunState::Running {
        store.run_started(id, 3, made.claimed_at).await.unwrap();
    }
    tasks(store, id, made).await;
    if state.is_terminal() {
        let end = RunEnd {
            state,
            totals: RunTotals::default(),
            duration_ms: 5,
            reason: None,
            cost: None,
        };
        store.run_ended(id, &end, made.claimed_at).await.unwrap();
    }
    id
}

async fn tasks(store: &Store, id: i64, made: &Made) {
    let outcomes: Vec<TaskOutcome> = (0..made.tasks)
        .map(|n| TaskOutcome {
            symbol: symbol(&format!("S{n:04}")),
            result: TaskResult::Succeeded {
                rows_written: 1,
                rows_rejected: 0,
            },
            calls: 1,
            retries: 0,
            rate_limited: 0,
            started_at: made.claimed_at,
            duration_ms: 1,
        })
        .collect();
    store.tasks_ended(id, &outcomes).await.unwrap();
}

/// Runs of a few schedules over sixty days, claimed in any order, in every kind of state.
async fn history(store: &Store, random: &mut Random) -> BTreeMap<i64, Made> {
    let epoch = store.begin_epoch(ago(2_000)).await.unwrap();
    let mut all = BTreeMap::new();
    for n in 0..400 {
        let hours = random.between(0, 60 * 24);
        let origins = [
            RunOrigin::Schedule,
            RunOrigin::Schedule,
            RunOrigin::CatchUp,
            RunOrigin::Manual,
            RunOrigin::Backfill,
        ];
        let origin = *random.pick(&origins);
        let states = [
            RunState::Succeeded,
            RunState::Succeeded,
            RunState::Failed,
            RunState::Abandoned,
            RunState::Claimed,
            RunState::Running,
        ];
        let state = *random.pick(&states);
        let made = Made {
            schedule: format!("s{}", random.between(0, 6)),
            // No two alike, and not in the order of the claims.
            scheduled_for: ago(hours + random.between(0, 48)) - SignedDuration::from_secs(n),
            claimed_at: ago(hours),
            is_planned: matches!(origin, RunOrigin::Schedule | RunOrigin::CatchUp),
            is_open: !state.is_terminal(),
            tasks: usize::try_from(random.between(0, 4)).unwrap(),
        };
        let id = make(store, epoch, &made, origin, state).await;
        all.insert(id, made);
    }
    all
}

async fn stored(store: &Store) -> BTreeSet<i64> {
    let all = RunFilter {
        limit: 100_000,
        ..RunFilter::default()
    };
    let rows = store.runs(&all).await.unwrap();
    rows.into_iter().map(|run| run.id).collect()
}

/// What must be left, told from the test's own memory.
fn left(all: &BTreeMap<i64, Made>, before: Timestamp) -> BTreeSet<i64> {
    let mut newest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for made in all.values().filter(|made| made.is_planned) {
        let latest = newest.entry(&made.schedule).or_insert(made.scheduled_for);
        *latest = made.scheduled_for.max(*latest);
    }
    let stays = |made: &Made| {
        made.claimed_at >= before
            || made.is_open
            || made.is_planned && newest[made.schedule.as_str()] == made.scheduled_for
    };
    let left = all.iter().filter(|(_, made)| stays(made));
    left.map(|(id, _)| *id).collect()
}

pub(super) async fn only_what_is_old_closed_and_not_the_newest_is_removed(database: Database) {
    let store = database.migrated().await;
    let mut random = Random::named(7, "retention");
    let all = history(&store, &mut random).await;
    let schedules: BTreeSet<ScheduleId> =
        all.values().map(|made| schedule(&made.schedule)).collect();
    let schedules: Vec<ScheduleId> = schedules.into_iter().collect();
    let latest = store.latest_fires(&schedules, now()).await.unwrap();
    for (runs, tasks) in [(50, 40), (30, 50), (10, 2), (1, 1)] {
        let history = keep(runs, tasks);
        let expected = store.prunable(&history, now()).await.unwrap();
        let pruned = store.prune(&history, now(), || true).await.unwrap();
        assert_eq!(pruned, expected, "a dry run counts what is removed");
        assert!(pruned.runs > 0 && pruned.tasks > 0, "{pruned:?}");
        let kept = stored(&store).await;
        assert_eq!(kept, left(&all, ago(24 * i64::from(runs))), "{runs} days");
        assert_eq!(store.latest_fires(&schedules, now()).await.unwrap(), latest);
        for (id, made) in &all {
            let is_young = made.claimed_at >= ago(24 * i64::from(runs.min(tasks)));
            let expected = if kept.contains(id) && (is_young || made.is_open) {
                made.tasks
            } else {
                0
            };
            let tasks = store.tasks(*id).await.unwrap().len();
            assert_eq!(tasks, expected, "{made:?}");
        }
        let again = store.prune(&history, now(), || true).await.unwrap();
        assert!(again.is_empty(), "{again:?}");
    }
}

pub(super) async fn samples_and_durations_go_by_their_own_age(database: Database) {
    let store = database.migrated().await;
    let epoch = store.begin_epoch(ago(100)).await.unwrap();
    let meter = Meter::default();
    for hours in [72, 49, 48, 30, 24, 23, 0] {
        meter.record(Work::Request, "yahoo.chart", DAY);
        let sample = Some(ResourceSample::default());
        store
            .save_samples(epoch, ago(hours), sample, &meter.take())
            .await
            .unwrap();
    }
    let history = HistorySettings {
        samples: 2 * DAY,
        ..keep(1, 1)
    };
    let pruned = store.prune(&history, now(), || true).await.unwrap();
    let expected = Pruned {
        samples: 2,
        durations: 4,
        ..Pruned::default()
    };
    assert_eq!(pruned, expected, "a row as old as the limit stays");
    let since = Timestamp::UNIX_EPOCH;
    let window = Window::new(since, at("2100-01-01T00:00:00Z"), 1);
    let resources = store.resource_report(&window).await.unwrap();
    let left = resources.total.samples;
    let durations = store.work_report(&window).await.unwrap().durations;
    assert_eq!((left, durations[0].count), (5, 3));
    // The same rows, a smaller number in the file.
    let shorter = store.prune(&keep(1, 1), now(), || true).await.unwrap();
    assert_eq!((shorter.samples, shorter.durations), (2, 0));
}

pub(super) async fn more_rows_than_a_batch_go_and_others_write_meanwhile(database: Database) {
    let store = database.migrated().await;
    let epoch = store.begin_epoch(ago(1_000)).await.unwrap();
    // Two runs larger than a batch, and more runs than one has room for.
    for n in 0..2 {
        let made = Made {
            schedule: "large".to_owned(),
            scheduled_for: ago(900 + n),
            claimed_at: ago(900),
            is_planned: true,
            is_open: false,
            tasks: 1_500,
        };
        make(
            &store,
            epoch,
            &made,
            RunOrigin::Schedule,
            RunState::Succeeded,
        )
        .await;
    }
    let mut missed: Vec<_> = (0..2_500)
        .map(|n| claim("dense", ago(800) + SignedDuration::from_secs(n)))
        .collect();
    for fire in &mut missed {
        fire.state = RunState::Missed;
    }
    store.claim(&missed, epoch, ago(800)).await.unwrap();
    let other = database.open().await;
    let writing = async {
        for n in 0..20 {
            let fire = claim("busy", now() + SignedDuration::from_secs(n));
            let ours = other.claim(&[fire], epoch, now()).await.unwrap();
            assert_eq!(ours.len(), 1);
        }
    };
    let history = keep(30, 30);
    let (pruned, ()) = tokio::join!(store.prune(&history, now(), || true), writing);
    let pruned = pruned.unwrap();
    assert_eq!((pruned.runs, pruned.tasks), (2_500, 3_000));
    assert_eq!(stored(&store).await.len(), 2 + 20);
}

pub(super) async fn a_prune_that_is_told_to_stop_goes_on_the_next_time(database: Database) {
    let store = database.migrated().await;
    let epoch = store.begin_epoch(ago(1_000)).await.unwrap();
    let mut missed: Vec<_> = (0..2_500)
        .map(|n| claim("dense", ago(800) + SignedDuration::from_secs(n)))
        .collect();
    for fire in &mut missed {
        fire.state = RunState::Missed;
    }
    store.claim(&missed, epoch, ago(800)).await.unwrap();
    let batches = std::cell::Cell::new(2);
    let go_on = || {
        batches.set(batches.get() - 1);
        batches.get() >= 0
    };
    let history = keep(30, 30);
    let some = store.prune(&history, now(), go_on).await.unwrap();
    assert_eq!(some.runs, 2_000, "two batches");
    let rest = store.prune(&history, now(), || true).await.unwrap();
    assert_eq!(rest.runs, 499, "the newest stays");
}
