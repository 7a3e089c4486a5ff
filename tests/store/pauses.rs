//! Pauses, and the failures that lead to them.

use finstage::domain::{Pause, RunState};

use super::ledger::{claim_one, end, epoch, noon};
use crate::support::database::Database;
use crate::support::values::{at, claim, schedule};

pub(super) async fn pauses_are_kept_replaced_and_ended(database: Database) {
    let store = database.migrated().await;
    let pause = Pause {
        schedule: schedule("a"),
        paused_at: noon(),
        until: None,
        note: Some("it's \"down\"".to_owned()),
        paused_by: "ada".to_owned(),
    };
    store.pause(&pause).await.unwrap();
    let until = Pause {
        until: Some(at("2026-11-24T12:00:00Z")),
        note: None,
        ..pause.clone()
    };
    let other = Pause {
        schedule: schedule("b"),
        ..pause
    };
    store.pause(&until).await.unwrap();
    store.pause(&other).await.unwrap();
    let mut pauses = store.pauses().await.unwrap();
    pauses.sort_by(|one, other| one.schedule.cmp(&other.schedule));
    assert_eq!(pauses, [until, other.clone()]);
    store.resume(&schedule("a"), noon()).await.unwrap();
    store.resume(&schedule("never"), noon()).await.unwrap();
    assert_eq!(store.pauses().await.unwrap(), [other]);
}

pub(super) async fn failures_in_a_row_end_with_a_better_run_or_a_resumption(database: Database) {
    let store = database.migrated().await;
    let own = epoch(&store).await;
    let minute = |n: i64| noon() + jiff::SignedDuration::from_mins(n);
    let run = async |n: i64, state: RunState| {
        let id = claim_one(&store, own, claim("a", minute(n))).await;
        store.run_ended(id, &end(state), minute(n)).await.unwrap();
    };
    let failures = async || store.failures_in_a_row(&schedule("a"), 3).await.unwrap();
    assert_eq!(failures().await, 0);
    run(1, RunState::Failed).await;
    run(2, RunState::Succeeded).await;
    run(3, RunState::TimedOut).await;
    run(4, RunState::Cancelled).await;
    run(5, RunState::Failed).await;
    assert_eq!(failures().await, 2, "a cancelled run counts neither way");
    assert_eq!(
        store.last_success(&schedule("a")).await.unwrap(),
        Some(minute(2))
    );
    run(6, RunState::Failed).await;
    assert_eq!(failures().await, 3);
    let pause = Pause {
        schedule: schedule("a"),
        paused_at: minute(6),
        until: None,
        note: None,
        paused_by: "finstage".to_owned(),
    };
    store.pause(&pause).await.unwrap();
    store.resume(&schedule("a"), minute(7)).await.unwrap();
    assert_eq!(failures().await, 0);
    run(8, RunState::Failed).await;
    assert_eq!(failures().await, 1);
}
