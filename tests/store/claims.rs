//! The claim: each fire is somebody's, once.

use std::collections::BTreeSet;

use finstage::domain::{JobKind, RunOrigin, RunState};
use finstage::store::Claim;
use jiff::Timestamp;

use super::ledger::{all_runs, claim_one, epoch, noon};
use crate::support::database::Database;
use crate::support::values::{at, claim};

fn fires(count: i64) -> Vec<Claim> {
    (0..count)
        .map(|n| {
            let minute = Timestamp::from_second(1_700_000_000 + 60 * n).unwrap();
            claim(&format!("s{}", n % 7), minute)
        })
        .collect()
}

pub(super) async fn of_two_daemons_one_wins_each_fire(database: Database) {
    let (one, two) = (database.migrated().await, database.open().await);
    let (first, second) = (epoch(&one).await, epoch(&two).await);
    assert_ne!(first, second);
    let fires = fires(300);
    let mut won = BTreeSet::new();
    // Small claims in turn, so that the two really meet.
    for part in fires.chunks(10) {
        let (a, b) = tokio::join!(
            one.claim(part, first, noon()),
            two.claim(part, second, noon())
        );
        for (fire, (a, b)) in part.iter().zip(a.unwrap().iter().zip(b.unwrap())) {
            assert!(a.is_none() || b.is_none(), "{fire:?} was won twice");
            let fire = (fire.fire.schedule.clone(), fire.fire.scheduled_for);
            won.extend(a.or(b).map(|_| fire));
        }
    }
    assert_eq!(won.len(), fires.len(), "a fire was won by nobody");
    assert_eq!(all_runs(&one).await.len(), fires.len());
}

pub(super) async fn five_thousand_fires_are_claimed_at_once(database: Database) {
    let store = database.migrated().await;
    let (first, second) = (epoch(&store).await, epoch(&store).await);
    let fires = fires(5_000);
    let ours = store.claim(&fires, first, noon()).await.unwrap();
    let ids: BTreeSet<i64> = ours.iter().flatten().map(|ours| ours.run_id).collect();
    assert_eq!((ours.len(), ids.len()), (5_000, 5_000));
    assert!(ours.iter().flatten().all(|ours| ours.is_open));
    let again = store.claim(&fires, first, noon()).await.unwrap();
    assert_eq!(
        again, ours,
        "a claim whose answer was lost may be made again"
    );
    let theirs = store.claim(&fires, second, noon()).await.unwrap();
    assert_eq!(theirs, [None].repeat(5_000));
    assert!(store.claim(&[], first, noon()).await.unwrap().is_empty());
}

pub(super) async fn alike_or_not_fires_keep_their_own_numbers(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    let jobs = [JobKind::Quotes, JobKind::DailyBars, JobKind::PriceSnapshots];
    let states = [RunState::Claimed, RunState::Paused];
    let fires: Vec<Claim> = (0..300)
        .map(|n| Claim {
            job: jobs[n % 3],
            state: states[n % 5 / 4],
            lateness_ms: i64::try_from(n % 2).unwrap(),
            ..claim(&format!("s{n}"), noon())
        })
        .collect();
    let ours = store.claim(&fires, epoch, noon()).await.unwrap();
    for (claim, ours) in fires.iter().zip(ours) {
        let ours = ours.unwrap();
        let row = store.run(ours.run_id).await.unwrap().unwrap();
        assert_eq!(row.schedule, claim.fire.schedule.as_str());
        assert_eq!(
            (row.job.as_str(), row.lateness_ms),
            (claim.job.as_str(), claim.lateness_ms)
        );
        assert_eq!(row.state, claim.state.as_str());
        assert_eq!(ours.is_open, claim.state == RunState::Claimed);
        assert_eq!(row.finished_at.is_some(), claim.state == RunState::Paused);
    }
}

pub(super) async fn a_claim_tells_of_the_fires_asked_for_and_no_others(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    let [early, middle, late] =
        ["10:00", "11:00", "12:00"].map(|time| at(&format!("2026-11-23T{time}:00Z")));
    let before = store
        .claim(&[claim("a", middle)], epoch, noon())
        .await
        .unwrap();
    let asked = [claim("a", early), claim("a", late)];
    let ours = store.claim(&asked, epoch, noon()).await.unwrap();
    let ids = ours.iter().flatten().map(|ours| ours.run_id);
    assert!(
        ours.len() == 2 && ids.clone().all(|id| id != before[0].unwrap().run_id),
        "one of an earlier claim would run twice"
    );
    for (ours, asked) in ids.zip([early, late]) {
        let row = store.run(ours).await.unwrap().unwrap();
        assert_eq!(row.scheduled_for, asked, "told in the order of asking");
    }
    // A claim whose answer was lost may be made again.
    let again = store
        .claim(&[claim("a", middle)], epoch, noon())
        .await
        .unwrap();
    assert_eq!(again, before);
}

pub(super) async fn a_fire_between_two_milliseconds_is_still_found(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    for text in [
        "2026-11-23T10:00:00.123456789Z",
        "1969-12-31T23:59:59.9995Z",
    ] {
        let ours = store
            .claim(&[claim("a", at(text))], epoch, noon())
            .await
            .unwrap();
        assert!(ours[0].is_some(), "{ours:?}");
    }
}

pub(super) async fn a_claimed_fire_survives_a_restart(database: Database) {
    let store = database.migrated().await;
    let own = epoch(&store).await;
    let id = claim_one(&store, own, claim("a", noon())).await;
    store.close().await;
    let store = database.open().await;
    let run = store.run(id).await.unwrap().unwrap();
    assert_eq!(
        (run.schedule.as_str(), run.state.as_str()),
        ("a", "claimed")
    );
    assert_eq!(run.scheduled_for, noon());
    let next = epoch(&store).await;
    assert!(
        store
            .claim(&[claim("a", noon())], next, noon())
            .await
            .unwrap()[0]
            .is_none()
    );
}

pub(super) async fn a_fire_that_is_not_run_is_a_closed_row(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    for state in [RunState::Missed, RunState::SkippedOverlap] {
        let fire = Claim {
            state,
            origin: RunOrigin::CatchUp,
            reason: Some("nobody was there".to_owned()),
            ..claim(&state.as_str().replace('_', "-"), noon())
        };
        let id = claim_one(&store, epoch, fire).await;
        let row = store.run(id).await.unwrap().unwrap();
        assert_eq!(row.state, state.as_str());
        assert_eq!(row.trigger, "catch_up");
        assert_eq!(row.finished_at, Some(noon()));
        assert_eq!(row.started_at, None);
        assert_eq!(row.reason.as_deref(), Some("nobody was there"));
    }
    assert!(store.interrupted(epoch).await.unwrap().is_empty());
}
