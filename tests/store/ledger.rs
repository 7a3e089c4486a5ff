//! The ledger: what a run leaves in it, and what is told of that.

use std::collections::BTreeSet;

use finstage::domain::{
    FaultClass, RunCost, RunOrigin, RunState, RunTotals, TaskOutcome, TaskResult,
};
use finstage::store::{Claim, Epoch, Interrupted, Recovery, RunEnd, RunFilter, RunRow, Store};
use jiff::Timestamp;

use crate::support::database::Database;
use crate::support::values::{at, claim, schedule, symbol};

const NOON: &str = "2026-11-23T12:00:00Z";

pub(super) fn noon() -> Timestamp {
    at(NOON)
}

pub(super) async fn epoch(store: &Store) -> Epoch {
    store.begin_epoch(noon()).await.unwrap()
}

pub(super) async fn claim_one(store: &Store, epoch: Epoch, fire: Claim) -> i64 {
    let ours = store.claim(&[fire], epoch, noon()).await.unwrap();
    ours[0].unwrap().run_id
}

pub(super) async fn all_runs(store: &Store) -> Vec<RunRow> {
    let all = RunFilter {
        limit: 100_000,
        ..RunFilter::default()
    };
    store.runs(&all).await.unwrap()
}

pub(super) fn end(state: RunState) -> RunEnd {
    RunEnd {
        state,
        totals: RunTotals::default(),
        duration_ms: 5,
        reason: None,
        cost: None,
    }
}

fn outcomes() -> Vec<TaskOutcome> {
    let outcome = |name: &str, result| TaskOutcome {
        symbol: symbol(name),
        result,
        calls: 3,
        retries: 2,
        rate_limited: 1,
        started_at: at("2026-11-23T12:00:00.250Z"),
        duration_ms: 1_234,
    };
    vec![
        outcome(
            "MSFT",
            TaskResult::Failed {
                class: FaultClass::Outage,
                message: "no answer; it's \"gone\" — 消えた\n\0".to_owned(),
            },
        ),
        outcome(
            "AAPL",
            TaskResult::Succeeded {
                rows_written: 2_515,
                rows_rejected: 4,
            },
        ),
    ]
}

pub(super) async fn a_run_is_told_as_it_was_written(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    let id = claim_one(&store, epoch, claim("a", noon())).await;
    let (started, ended) = (
        at("2026-11-23T12:00:01.001Z"),
        at("2026-11-23T12:00:03.999Z"),
    );
    store.run_started(id, 2, started).await.unwrap();
    let running = store.run(id).await.unwrap().unwrap();
    assert_eq!(
        (running.state.as_str(), running.tasks_total),
        ("running", 2)
    );
    assert_eq!(
        (running.started_at, running.finished_at),
        (Some(started), None)
    );
    store.tasks_ended(id, &outcomes()).await.unwrap();
    let mut totals = RunTotals {
        tasks_total: 2,
        ..RunTotals::default()
    };
    for outcome in outcomes() {
        totals.add(&outcome);
    }
    let run_end = RunEnd {
        state: totals.final_state(),
        totals,
        duration_ms: 2_998,
        reason: Some("because".to_owned()),
        cost: Some(RunCost {
            memory_peak_bytes: 33_000_000,
            cpu_ms: 120,
        }),
    };
    store.run_ended(id, &run_end, ended).await.unwrap();
    let row = store.run(id).await.unwrap().unwrap();
    assert_eq!(
        (row.state.as_str(), row.finished_at),
        ("partly_failed", Some(ended))
    );
    assert_eq!(
        (row.tasks_total, row.tasks_succeeded, row.tasks_failed),
        (2, 1, 1)
    );
    assert_eq!((row.calls, row.retries, row.rate_limited), (6, 4, 2));
    assert_eq!((row.rows_written, row.duration_ms), (2_515, Some(2_998)));
    assert_eq!(row.reason.as_deref(), Some("because"));
    assert_eq!(
        (row.memory_peak_bytes, row.cpu_ms),
        (Some(33_000_000), Some(120))
    );
    let tasks = store.tasks(id).await.unwrap();
    let names: Vec<&str> = tasks.iter().map(|task| task.symbol.as_str()).collect();
    assert_eq!(names, ["AAPL", "MSFT"], "in order of symbol");
    assert_eq!((tasks[0].rows_written, tasks[0].rows_rejected), (2_515, 4));
    assert_eq!(
        (tasks[0].outcome.as_str(), &tasks[0].class),
        ("succeeded", &None)
    );
    assert_eq!(tasks[1].class.as_deref(), Some("outage"));
    assert_eq!(
        tasks[1].message.as_deref(),
        Some("no answer; it's \"gone\" — 消えた\n\0")
    );
    assert_eq!(tasks[1].started_at, at("2026-11-23T12:00:00.250Z"));
    assert_eq!((tasks[1].calls, tasks[1].duration_ms), (3, 1_234));
}

pub(super) async fn outcomes_written_twice_are_there_once(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    let id = claim_one(&store, epoch, claim("a", noon())).await;
    store.tasks_ended(id, &outcomes()).await.unwrap();
    store.tasks_ended(id, &outcomes()).await.unwrap();
    store.tasks_ended(id, &[]).await.unwrap();
    assert_eq!(store.tasks(id).await.unwrap().len(), 2);
}

pub(super) async fn runs_are_filtered_and_newest_first(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    let hours = ["09", "10", "11"].map(|hour| at(&format!("2026-11-23T{hour}:00:00Z")));
    for hour in hours {
        claim_one(&store, epoch, claim("a", hour)).await;
        let b = claim_one(&store, epoch, claim("b", hour)).await;
        store
            .run_ended(b, &end(RunState::Failed), noon())
            .await
            .unwrap();
    }
    let told = async |filter: RunFilter| {
        let runs = store.runs(&filter).await.unwrap();
        let told: Vec<String> = runs
            .iter()
            .map(|run| format!("{}{}", run.schedule, &run.scheduled_for.to_string()[11..13]))
            .collect();
        told.join(" ")
    };
    let all = RunFilter {
        limit: 100,
        ..RunFilter::default()
    };
    assert_eq!(told(all.clone()).await, "b11 a11 b10 a10 b09 a09");
    let limited = RunFilter {
        limit: 2,
        schedule: Some("a".to_owned()),
        ..all.clone()
    };
    assert_eq!(told(limited).await, "a11 a10");
    let since = RunFilter {
        since: Some(hours[1]),
        state: Some("failed".to_owned()),
        ..all
    };
    assert_eq!(told(since).await, "b11 b10");
    let latest = store.latest_runs().await.unwrap();
    let latest: BTreeSet<i64> = latest
        .iter()
        .map(|run| run.scheduled_for.as_second())
        .collect();
    assert_eq!(latest, BTreeSet::from([hours[2].as_second()]));
}

pub(super) async fn manual_runs_do_not_count_as_fires(database: Database) {
    let store = database.migrated().await;
    let epoch = epoch(&store).await;
    let [early, late] = ["2026-11-23T09:00:00Z", "2026-11-23T09:00:00.500Z"].map(at);
    let catch_up = Claim {
        origin: RunOrigin::CatchUp,
        ..claim("a", late)
    };
    let manual = Claim {
        origin: RunOrigin::Manual,
        ..claim("a", noon())
    };
    store
        .claim(&[claim("a", early), catch_up, manual], epoch, noon())
        .await
        .unwrap();
    let asked = ["a", "b"].map(schedule);
    let latest = store.latest_fires(&asked, noon()).await.unwrap();
    assert_eq!(latest.get(&schedule("a")), Some(&late));
    assert_eq!(latest.len(), 1);
    let before = store.latest_fires(&asked, early).await.unwrap();
    assert_eq!(before.get(&schedule("a")), Some(&early));
}

pub(super) async fn only_runs_of_dead_daemons_are_interrupted(database: Database) {
    let store = database.migrated().await;
    // Another epoch of this very process can only be a dead one: its number was used again.
    let (dead, stopped, own) = (
        epoch(&store).await,
        epoch(&store).await,
        epoch(&store).await,
    );
    store.end_epoch(stopped, noon()).await.unwrap();
    let of_dead = claim_one(&store, dead, claim("a", noon())).await;
    store.run_started(of_dead, 3, noon()).await.unwrap();
    let of_stopped = claim_one(&store, stopped, claim("b", noon())).await;
    let finished = claim_one(&store, dead, claim("c", noon())).await;
    store
        .run_ended(finished, &end(RunState::Succeeded), noon())
        .await
        .unwrap();
    let interrupted = store.interrupted(own).await.unwrap();
    let found: Vec<i64> = interrupted.iter().map(|run| run.run_id).collect();
    assert_eq!(found, [of_dead, of_stopped]);
    let later = at("2026-11-23T13:00:00Z");
    let fate = |run: &Interrupted| Recovery {
        run_id: run.run_id,
        from: run.epoch,
        is_resumed: run.run_id == of_dead,
        reason: "its daemon died".to_owned(),
    };
    let fates: Vec<Recovery> = interrupted.iter().map(fate).collect();
    let ours = store.recover(&fates, own, later).await.unwrap();
    assert_eq!(ours, [of_dead, of_stopped]);
    let state = async |id| store.run(id).await.unwrap().unwrap();
    assert_eq!(state(of_dead).await.state, "claimed");
    let abandoned = state(of_stopped).await;
    assert_eq!(
        (abandoned.state.as_str(), abandoned.finished_at),
        ("abandoned", Some(later))
    );
    assert_eq!(abandoned.reason.as_deref(), Some("its daemon died"));
    assert_eq!(state(finished).await.state, "succeeded");
    // The same decision by another start comes too late.
    let other = epoch(&store).await;
    assert!(
        store
            .recover(&fates, other, later)
            .await
            .unwrap()
            .is_empty()
    );
    // A recovery whose answer was lost is found again by the start that made it, and only there.
    let again = store.interrupted(own).await.unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].run_id, again[0].epoch), (of_dead, own));
}

pub(super) async fn what_has_ended_of_an_interrupted_run_is_told(database: Database) {
    let store = database.migrated().await;
    let own = epoch(&store).await;
    let id = claim_one(&store, own, claim("a", noon())).await;
    store.tasks_ended(id, &outcomes()).await.unwrap();
    let mut ended = store.ended_tasks(id).await.unwrap();
    ended.reverse();
    assert_eq!(ended, outcomes());
    assert!(store.ended_tasks(id + 1).await.unwrap().is_empty());
}
