//! Reports over a made-up ledger, against figures worked out another way.

use std::collections::BTreeMap;
use std::time::Duration;

use finstage::domain::{FaultClass, RunCost, RunState, RunTotals, TaskOutcome, TaskResult};
use finstage::store::reports::{DurationPart, Window};
use finstage::store::{Epoch, RunEnd, Store};
use finstage::telemetry::{Meter, Work};
use jiff::{SignedDuration, Timestamp};

use crate::support::database::Database;
use crate::support::random::Random;
use crate::support::values::{at, claim, symbol};

const BEGIN: &str = "2026-11-23T12:00:00Z";

fn begin() -> Timestamp {
    at(BEGIN)
}

fn minute(number: i64) -> Timestamp {
    begin() + SignedDuration::from_mins(number)
}

/// The hour from `BEGIN` on, in parts of ten minutes.
fn hour() -> Window {
    Window::new(begin(), minute(60), 6)
}

/// A run of `schedule` claimed at `time`, ended in `state` after `duration_ms`.
async fn run(
    store: &Store,
    epoch: Epoch,
    schedule: &str,
    time: Timestamp,
    state: RunState,
    duration_ms: i64,
) -> i64 {
    let mut fire = claim(schedule, time);
    fire.lateness_ms = duration_ms / 10;
    if state.is_unrun() {
        fire.state = state;
    }
    let ours = store.claim(&[fire], epoch, time).await.unwrap();
    let id = ours[0].unwrap().run_id;
    if state.is_terminal() && !state.is_unrun() {
        let end = RunEnd {
            state,
            totals: RunTotals::default(),
            duration_ms,
            reason: None,
            cost: Some(RunCost {
                memory_peak_bytes: 1_000 * duration_ms,
                cpu_ms: duration_ms / 2,
            }),
        };
        store.run_ended(id, &end, time).await.unwrap();
    }
    id
}

pub(super) async fn fires_not_run_are_no_failures_and_costs_are_summed_up(database: Database) {
    let store = database.migrated().await;
    let epoch = store.begin_epoch(begin()).await.unwrap();
    for (number, state) in RunState::ALL.into_iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        run(
            &store,
            epoch,
            "all",
            minute(number),
            state,
            100 * (number + 1),
        )
        .await;
    }
    run(&store, epoch, "none", minute(3), RunState::Holiday, 0).await;
    let report = store.run_report(&hour()).await.unwrap();
    let [all, none] = report.schedules.as_slice() else {
        panic!("{report:?}")
    };
    // Claimed and running are open; succeeded, partly failed, failed, timed out, cancelled and
    // abandoned ran, 300 to 800 ms; four were not run.
    assert_eq!((all.runs, all.succeeded, all.not_run), (6, 1, 4));
    assert!((all.success_percent.unwrap() - 100.0 / 6.0).abs() < 1e-9);
    assert_eq!(
        (
            all.duration_p50_ms,
            all.duration_p95_ms,
            all.duration_max_ms
        ),
        (Some(500), Some(800), Some(800))
    );
    assert_eq!(
        (all.lateness_p95_ms, all.lateness_max_ms),
        (Some(80), Some(80))
    );
    assert_eq!(
        all.cpu_mean_ms,
        Some((150 + 200 + 250 + 300 + 350 + 400) / 6)
    );
    assert_eq!(all.memory_peak_bytes, Some(800_000));
    assert_eq!((none.runs, none.not_run), (0, 1));
    assert_eq!((none.success_percent, none.cpu_mean_ms), (None, None));
    // Minutes 2 to 9 are of the first part, 10 and 11 of the second.
    let parts: Vec<_> = report.outcomes.iter().take(2).collect();
    assert_eq!(
        (parts[0].succeeded, parts[0].not_succeeded, parts[0].not_run),
        (1, 5, 3)
    );
    assert_eq!(
        (parts[1].succeeded, parts[1].not_succeeded, parts[1].not_run),
        (0, 0, 2)
    );
    assert_eq!(parts[0].lateness_max_ms, Some(80));
    assert_eq!(parts[1].lateness_max_ms, None);
    let curve = &report.durations["all"];
    let first = DurationPart {
        p50_ms: 500,
        max_ms: 800,
    };
    assert_eq!((curve[0], curve[1]), (Some(first), None));
    assert!(!report.durations.contains_key("none"));
    let later = Window::new(minute(7), minute(60), 1);
    let later = store.run_report(&later).await.unwrap();
    assert_eq!(
        later.schedules[0].runs, 1,
        "those claimed before are left out"
    );
}

pub(super) async fn slow_symbols_and_faults_are_counted_as_one_would_by_hand(database: Database) {
    let store = database.migrated().await;
    let epoch = store.begin_epoch(begin()).await.unwrap();
    let mut random = Random::named(7, "report");
    let before = run(&store, epoch, "us", minute(-1), RunState::Failed, 5).await;
    let old = outcome("OLD", 9_000_000, Some(FaultClass::Store), begin());
    store.tasks_ended(before, &[old]).await.unwrap();
    let mut by_symbol: BTreeMap<String, Vec<(i64, bool)>> = BTreeMap::new();
    let mut by_class: BTreeMap<&str, Vec<(i64, String)>> = BTreeMap::new();
    for number in 0..30 {
        let id = run(
            &store,
            epoch,
            "us",
            minute(number),
            RunState::PartlyFailed,
            5,
        )
        .await;
        let mut outcomes = Vec::new();
        for name in (0..40).map(|n| format!("S{n:02}")) {
            let duration = random.between(0, 100_000);
            let has_failed = random.chance(25);
            let class = has_failed.then(|| *random.pick(&FaultClass::ALL));
            by_symbol
                .entry(name.clone())
                .or_default()
                .push((duration, class.is_some()));
            if let Some(class) = class {
                let of_class = by_class.entry(class.as_str()).or_default();
                of_class.push((id, name.clone()));
            }
            outcomes.push(outcome(&name, duration, class, minute(number)));
        }
        store.tasks_ended(id, &outcomes).await.unwrap();
    }
    let slowest = store.slowest_symbols(begin()).await.unwrap();
    let mean = |tasks: &[(i64, bool)]| {
        let sum: i64 = tasks.iter().map(|(duration, _)| duration).sum();
        f64::from(i32::try_from(sum).unwrap()) / 30.0
    };
    let mut expected: Vec<_> = by_symbol.iter().collect();
    expected.sort_by(|one, other| mean(other.1).total_cmp(&mean(one.1)));
    assert_eq!(slowest.len(), 15);
    for (found, (name, tasks)) in slowest.iter().zip(expected) {
        let failed = tasks.iter().filter(|(_, has_failed)| *has_failed).count();
        let longest = tasks.iter().map(|(duration, _)| *duration).max();
        assert_eq!(&found.symbol, name);
        assert_eq!(
            (found.tasks, found.failed),
            (30, i64::try_from(failed).unwrap())
        );
        assert!(
            (found.duration_mean_ms - mean(tasks)).abs() < 1e-6,
            "{found:?}"
        );
        assert_eq!(Some(found.duration_max_ms), longest);
    }
    counted_by_class(&store, &by_class).await;
}

async fn counted_by_class(store: &Store, by_class: &BTreeMap<&str, Vec<(i64, String)>>) {
    let faults = store.fault_reports(begin()).await.unwrap();
    assert_eq!(faults.len(), by_class.len());
    assert!(faults.is_sorted_by(|one, other| one.tasks >= other.tasks));
    for fault in faults {
        let failed = &by_class[fault.class.as_str()];
        let mut symbols: Vec<&String> = failed.iter().map(|(_, name)| name).collect();
        symbols.sort();
        symbols.dedup();
        assert_eq!(fault.tasks, i64::try_from(failed.len()).unwrap());
        assert_eq!(fault.symbols, i64::try_from(symbols.len()).unwrap());
        let newest = failed.iter().map(|(id, _)| id).max();
        let of_newest = failed.iter().find(|(id, _)| Some(id) == newest).unwrap();
        assert_eq!(fault.last_symbol.as_ref(), Some(&of_newest.1));
        assert!(fault.last_message.unwrap().contains("<b>"));
        assert!(fault.last_at.is_some());
    }
}

fn outcome(
    name: &str,
    duration_ms: i64,
    class: Option<FaultClass>,
    started_at: Timestamp,
) -> TaskOutcome {
    TaskOutcome {
        symbol: symbol(name),
        result: match class {
            None => TaskResult::Succeeded {
                rows_written: 1,
                rows_rejected: 0,
            },
            Some(class) => TaskResult::Failed {
                class,
                message: "it said <b>no</b>".to_owned(),
            },
        },
        calls: 1,
        retries: 0,
        rate_limited: 0,
        started_at,
        duration_ms,
    }
}

pub(super) async fn requests_a_minute_are_those_of_the_minute_they_were_sent_in(
    database: Database,
) {
    let store = database.migrated().await;
    // A roll-up a minute, each of the minute before; that of minute 5 could not be written.
    let first = store.begin_epoch(begin()).await.unwrap();
    let meter = Meter::default();
    for (number, requests) in [(1, 60), (2, 30), (3, 0), (4, 90), (6, 240)] {
        let names: [&'static str; 2] = ["yahoo.chart", "yahoo.spark"];
        for n in 0..requests {
            meter.record(Work::Request, names[n % 2], Duration::from_millis(5));
        }
        meter.record(Work::Query, "claim", Duration::from_millis(1));
        if number == 4 {
            for _ in 0..3 {
                meter.record(Work::Refused, "yahoo", Duration::from_millis(5));
            }
        }
        let taken = meter.take();
        store
            .save_samples(first, minute(number), None, &taken)
            .await
            .unwrap();
    }
    // A verb of ten seconds beside it.
    let verb = store.begin_epoch(minute(3)).await.unwrap();
    for _ in 0..20 {
        meter.record(Work::Request, "tiingo.daily", Duration::from_millis(5));
    }
    let end = minute(3) + SignedDuration::from_secs(10);
    store
        .save_samples(verb, end, None, &meter.take())
        .await
        .unwrap();
    let window = Window::new(begin(), minute(10), 10);
    let report = store.work_report(&window).await.unwrap();
    let [tiingo, yahoo] = report.providers.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!((yahoo.provider.as_str(), yahoo.requests), ("yahoo", 420));
    assert_eq!(yahoo.refusals, 3);
    assert_eq!(yahoo.peak_per_minute, 120.0, "240 within two minutes");
    let rounded: Vec<f64> = yahoo.per_minute.iter().map(|v| v.round()).collect();
    assert_eq!(
        rounded,
        [60.0, 30.0, 0.0, 90.0, 120.0, 120.0, 0.0, 0.0, 0.0, 0.0]
    );
    assert_eq!((tiingo.requests, tiingo.peak_per_minute), (20, 20.0));
    let sum: f64 = tiingo.per_minute.iter().sum();
    assert!(
        (sum - 20.0).abs() < 1e-6,
        "nothing is lost between parts: {tiingo:?}"
    );
    let chart = report
        .durations
        .iter()
        .find(|one| one.name == "yahoo.chart");
    assert_eq!(chart.unwrap().count, 210);
}
