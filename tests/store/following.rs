//! Which runs of a leader still have to be followed.

use finstage::domain::{RunOrigin, RunState, RunTotals};
use finstage::store::{Claim, RunEnd, Store};
use jiff::{SignedDuration, Timestamp};

use crate::support::database::Database;
use crate::support::values::{at, claim, schedule};

const NOON: &str = "2026-11-20T12:00:00Z";

fn minute(n: i64) -> Timestamp {
    at(NOON) + SignedDuration::from_mins(n)
}

/// A run of `name` planned for a minute, that ended as told five minutes later.
async fn ran(store: &Store, name: &str, n: i64, origin: RunOrigin, state: RunState) {
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
    ran(&store, "leader", 51, RunOrigin::Manual, RunState::Succeeded).await;
    ran(&store, "other", 12, planned, RunState::Succeeded).await;
    let (leader, follower) = (schedule("leader"), schedule("follower"));
    let open = async |since: i64| {
        let open = store.unfollowed(&leader, &follower, minute(since), minute(60));
        open.await.unwrap()
    };
    assert_eq!(open(0).await, [0, 10, 20, 50].map(minute));
    ran(&store, "follower", 10, planned, RunState::Missed).await;
    assert_eq!(
        open(0).await,
        [0, 20, 50].map(minute),
        "whatever became of it"
    );
    // What counts is when it ended.
    assert_eq!(open(5).await, [0, 20, 50].map(minute));
    assert_eq!(open(6).await, [20, 50].map(minute));
    assert!(open(56).await.is_empty());
}
