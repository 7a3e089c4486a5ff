//! Configurations the tests of a running daemon share, and what its ledger must hold afterwards.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use finstage::simulator::{Options, Simulator};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::daemon::{Home, fire_ms};

/// An upstream that answers at once.
pub(crate) fn quick() -> (Runtime, Simulator) {
    super::simulator(Options::default())
}

/// An upstream that answers after so long.
pub(crate) fn slow(latency: Duration) -> (Runtime, Simulator) {
    super::simulator(Options {
        latency,
        ..Options::default()
    })
}

/// An upstream on which every request hangs.
pub(crate) fn hanging() -> (Runtime, Simulator) {
    slow(Duration::from_mins(10))
}

/// A whole file: `schedules` over `simulator`, at a pace that is in nobody's way.
pub(crate) fn config(simulator: &Simulator, schedules: &str) -> String {
    format!(
        "[daemon]\ndrain = \"100ms\"\nlog = {{ level = \"debug\" }}\n[upstream.yahoo]\n\
         base_url = \"{}\"\nmax_rps = 1000.0\nburst = 100\nconcurrency = 16\n{schedules}",
        simulator.base_url()
    )
}

/// A schedule that is not due by itself in a test's life.
pub(crate) fn idle(name: &str, symbols: &str) -> String {
    let trigger = "cron = \"0 0 29 2 *\"\ncatchup_window = \"0s\"";
    table(name, symbols, trigger)
}

/// A schedule that is due every second.
pub(crate) fn every_second(name: &str, more: &str) -> String {
    table(name, "\"A\"", &format!("every = \"1s\"\n{more}"))
}

pub(crate) fn table(name: &str, symbols: &str, more: &str) -> String {
    format!(
        "[schedules.{name}]\njob = \"quotes\"\nsymbols = [{symbols}]\ncancel_grace = \"0s\"\n{more}\n"
    )
}

/// What the sqlite3 shell says to a query.
pub(crate) fn sql(home: &Home, query: &str) -> String {
    let output = Command::new("sqlite3")
        .arg(home.path().join("data/finstage.db"))
        .arg(query)
        .output()
        .expect("the sqlite3 shell (scripts/check installs it)");
    assert!(output.status.success(), "{query}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The rows a schedule's own fires have, in order.
pub(crate) fn planned<'r>(rows: &'r [Value], schedule: &str) -> Vec<&'r Value> {
    let is_planned = |row: &&Value| {
        row["schedule"] == schedule
            && (row["trigger"] == "schedule" || row["trigger"] == "catch_up")
    };
    rows.iter().filter(is_planned).collect()
}

/// Every second between the schedule's first and last fire has one row and no more; gives the rows.
#[track_caller]
pub(crate) fn is_gapless<'r>(rows: &'r [Value], schedule: &str) -> Vec<&'r Value> {
    let rows = planned(rows, schedule);
    assert!(!rows.is_empty(), "{schedule} has no row");
    for pair in rows.windows(2) {
        let apart = fire_ms(pair[1]) - fire_ms(pair[0]);
        assert_eq!(apart, 1_000, "lost or doubled: {pair:#?}");
    }
    rows
}

/// Every row has its end, and one that ran has what a run has.
#[track_caller]
pub(crate) fn all_closed(rows: &[Value]) {
    for row in rows {
        let state = row["state"].as_str().unwrap();
        assert!(state != "claimed" && state != "running", "left open: {row}");
        assert!(row["finished_at"].is_string(), "no end: {row}");
        if state == "succeeded" {
            assert_eq!(row["tasks_succeeded"], row["tasks_total"], "{row}");
        }
    }
}

/// No fire was begun twice, but to resume it.
#[track_caller]
pub(crate) fn begun_once(log: &[Value]) {
    let mut begun: BTreeMap<(String, i64), usize> = BTreeMap::new();
    for event in log.iter().filter(|event| event["event"] == "run.started") {
        let fire = (event["schedule.name"].to_string(), fire_ms(event));
        *begun.entry(fire).or_default() += 1;
    }
    let twice: Vec<_> = begun.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "begun twice: {twice:?}");
}

/// How many rows of each state there are.
pub(crate) fn tally(rows: &[Value]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for row in rows {
        let state = row["state"].as_str().unwrap().to_owned();
        *tally.entry(state).or_default() += 1;
    }
    tally
}
