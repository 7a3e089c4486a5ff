//! Steps of the clock, as the ledger sees them.

use finstage::domain::{RunOrigin, RunState};
use finstage::store::{Claim, RunFilter};
use jiff::SignedDuration;

use super::ledger::{epoch, noon};
use crate::support::database::Database;
use crate::support::values::claim;

pub(super) async fn what_was_passed_over_and_is_still_to_come_is_forgotten(database: Database) {
    let store = database.migrated().await;
    let own = epoch(&store).await;
    let fire = |minute: i64, state: RunState, origin: RunOrigin| Claim {
        state,
        origin,
        ..claim("a", noon() + SignedDuration::from_mins(minute))
    };
    let planned = RunOrigin::Schedule;
    let kept = [
        fire(-1, RunState::Missed, planned),
        fire(0, RunState::Missed, planned),
        fire(1, RunState::Claimed, RunOrigin::CatchUp),
        fire(2, RunState::SkippedOverlap, RunOrigin::Manual),
    ];
    let passed_over = [
        fire(3, RunState::Missed, planned),
        fire(4, RunState::Paused, planned),
        fire(5, RunState::Holiday, planned),
        fire(6, RunState::SkippedOverlap, RunOrigin::CatchUp),
    ];
    let all = [&kept[..], &passed_over].concat();
    store.claim(&all, own, noon()).await.unwrap();
    assert_eq!(store.forget_after(noon()).await.unwrap(), 4);
    assert_eq!(store.forget_after(noon()).await.unwrap(), 0);
    let filter = RunFilter {
        limit: 100,
        ..RunFilter::default()
    };
    assert_eq!(store.runs(&filter).await.unwrap().len(), kept.len());
    let again = fire(3, RunState::Claimed, planned);
    let ours = store.claim(&[again], own, noon()).await.unwrap();
    assert!(
        ours[0].unwrap().is_open,
        "it can be run when its time comes"
    );
}
