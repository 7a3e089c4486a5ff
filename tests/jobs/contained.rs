//! What fails is a row: each symbol has its outcome, each run its end, others do not notice.

use std::sync::Arc;
use std::time::Duration;

use finstage::domain::{JobKind, RunState};
use finstage::jobs::Assignment;
use finstage::runner::Admission;
use finstage::simulator::{Fault, Options};

use super::moody::moody;
use super::world::simulated;
use crate::support::values::day;

#[tokio::test]
async fn each_symbol_fails_for_its_own_reason_and_the_others_are_stored() {
    let (simulator, world) = simulated(Options::default()).await;
    let symbols = [
        "AAPL",
        "BADROW1",
        "DEAD1",
        "EMPTY1",
        "NOTFOUND1",
        "NOTFOUND2.L",
        "ZERO1",
    ];
    let run = world.run(JobKind::DailyBars, &symbols).await;
    assert_eq!(run.end.state, RunState::PartlyFailed);
    let expected = [
        "AAPL succeeded",
        "BADROW1 succeeded",
        "DEAD1 no_data",
        "EMPTY1 no_data",
        "NOTFOUND1 not_found",
        "NOTFOUND2.L not_found",
        "ZERO1 succeeded",
    ];
    assert_eq!(run.told(), expected);
    for (task, rejects) in run
        .tasks
        .iter()
        .zip([false, true, false, false, false, false, true])
    {
        assert_eq!(task.rows_rejected > 0, rejects, "{task:?}");
        assert_eq!((task.calls, task.retries), (1, 0), "{}", task.symbol);
        assert_eq!(task.message.is_some(), task.outcome == "failed");
    }
    for name in ["AAPL", "BADROW1", "ZERO1"] {
        assert!(world.bars(name).await.len() > 2_000, "{name}");
    }
    assert!(world.bars("DEAD1").await.is_empty());
    let none = world.run(JobKind::Quotes, &["NOTFOUND1", "DEAD1"]).await;
    assert_eq!(none.end.state, RunState::Failed);
    simulator.stop().await;
}

#[tokio::test]
async fn faults_in_a_third_of_the_answers_are_mended_by_asking_again() {
    let options = Options {
        fault_rate: 0.3,
        faults: vec![
            Fault::ServerError,
            Fault::Html,
            Fault::Empty,
            Fault::Truncated,
            Fault::Reset,
            Fault::TooMany,
        ],
        ..Options::default()
    };
    let (simulator, world) = simulated(options).await;
    let names: Vec<String> = (0..60).map(|n| format!("S{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = world.run(JobKind::Quotes, &names).await;
    assert_eq!(run.end.state, RunState::Succeeded, "{:?}", run.told());
    let stats = simulator.stats();
    assert!(stats.faults >= 10, "{stats:?}");
    let calls = u64::try_from(run.run.calls).unwrap();
    let retries = u64::try_from(run.run.retries).unwrap();
    assert_eq!(calls, stats.requests);
    assert_eq!(
        retries, stats.faults,
        "each fault was asked again, and nothing else"
    );
    assert!(run.run.rate_limited > 0);
    simulator.stop().await;
}

#[tokio::test]
async fn an_answer_about_another_symbol_is_never_stored() {
    let options = Options {
        fault_rate: 1.0,
        faults: vec![Fault::WrongSymbol],
        ..Options::default()
    };
    let (simulator, world) = simulated(options).await;
    let run = world.run(JobKind::DailyBars, &["AAPL", "MSFT"]).await;
    assert_eq!(run.told(), ["AAPL bad_payload", "MSFT bad_payload"]);
    assert!(world.bars("AAPL").await.is_empty() && world.bars("MSFT").await.is_empty());
    simulator.stop().await;
}

#[tokio::test]
async fn a_backfill_waits_in_its_own_lane_and_a_job_does_not() {
    let (_, world) = moody().await;
    let whole = Assignment::Backfill {
        from: day("2026-01-01"),
        to: day("2026-12-31"),
    };
    let spec = world.spec(whole, &["OLD1", "OLD2"]).await;
    let run = world.finish(spec).await;
    assert_eq!(run.told(), ["OLD1 succeeded", "OLD2 succeeded"]);
    let run = world.run(JobKind::DailyBars, &["A", "OLD1"]).await;
    assert_eq!(run.told(), ["A succeeded", "OLD1 internal"]);
}

#[tokio::test]
async fn a_panic_is_the_outcome_of_its_symbol_and_nobody_elses() {
    let (_, world) = moody().await;
    let symbols = ["A", "PANIC1", "B", "PANIC2", "C", "D"];
    let run = world.run(JobKind::DailyBars, &symbols).await;
    assert_eq!(run.end.state, RunState::PartlyFailed);
    let expected = [
        "A succeeded",
        "B succeeded",
        "C succeeded",
        "D succeeded",
        "PANIC1 internal",
        "PANIC2 internal",
    ];
    assert_eq!(run.told(), expected);
    for name in ["A", "B", "C", "D"] {
        assert_eq!(world.bars(name).await.len(), 1, "{name}");
    }
    assert_eq!(world.runner.active_runs(), 0);
    let next = world.run(JobKind::DailyBars, &["A"]).await;
    assert_eq!(next.end.state, RunState::Succeeded, "the runner lives on");
}

#[tokio::test]
async fn a_run_out_of_time_gives_every_symbol_an_outcome() {
    let (_, world) = moody().await;
    let symbols = ["A", "HANG1", "HANG2", "B", "HANG3", "HANG4", "C", "D"];
    let mut spec = world
        .spec(Assignment::Job(JobKind::DailyBars), &symbols)
        .await;
    spec.timeout = Duration::from_millis(1_500);
    Arc::make_mut(&mut spec.schedule).concurrency = 3;
    let run = world.finish(spec).await;
    assert_eq!(run.end.state, RunState::TimedOut);
    assert_eq!(run.run.reason.as_deref(), Some("not done within 1.50s"));
    let told = run.told();
    assert_eq!(told[..2], ["A succeeded", "B succeeded"]);
    // C and D had no turn: three hang before them.
    assert!(
        told[2..].iter().all(|told| told.ends_with(" timeout")),
        "{told:?}"
    );
    assert_eq!(world.bars("A").await.len(), 1, "what was done is kept");
    assert_eq!(world.runner.totals(), (0, 0));
}

#[tokio::test]
async fn an_abort_ends_all_runs_and_each_is_closed_in_the_ledger() {
    let (upstream, world) = moody().await;
    let mut runs = Vec::new();
    for symbols in [["HANG1", "B", "C"], ["HANG2", "E", "F"]] {
        let mut spec = world.spec(Assignment::Job(JobKind::Quotes), &symbols).await;
        Arc::make_mut(&mut spec.schedule).concurrency = 1;
        runs.push((spec.run_id, world.runner.admit(spec, Admission::Beside)));
        upstream.hanging.notified().await;
    }
    assert_eq!(world.runner.active_runs(), 2);
    world.runner.abort();
    world.runner.drained().await;
    assert_eq!(world.runner.active_runs(), 0);
    for (run_id, handle) in runs {
        let left = world.left(run_id, handle.await.unwrap()).await;
        assert_eq!(left.end.state, RunState::Cancelled);
        assert_eq!(left.run.state, "cancelled");
        assert!(
            left.told().iter().all(|told| told.ends_with(" cancelled")),
            "{:?}",
            left.told()
        );
    }
}

#[tokio::test]
async fn a_database_that_fails_is_the_outcome_of_the_tasks_and_the_run_still_ends() {
    let (_, world) = moody().await;
    let spec = world
        .spec(Assignment::Job(JobKind::DailyBars), &["A", "B"])
        .await;
    let id = spec.run_id;
    // The tables of prices are gone, the ledger is not.
    let url = format!("sqlite://{}", world.database_file().display());
    let behind = sea_orm::Database::connect(url).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&behind, "DROP TABLE daily_bars")
        .await
        .unwrap();
    let end = world.runner.admit(spec, Admission::Beside).await.unwrap();
    let left = world.left(id, end).await;
    assert_eq!(left.told(), ["A store", "B store"]);
    assert_eq!(left.end.state, RunState::Failed);
}
