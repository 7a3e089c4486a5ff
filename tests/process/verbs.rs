//! The verbs that look: prune, load, describe, doctor.

use std::os::unix::fs::PermissionsExt as _;

use finstage::config::{Environment, load};
use finstage::domain::RunState;
use finstage::simulator::Options;
use finstage::store::Store;
use finstage::telemetry::Meter;
use jiff::SignedDuration;
use serde_json::Value;

use super::daemon::Home;
use super::{schedules, simulator};
use crate::support::values::claim;

/// Two schedules at a pace of one call a second: a burst at 09:30 and one symbol every 15 minutes.
const PLAN: &str = r#"[upstream.yahoo]
max_rps = 1.0
[schedules.morning]
job = "daily_bars"
cron = "30 9 * * *"
timezone = "America/New_York"
symbols = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"]
jitter = "1m"
description = "Ten at once"
tags = ["us", "slow"]
[schedules.often]
job = "quotes"
every = "15m"
symbols = ["A"]
overlap_policy = "allow_all"
"#;

fn failing<'v>(checks: &'v Value, verdict: &str) -> Vec<&'v str> {
    let rows = checks.as_array().unwrap().iter();
    rows.filter(|row| row["verdict"] == verdict)
        .map(|row| row["name"].as_str().unwrap())
        .collect()
}

fn checks(home: &Home, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = home.verb(&[&["doctor", "--json"], arguments].concat());
    let rows = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), rows)
}

/// Puts `count` missed fires of long ago into the home's database.
fn fill(home: &Home, count: i64, days_ago: i64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let environment = Environment::in_directory(home.path());
        let (config, _) = load(&home.path().join("schedules.toml"), &environment).unwrap();
        let store = Store::open(&config.store, Meter::default()).await.unwrap();
        let now = finstage::clock::Clock::system().now();
        let then = now - SignedDuration::from_hours(24 * days_ago);
        let epoch = store.begin_epoch(then).await.unwrap();
        let mut fires: Vec<_> = (0..count)
            .map(|n| claim("bars", then + SignedDuration::from_secs(n)))
            .collect();
        for fire in &mut fires {
            fire.state = RunState::Missed;
        }
        store.claim(&fires, epoch, then).await.unwrap();
        store.end_epoch(epoch, then).await.unwrap();
        store.close().await;
    });
}

#[test]
fn prune_removes_what_a_dry_run_counts_and_a_shorter_span_holds_for_old_rows() {
    let text = schedules("", "\"A\"", "");
    let home = Home::new(&text);
    assert_eq!(home.verb(&["prune"]).status.code(), Some(69), "no database");
    assert!(home.verb(&["migrate"]).status.success());
    fill(&home, 30, 40);
    let rows = |value: &Value| value[0]["rows"].as_i64().unwrap();
    assert_eq!(
        rows(&home.json(&["prune", "--json"])),
        0,
        "younger than a year"
    );
    home.write(&format!("[history]\nruns = \"30d\"\n{text}"));
    let dry = home.json(&["prune", "--dry-run", "--json"]);
    assert_eq!((rows(&dry), &dry[0]["removed"]), (29, &false.into()));
    assert_eq!(
        (&dry[0]["kind"], &dry[0]["keep"]),
        (&"runs".into(), &"30d".into())
    );
    assert_eq!(rows(&home.json(&["prune", "--json"])), 29);
    assert_eq!(rows(&home.json(&["prune", "--json"])), 0);
    let left = home.json(&["runs", "--json"]);
    assert_eq!(left.as_array().unwrap().len(), 1, "the newest planned row");
}

#[test]
fn load_spreads_a_burst_at_the_pace_of_the_quota() {
    let home = Home::new(PLAN);
    let arguments = [
        "load",
        "--json",
        "--from",
        "2026-11-23T14:10:00Z",
        "--next",
        "90m",
    ];
    let hours = home.json(&arguments);
    let hours = hours.as_array().unwrap();
    assert_eq!(hours.len(), 2, "whole hours from the beginning of this one");
    let first = &hours[0];
    assert_eq!(first["from"], "2026-11-23T14:00:00Z");
    assert_eq!(first["calls"], 14.0, "four quarters and ten symbols");
    assert_eq!(
        (&first["quota"], &first["is_over"]),
        (&3_600.0.into(), &false.into())
    );
    assert_eq!(
        first["busiest_minute_calls"].as_f64().unwrap().round(),
        11.0,
        "both fire at half past"
    );
    let parts: Vec<&str> = first["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["schedule"].as_str().unwrap())
        .collect();
    assert_eq!(parts, ["morning", "often"]);
    assert_eq!(hours[1]["calls"], 4.0);
    let shown = home.verb(&["load", "--from", "2026-11-23T14:10:00Z"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("longest time without a pause: 10s"),
        "{shown}"
    );
    assert!(
        !home.path().join("data/finstage.db").exists(),
        "from the file alone"
    );
}

#[test]
fn load_fails_when_an_hour_needs_more_than_the_quota_and_not_when_a_burst_runs_over_the_hour() {
    let long = "every = \"1d\"\noffset = \"55m\"";
    let text = |max_rps: &str, trigger: &str| {
        PLAN.replace("max_rps = 1.0", &format!("max_rps = {max_rps}"))
            .replace("every = \"15m\"", trigger)
            .replace("cron = \"30 9 * * *\"", "cron = \"0 0 1 1 *\"")
            .replace(
                "symbols = [\"A\"]",
                "symbols = [\"A\", \"B\", \"C\", \"D\", \"E\", \"F\"]",
            )
    };
    let from = [
        "load",
        "--json",
        "--from",
        "2026-11-23T00:00:00Z",
        "--next",
        "3h",
    ];
    let home = Home::new(&text("0.01", long));
    let hours = home.json(&from);
    let calls: Vec<f64> = (0..3)
        .map(|at| hours[at]["calls"].as_f64().unwrap())
        .collect();
    assert_eq!(calls, [3.0, 3.0, 0.0], "600 s from 00:55 on");
    home.write(&text("0.01", "every = \"9m\""));
    let output = home.verb(&from);
    assert_eq!(output.status.code(), Some(1));
    let hours: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(hours[1]["is_over"], true);
    assert!(
        hours[1]["share_percent"].as_f64().unwrap() > 110.0,
        "{hours}"
    );
    assert_eq!(home.verb(&["load", "--next", "0s"]).status.code(), Some(2));
}

#[test]
fn describe_says_everything_about_a_schedule_with_and_without_a_database() {
    let home = Home::new(PLAN);
    let arguments = [
        "describe",
        "morning",
        "--json",
        "--from",
        "2026-11-23T14:10:00Z",
    ];
    let told = home.json(&arguments);
    let setting = |name: &str| {
        let rows = told["settings"].as_array().unwrap().iter();
        let mut found = rows.filter(|row| row["name"] == name);
        found.next().expect(name)["value"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let when = setting("fires");
    assert!(
        when.contains("At 09:30") && when.ends_with("America/New_York time"),
        "{when}"
    );
    assert_eq!(setting("symbols"), "10: A, B, C, D, E, F, G, H, …");
    assert_eq!(setting("tags"), "us, slow");
    assert!(setting("jitter").starts_with("up to 1m; for this schedule always "));
    assert!(setting("misfire_policy").starts_with("run_once: "));
    assert_eq!(told["next"].as_array().unwrap().len(), 5);
    assert_eq!(told["next"][0]["scheduled_for"], "2026-11-23T14:30:00Z");
    assert_eq!(told["runs"].as_array().unwrap().len(), 0);
    assert_eq!(told["durations"], Value::Null);
    assert!(home.verb(&["once", "often", "--simulate"]).status.success());
    let told = home.json(&["describe", "often", "--json"]);
    assert_eq!(told["runs"][0]["state"], "succeeded");
    assert_eq!(told["durations"]["runs"], 1);
    let shown = String::from_utf8(home.verb(&["describe", "often"]).stdout).unwrap();
    assert!(shown.contains("every 15m, counted from 1970"), "{shown}");
    assert!(shown.contains("on average"), "{shown}");
    assert_eq!(home.verb(&["describe", "none"]).status.code(), Some(2));
}

#[test]
fn doctor_finds_a_new_installation_in_order_and_sends_nothing() {
    let (_runtime, simulator) = simulator(Options::default());
    let upstream = format!("base_url = \"{}\"", simulator.base_url());
    let home = Home::new(&schedules(&upstream, "\"A\"", ""));
    let (code, rows) = checks(&home, &[]);
    assert_eq!(code, Some(0), "{rows:#}");
    assert!(failing(&rows, "warning").contains(&"database"), "{rows:#}");
    assert!(
        !home.path().join("data/finstage.db").exists(),
        "it only looks"
    );
    assert!(home.verb(&["once", "bars"]).status.success());
    let (code, rows) = checks(&home, &["--online"]);
    assert_eq!(code, Some(0), "{rows:#}");
    let ok = failing(&rows, "ok");
    for name in [
        "configuration",
        "data directory",
        "database",
        "file mode",
        "integrity",
        "schema",
    ] {
        assert!(ok.contains(&name), "{name}: {rows:#}");
    }
    for name in ["prices", "runs", "upstream", "time zones", "certificates"] {
        assert!(ok.contains(&name), "{name}: {rows:#}");
    }
    let left: Vec<_> = std::fs::read_dir(home.path().join("data"))
        .unwrap()
        .collect();
    assert!(
        left.iter()
            .all(|entry| !format!("{entry:?}").contains("doctor")),
        "{left:?}"
    );
}

#[test]
fn doctor_tells_what_is_broken_and_what_to_do() {
    let home = Home::new("[schedules.x]\njob = \"quotez\"\nbogus = 1\n");
    let (code, rows) = checks(&home, &[]);
    assert_eq!(code, Some(78));
    assert!(
        failing(&rows, "failed").len() >= 2,
        "every problem: {rows:#}"
    );
    home.write(&schedules("", "\"A\"", ""));
    assert!(home.verb(&["once", "bars", "--simulate"]).status.success());
    let file = home.path().join("data/finstage.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, rows) = checks(&home, &[]);
    assert_eq!(code, Some(1), "simulated prices, real upstream");
    assert_eq!(failing(&rows, "failed"), ["prices"]);
    assert!(failing(&rows, "warning").contains(&"file mode"));
    assert!(failing(&rows, "unknown").contains(&"upstream"));
    let upstream = "base_url = \"http://127.0.0.1:9\"";
    home.write(&schedules(upstream, "\"A\"", ""));
    let (code, rows) = checks(&home, &["--online"]);
    assert_eq!(
        (code, failing(&rows, "failed")),
        (Some(1), vec!["upstream"])
    );
    let shown = String::from_utf8(home.verb(&["doctor"]).stdout).unwrap();
    assert!(shown.starts_with("VERDICT  CHECK"), "{shown}");
}

#[test]
fn doctor_tells_a_damaged_database_from_a_sound_one() {
    let home = Home::new(&schedules("base_url = \"http://127.0.0.1:9\"", "\"A\"", ""));
    assert!(home.verb(&["migrate"]).status.success());
    fill(&home, 5_000, 1);
    let file = home.path().join("data/finstage.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0x5A);
    std::fs::write(&file, bytes).unwrap();
    let (code, rows) = checks(&home, &[]);
    assert_eq!(code, Some(1));
    assert!(failing(&rows, "failed").contains(&"integrity"), "{rows:#}");
}

#[test]
fn a_killed_daemon_and_its_open_run_are_told_by_doctor() {
    let options = Options {
        latency: std::time::Duration::from_mins(1),
        ..Options::default()
    };
    let (_runtime, simulator) = simulator(options);
    let upstream = format!("base_url = \"{}\"", simulator.base_url());
    let home = Home::new(&schedules(&upstream, "\"A\"", ""));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.started");
    let (_, rows) = checks(&home, &[]);
    assert!(
        failing(&rows, "ok").contains(&"runs"),
        "its daemon lives: {rows:#}"
    );
    daemon.signal("-KILL");
    daemon.end();
    let (code, rows) = checks(&home, &[]);
    assert_eq!(code, Some(0));
    let warnings = failing(&rows, "warning");
    assert!(
        warnings.contains(&"runs") && warnings.contains(&"daemon"),
        "{rows:#}"
    );
}
