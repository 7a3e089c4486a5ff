//! The real binary, started, signalled and killed.

mod absence;
mod after;
mod chores;
pub(crate) mod clock;
mod control;
pub(crate) mod daemon;
mod kills;
mod looks;
mod notified;
mod outage;
mod overlap;
mod quarantine;
mod races;
mod readme;
mod reload;
mod report;
mod signals;
mod sink;
mod socket;
mod trail;
mod unreadable;
mod verbs;
pub(crate) mod watched;
mod why;
pub(crate) mod world;

use daemon::Home;
use finstage::clock::Clock;
use finstage::simulator::{Options, Simulator};
use serde_json::Value;
use std::time::Duration;

/// One schedule that is due at once, over `symbols`.
fn schedules(upstream: &str, symbols: &str, more: &str) -> String {
    format!(
        "[daemon]\ndrain = \"100ms\"\nlog = {{ level = \"debug\" }}\n[upstream.yahoo]\n{upstream}\n\
         max_rps = 1000.0\nburst = 100\nconcurrency = 4\n\
         [schedules.bars]\njob = \"daily_bars\"\ncron = \"0 0 1 1 *\"\n\
         catchup_window = \"366d\"\nsymbols = [{symbols}]\n{more}\n"
    )
}

/// A simulator on a runtime of its own.
pub(crate) fn simulator(options: Options) -> (tokio::runtime::Runtime, Simulator) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let simulator = runtime
        .block_on(Simulator::start(options, Clock::system()))
        .unwrap();
    (runtime, simulator)
}

fn states(home: &Home) -> Vec<String> {
    let runs = home.json(&["runs", "--json"]);
    let runs = runs.as_array().unwrap();
    runs.iter()
        .map(|run| run["state"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_main_job_runs_end_to_end_and_is_reported() {
    let home = Home::new(include_str!("../../schedules.toml"));
    let mut daemon = home.start(&["run", "--simulate"]);
    // The pulse may fire a second time meanwhile: schedules are counted, not runs.
    let mut finished = std::collections::HashSet::new();
    while finished.len() < 8 {
        let event = daemon.wait_for(|event| event["code"].as_str().unwrap().starts_with("FS300"));
        assert_ne!(event["level"], "error", "{event}");
        if event["event"] == "run.finished" {
            finished.insert(event["schedule.name"].to_string());
        }
    }
    let runs = home.json(&["runs", "--json"]);
    // Its second fire may be under way by now, or have found the first still going.
    let is_again = |run: &serde_json::Value| {
        run["schedule"] == "pulse" && run["state"] != "succeeded" && run["trigger"] == "schedule"
    };
    for run in runs.as_array().unwrap().iter().filter(|run| !is_again(run)) {
        assert_eq!(run["state"], "succeeded", "{run}");
        assert_eq!(run["tasks_succeeded"], run["tasks_total"], "{run}");
        assert!(
            run["finished_at"].is_string() && run["duration_ms"].is_number(),
            "{run}"
        );
    }
    let list = home.json(&["list", "--json"]);
    assert_eq!(list.as_array().unwrap().len(), 8);
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .all(|row| row["schedule"] == "pulse" || row["last_state"] == "succeeded"),
        "{list}"
    );
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert!(status.success());
    assert_eq!(log.last().unwrap()["event"], "daemon.stopped");
    let report = home.json(&["report", "--json"]);
    assert_eq!(report["schedules"].as_array().unwrap().len(), 8);
    let measured = |work: &str| {
        report["durations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["work"] == work)
    };
    assert!(
        ["run", "task", "request", "wait", "parse", "query"]
            .into_iter()
            .all(measured)
    );
    assert!(report["process"]["memory_max_bytes"].as_i64().unwrap() > 1 << 20);
}

#[test]
fn sigterm_in_the_middle_of_a_run_drains_then_aborts_and_closes_every_record() {
    let options = Options {
        latency: Duration::from_mins(1),
        ..Options::default()
    };
    let (_runtime, simulator) = simulator(options);
    let upstream = format!("base_url = \"{}\"", simulator.base_url());
    let home = Home::new(&schedules(
        &upstream,
        "\"A\", \"B\", \"C\", \"D\", \"E\", \"F\"",
        "",
    ));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.started");
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert!(status.success());
    let names: Vec<&str> = log
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    let place = |name: &str| names.iter().position(|found| *found == name).expect(name);
    assert!(place("daemon.stopping") < place("run.cancelled"));
    assert!(place("run.cancelled") < place("daemon.stopped"));
    assert_eq!(states(&home), ["cancelled"]);
    let tasks = home.json(&["runs", "--tasks", "1", "--json"]);
    let classes: Vec<&Value> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["class"])
        .collect();
    assert_eq!(
        classes, ["cancelled"; 6],
        "every symbol has its outcome, begun or not"
    );
}

#[test]
fn a_killed_daemon_leaves_a_run_that_the_next_start_takes_up_where_it_was() {
    let options = Options {
        latency: Duration::from_millis(100),
        ..Options::default()
    };
    let (_runtime, simulator) = simulator(options);
    let upstream = format!("base_url = \"{}\"", simulator.base_url());
    let symbols: Vec<String> = (0..30).map(|n| format!("\"S{n}\"")).collect();
    let home = Home::new(&schedules(
        &upstream,
        &symbols.join(", "),
        "concurrency = 1",
    ));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.started");
    // Outcomes are written about once a second.
    let ended = || home.json(&["runs", "--tasks", "1", "--json"]);
    while ended().as_array().unwrap().is_empty() {}
    daemon.signal("-KILL");
    assert!(!daemon.end().0.success());
    let kept = ended().as_array().unwrap().len() as u64;
    let asked = simulator.stats().requests;
    let mut daemon = home.start(&["run"]);
    let event = daemon.wait_for_event("daemon.unclean_previous_exit");
    assert_eq!(event["runs"], 1);
    daemon.wait_for_event("run.resumed");
    let finished = daemon.wait_for_event("run.finished");
    assert_eq!(finished["tasks.total"], 30);
    daemon.signal("-TERM");
    assert!(daemon.end().0.success());
    assert_eq!(
        states(&home),
        ["succeeded"],
        "and its fire is not run a second time"
    );
    assert_eq!(ended().as_array().unwrap().len(), 30);
    let asked_again = simulator.stats().requests - asked;
    assert_eq!(asked_again, 30 - kept, "what was done is not done again");
}

#[test]
fn a_daemon_that_was_killed_while_idle_is_told_of_at_the_next_start_and_only_there() {
    let (_runtime, simulator) = simulator(Options::default());
    let upstream = format!("base_url = \"{}\"", simulator.base_url());
    let text = schedules(&upstream, "\"A\"", "").replace("100ms", "1h");
    let home = Home::new(&text);
    let mut daemon = home.start(&["run"]);
    let started = daemon.wait_for_event("daemon.started");
    daemon.wait_for_event("run.finished");
    // A verb beside it has come and gone.
    assert!(home.verb(&["once", "bars"]).status.success());
    daemon.signal("-KILL");
    assert!(!daemon.end().0.success());
    let mut daemon = home.start(&["run"]);
    let died = daemon.wait_for_event("daemon.died_before");
    assert_eq!(died["pid"], started["pid"]);
    daemon.wait_for_event("daemon.ready");
    daemon.signal("-TERM");
    assert!(daemon.end().0.success());
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert!(status.success());
    let told = log
        .iter()
        .find(|line| line["event"] == "daemon.died_before");
    assert_eq!(told, None);
}

#[test]
fn a_second_signal_ends_the_drain_at_once() {
    let options = Options {
        latency: Duration::from_mins(1),
        ..Options::default()
    };
    let (_runtime, simulator) = simulator(options);
    let upstream = format!("base_url = \"{}\"", simulator.base_url());
    let text = schedules(&upstream, "\"A\"", "").replace("100ms", "1h");
    let home = Home::new(&text);
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.started");
    daemon.signal("-TERM");
    daemon.wait_for_event("daemon.stopping");
    daemon.signal("-INT");
    let (status, log) = daemon.end();
    assert!(status.success());
    assert!(log.iter().any(|event| event["event"] == "daemon.aborting"));
    assert_eq!(states(&home), ["cancelled"]);
}

#[test]
fn a_run_that_reaches_its_timeout_says_so_and_leaves_an_outcome_per_symbol() {
    let options = Options {
        latency: Duration::from_mins(1),
        ..Options::default()
    };
    let (_runtime, simulator) = simulator(options);
    let upstream = format!("base_url = \"{}\"", simulator.base_url());
    let home = Home::new(&schedules(&upstream, "\"A\", \"B\"", "timeout = \"1s\""));
    let output = home.verb(&["once", "bars", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["state"], "timed_out");
    let classes: Vec<&Value> = summary["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| &task["class"])
        .collect();
    assert_eq!(classes, ["timeout", "timeout"]);
}

#[test]
fn an_unreachable_upstream_is_an_outage_of_each_task_and_exit_code_1() {
    let upstream = "base_url = \"http://127.0.0.1:9\"\nretry = { max_attempts = 1 }";
    let home = Home::new(&schedules(upstream, "\"A\", \"B\"", ""));
    let output = home.verb(&["once", "bars", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&summary["state"], &summary["tasks_failed"]),
        (&"failed".into(), &2.into())
    );
    assert_eq!(summary["failures"][0]["class"], "outage");
    let message = summary["failures"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("cannot connect to the upstream"),
        "{message}"
    );
    assert!(
        !message.contains("127.0.0.1"),
        "an error must not show its URL: {message}"
    );
}

#[test]
fn exit_codes_tell_a_broken_configuration_from_a_wrong_command_line() {
    let home = Home::new("[schedules.x]\njob = \"quotez\"\n");
    for verb in ["list", "next", "migrate", "report"] {
        let output = home.verb(&[verb]);
        assert_eq!(output.status.code(), Some(78), "{verb}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains("schedules.toml:2:7: error: there is no job `quotez`"),
            "{stderr}"
        );
        assert!(stderr.contains("did you mean `quotes`?"), "{stderr}");
    }
    let (status, log) = home.start(&["run"]).end();
    assert_eq!(status.code(), Some(78));
    assert!(
        log.iter().all(|line| line["code"] == "FS2002"),
        "nobody watches: log lines"
    );
    assert!(
        log.iter().any(|line| line["place"] == "schedules.toml:2:7"),
        "{log:?}"
    );
    home.write(&schedules("", "\"A\"", ""));
    assert_eq!(home.verb(&["once", "nothing"]).status.code(), Some(2));
    assert_eq!(home.verb(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(home.verb(&["explain", "0 0 30 2 *"]).status.code(), Some(2));
    assert_eq!(
        home.verb(&["runs"]).status.code(),
        Some(69),
        "no database yet"
    );
    assert_eq!(home.verb(&["migrate", "--check"]).status.code(), Some(1));
    assert_eq!(home.verb(&["migrate"]).status.code(), Some(0));
    assert_eq!(home.verb(&["migrate", "--check"]).status.code(), Some(0));
}

#[test]
fn simulated_and_real_prices_never_share_a_database() {
    let home = Home::new(&schedules("", "\"A\"", ""));
    assert_eq!(
        home.verb(&["once", "bars", "--simulate"]).status.code(),
        Some(0)
    );
    let output = home.verb(&["once", "bars"]);
    assert_eq!(output.status.code(), Some(78));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("holds prices from simulated"), "{stderr}");
}

#[test]
fn a_backfill_stores_its_window_and_a_dry_run_stores_nothing() {
    let home = Home::new(&schedules("", "\"A\", \"B\"", ""));
    let window = ["--start", "2020-01-06", "--end", "2020-01-10"];
    let dry = home.verb(&[&["backfill", "bars", "--dry-run"], &window[..]].concat());
    assert!(
        String::from_utf8(dry.stdout)
            .unwrap()
            .starts_with("2 requests")
    );
    let json = [&["backfill", "bars", "--simulate", "--json"], &window[..]].concat();
    let summary = home.json(&json);
    assert_eq!(summary["state"], "succeeded");
    let bars = |summary: &Value| summary["rows_written"].as_i64().unwrap();
    assert!(bars(&summary) >= 10, "{summary}");
    assert_eq!(bars(&home.json(&json)), 0, "the same again changes nothing");
}

#[test]
fn next_shows_local_time_utc_and_the_change_of_the_clock() {
    let text = schedules("", "\"A\"", "").replace("0 0 1 1 *", "30 9 * * *");
    let home = Home::new(&format!(
        "[defaults]\ntimezone = \"America/New_York\"\n{text}"
    ));
    let rows = home.json(&[
        "next",
        "bars",
        "-n",
        "2",
        "--from",
        "2026-03-07T12:00:00Z",
        "--json",
    ]);
    assert_eq!(rows[0]["scheduled_for"], "2026-03-07T14:30:00Z");
    assert_eq!(rows[1]["scheduled_for"], "2026-03-08T13:30:00Z");
    assert_eq!(rows[1]["local"], "2026-03-08 09:30:00 EDT");
    assert_eq!(rows[1]["dst"], "clock went forward");
}
