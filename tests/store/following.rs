//! Which runs of a leader still have to be followed.

use finstage::domain::{RunOrigin, RunState, RunTotals, TaskOutcome, TaskResult};
use finstage::store::{Claim, RunEnd, Store};
use jiff::{SignedDuration, Timestamp};

use crate::support::database::Database;
use crate::support::values::{at, claim, schedule, symbol};

const NOON: &str = "2026-11-20T12:00:00Z";

fn minute(n: i64) -> Timestamp {
    at(NOON) + SignedDuration::from_mins(n)
}

/// A run of `name` planned for a minute, that ended as told five minutes later.
async fn ran(store: &Store, name: &str, n: i64, origin: RunOrigin, state: RunState) -> i64 {
    let epoch = store.begin_epoch(minute(n)).await.unwrap();
    let claim = Claim {
        origin,
        ..claim(name, minute(n))
    };
    let ours = store.claim(&[claim], epoch, minute(n)).await.unwrap();
    let end = RunEnd {
        state,
        totals: RunTotals::default(),
        duration_ms: 1,
        reason: None,
        cost: None,
    };
    let run_id = ours[0].unwrap().run_id;
    store.run_ended(run_id, &end, minute(n + 5)).await.unwrap();
    run_id
}

/// A run that was cut off with its daemon after a task that wrote so many rows.
async fn cut_off(store: &Store, n: i64, origin: RunOrigin, rows_written: u64) {
    let run_id = ran(store, "leader", n, origin, RunState::Abandoned).await;
    let outcome = TaskOutcome {
        symbol: symbol("A"),
        result: TaskResult::Succeeded {
            rows_written,
            rows_rejected: 0,
        },
        calls: 1,
        retries: 0,
        rate_limited: 0,
        started_at: minute(n),
        duration_ms: 1,
    };
    store.tasks_ended(run_id, &[outcome]).await.unwrap();
}

pub(super) async fn runs_without_a_row_of_the_follower_are_found_and_no_others(database: Database) {
    let store = database.migrated().await;
    let planned = RunOrigin::Schedule;
    let states = [
        (0, RunState::Succeeded),
        (10, RunState::PartlyFailed),
        (20, RunState::TimedOut),
        (30, RunState::Failed),
        (40, RunState::Cancelled),
        (50, RunState::Succeeded),
    ];
    for (n, state) in states {
        ran(&store, "leader", n, planned, state).await;
    }
    for (n, origin) in [
        (51, RunOrigin::Manual),
        (52, RunOrigin::Retry),
        (53, RunOrigin::Backfill),
    ] {
        ran(&store, "leader", n, origin, RunState::Succeeded).await;
    }
    ran(&store, "other", 12, planned, RunState::Succeeded).await;
    cut_off(&store, 54, RunOrigin::Manual, 3).await;
    cut_off(&store, 55, RunOrigin::Manual, 0).await;
    let (leader, follower) = (schedule("leader"), schedule("follower"));
    let open = async |since: i64| -> Vec<Timestamp> {
        let open = store.unfollowed(&leader, &follower, minute(since), minute(60));
        let open = open.await.unwrap().into_iter();
        open.map(|one| {
            assert_eq!(
                one.finished_at,
                one.scheduled_for + SignedDuration::from_mins(5)
            );
            one.scheduled_for
        })
        .collect()
    };
    let people = [51, 52, 53, 54];
    let with = |mine: &[i64]| -> Vec<Timestamp> {
        let all = mine.iter().chain(&people);
        all.copied().map(minute).collect()
    };
    assert_eq!(open(0).await, with(&[0, 10, 20, 50]));
    ran(&store, "follower", 10, planned, RunState::Missed).await;
    assert_eq!(open(0).await, with(&[0, 20, 50]), "whatever became of it");
    // What counts is when it ended.
    assert_eq!(open(5).await, with(&[0, 20, 50]));
    assert_eq!(open(6).await, with(&[20, 50]));
    assert_eq!(open(57).await, [52, 53, 54].map(minute));
    assert!(open(60).await.is_empty());
}
