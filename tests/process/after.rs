//! Schedules that run after others, in a real daemon.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::daemon::{Home, fire_ms};
use super::world::{
    all_closed, begun_once, config, every_second, idle, planned, quick, slow, sql, table,
};

fn follower(leader: &str, more: &str) -> String {
    format!("[schedules.follower]\njob = \"indicators\"\nafter = \"{leader}\"\n{more}\n")
}

/// The planned instants of a schedule's rows in a state.
fn fires(rows: &[Value], schedule: &str, state: &str) -> BTreeSet<i64> {
    let its = rows
        .iter()
        .filter(|row| row["schedule"] == schedule && row["state"] == state);
    its.map(fire_ms).collect()
}

#[test]
fn each_run_is_followed_once_by_a_row_of_the_same_instant_over_the_same_symbols() {
    let (_runtime, simulator) = quick();
    let schedules = every_second("leader", "") + &follower("leader", "");
    let home = Home::new(&config(&simulator, &schedules));
    let mut daemon = home.start(&["run"]);
    for _ in 0..3 {
        daemon.wait_for(|event| {
            event["event"] == "run.finished" && event["schedule.name"] == "follower"
        });
    }
    let log = daemon.stop();
    begun_once(&log);
    let rows = home.ledger();
    all_closed(&rows);
    let led = fires(&rows, "leader", "succeeded");
    let followed = fires(&rows, "follower", "succeeded");
    assert!(
        followed.len() >= 3 && followed.is_subset(&led),
        "{led:?} {followed:?}"
    );
    let lonely: Vec<_> = led.difference(&followed).collect();
    assert!(
        lonely.len() <= 2,
        "but for the end of the daemon: {lonely:?}"
    );
    let planned = planned(&rows, "follower");
    assert_eq!(
        planned.len(),
        rows.iter()
            .filter(|row| row["schedule"] == "follower")
            .count()
    );
    for row in planned.iter().filter(|row| row["state"] == "succeeded") {
        assert_eq!(row["tasks_total"], 1, "{row}");
        assert_eq!(row["job"], "indicators", "{row}");
    }
}

#[test]
fn a_triggered_run_is_followed_and_one_that_failed_as_a_whole_is_not() {
    let (_runtime, simulator) = quick();
    let schedules = idle("leader", "\"A\"")
        + &idle("broken", "\"NOTFOUND1\"")
        + &follower("leader", "")
        + &follower("broken", "").replace("schedules.follower", "schedules.unlucky");
    let home = Home::new(&config(&simulator, &schedules));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let failed = home.say(&["trigger", "broken", "--wait"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let led = home.json(&["trigger", "leader", "--wait", "--json"]);
    assert_eq!(led["state"], "succeeded");
    daemon
        .wait_for(|event| event["event"] == "run.finished" && event["schedule.name"] == "follower");
    daemon.stop();
    let rows = home.ledger();
    assert_eq!(
        fires(&rows, "follower", "succeeded"),
        fires(&rows, "leader", "succeeded")
    );
    assert!(
        rows.iter().all(|row| row["schedule"] != "unlucky"),
        "{rows:?}"
    );
}

#[test]
fn a_paused_follower_has_its_rows_and_a_start_finds_what_was_not_followed() {
    let (_runtime, simulator) = quick();
    let due = "every = \"1h\"\ncatchup_window = \"4h\"";
    let late = "catchup_window = \"4h\"";
    let schedules = table("leader", "\"A\"", due) + &follower("leader", late);
    let home = Home::new(&config(&simulator, &schedules));
    let mut daemon = home.start(&["run"]);
    daemon
        .wait_for(|event| event["event"] == "run.finished" && event["schedule.name"] == "follower");
    daemon.stop();
    let fire = fires(&home.ledger(), "follower", "succeeded");
    assert_eq!(fire.len(), 1);
    // As if the daemon had died between the leader's end and the follower's claim.
    sql(&home, "DELETE FROM runs WHERE schedule = 'follower'");
    // Seen for the first time before the leader ended, as it was.
    let mut daemon = home.start(&["run"]);
    daemon
        .wait_for(|event| event["event"] == "run.finished" && event["schedule.name"] == "follower");
    let paused = home.say(&["pause", "follower"]);
    assert_eq!(paused.code, Some(0), "{paused:?}");
    home.json(&["trigger", "leader", "--wait", "--json"]);
    daemon.wait_for(|event| event["event"] == "run.withheld");
    daemon.stop();
    let rows = home.ledger();
    assert_eq!(fires(&rows, "follower", "succeeded"), fire);
    assert_eq!(fires(&rows, "follower", "paused").len(), 1);
    all_closed(&rows);
}

#[test]
fn people_are_told_when_a_follower_runs() {
    let (_runtime, simulator) = quick();
    let schedules = idle("leader", "\"A\"") + &follower("leader", "");
    let home = Home::new(&config(&simulator, &schedules));
    let next = home.say(&["next", "follower", "-n", "1"]);
    assert!(next.stdout.contains("once leader has run"), "{next:?}");
    let list = home.json(&["list", "--json"]);
    let row = list
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["schedule"] == "follower");
    let row = row.unwrap();
    assert_eq!(
        (&row["when"], &row["symbols"]),
        (&"after leader".into(), &1.into())
    );
    assert!(row["next"].is_string(), "{row}");
    let told = home.say(&["describe", "follower"]);
    assert!(told.stdout.contains("after each run of leader"), "{told:?}");
    let why = home.say(&["why", "follower", "--at", "2024-02-29T00:00:00Z"]);
    assert!(why.stdout.contains("it runs once leader has"), "{why:?}");
}

#[test]
fn what_once_and_backfill_do_beside_the_daemon_is_followed_at_once() {
    let (_runtime, simulator) = quick();
    let schedules = idle("leader", "\"A\"") + &follower("leader", "");
    let home = Home::new(&config(&simulator, &schedules));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let backfill = [
        "backfill",
        "leader",
        "--start",
        "2026-01-05",
        "--end",
        "2026-01-09",
    ];
    for arguments in [&["once", "leader"][..], &backfill] {
        let said = home.say(arguments);
        assert_eq!(said.code, Some(0), "{said:?}");
        let told = "the daemon goes on with what runs after it: follower";
        assert!(said.stderr.contains(told), "{said:?}");
        daemon.wait_for_schedule("run.finished", "follower");
    }
    let alone = home.say(&["once", "follower"]);
    assert!(!alone.stderr.contains("after it"), "{alone:?}");
    daemon.stop();
    let rows = home.ledger();
    let led = fires(&rows, "leader", "succeeded");
    let followed = fires(&rows, "follower", "succeeded");
    assert_eq!(led.len(), 2, "{rows:?}");
    assert!(led.is_subset(&followed) && followed.len() == 3, "{rows:?}");
}

#[test]
fn a_daemon_of_another_database_goes_on_with_nothing() {
    let (_runtime, simulator) = quick();
    let schedules = idle("leader", "\"A\"") + &follower("leader", "");
    let home = Home::new(&config(&simulator, &schedules));
    let other = Home::new(&config(&simulator, &schedules));
    let mut daemon = other.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    other.json(&["trigger", "leader", "--wait", "--json"]);
    daemon.wait_for_schedule("run.finished", "follower");
    let rows = other.ledger();
    std::os::unix::fs::symlink(other.socket(), home.socket()).unwrap();
    let said = home.say(&["once", "leader"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    // Its first run is one of that schedule, too.
    let ids = |home: &Home| sql(home, "SELECT min(id) FROM runs WHERE schedule = 'leader'");
    assert_eq!(ids(&home), ids(&other));
    for told in [
        "due after it: follower; the daemon did not take it",
        "it is another one",
        "`finstage trigger follower`",
    ] {
        assert!(said.stderr.contains(told), "{told}: {said:?}");
    }
    assert_eq!(other.ledger(), rows);
    daemon.stop();
    assert_eq!(other.ledger(), rows);
}

#[test]
fn what_was_done_without_a_daemon_is_followed_by_the_next_start_once() {
    let (_runtime, simulator) = quick();
    let schedules = idle("leader", "\"A\"") + &follower("leader", "");
    let home = Home::new(&config(&simulator, &schedules));
    let said = home.say(&["once", "leader"]);
    let told = "due after it, and run when a daemon starts: follower";
    assert!(said.stderr.contains(told), "{said:?}");
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_schedule("run.finished", "follower");
    daemon.stop();
    let rows = home.ledger();
    let led = fires(&rows, "leader", "succeeded");
    assert_eq!(fires(&rows, "follower", "succeeded"), led);
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    daemon.stop();
    assert_eq!(home.ledger(), rows, "nothing is left to follow");
}

#[test]
fn a_run_by_hand_that_was_killed_is_followed_for_what_it_had_written() {
    let (_runtime, simulator) = slow(Duration::from_millis(100));
    let symbols: Vec<String> = (0..30).map(|n| format!("\"S{n}\"")).collect();
    let leader = idle("leader", &symbols.join(", ")) + "concurrency = 1\n";
    let home = Home::new(&config(&simulator, &(leader + &follower("leader", ""))));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    home.json(&["trigger", "leader", "--json"]);
    // Outcomes are written about once a second.
    while home.json(&["runs", "--tasks", "1", "--json"]) == Value::Array(Vec::new()) {}
    daemon.kill();
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.abandoned");
    daemon.wait_for_schedule("run.finished", "follower");
    daemon.stop();
    let rows = home.ledger();
    let abandoned = fires(&rows, "leader", "abandoned");
    assert_eq!(abandoned.len(), 1);
    assert_eq!(fires(&rows, "follower", "succeeded"), abandoned);
}

#[test]
fn a_follower_that_is_new_after_a_reload_follows_what_has_just_run() {
    let (_runtime, simulator) = quick();
    let leader = idle("leader", "\"A\"");
    let home = Home::new(&config(&simulator, &leader));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    home.json(&["trigger", "leader", "--wait", "--json"]);
    home.write(&config(&simulator, &(leader + &follower("leader", ""))));
    let reloaded = home.say(&["reload"]);
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    daemon.wait_for_schedule("run.finished", "follower");
    daemon.stop();
    let rows = home.ledger();
    let led = fires(&rows, "leader", "succeeded");
    assert_eq!(fires(&rows, "follower", "succeeded"), led);
}

#[test]
fn status_list_load_and_why_know_whom_a_schedule_runs_after() {
    let (_runtime, simulator) = quick();
    let schedules = idle("broken", "\"NOTFOUND1\"")
        + &idle("leader", "\"A\"")
        + &follower("leader", "")
        + &follower("broken", "").replace("schedules.follower", "schedules.unlucky");
    let home = Home::new(&config(&simulator, &schedules));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let status = home.status();
    let rows = status["schedules"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["schedule"] == "follower")
        .unwrap();
    assert_eq!(
        (&row["after"], &row["next"]),
        (&"leader".into(), &Value::Null)
    );
    let told = home.say(&["status"]);
    assert!(told.stdout.contains("after leader"), "{told:?}");
    let listed = home.say(&["list"]);
    assert!(
        listed.stdout.contains("after 2028-02-29 00:00:00 UTC"),
        "{listed:?}"
    );
    let failed = home.say(&["trigger", "broken", "--wait"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    daemon.stop();
    let rows = home.ledger();
    let run = rows.iter().find(|row| row["schedule"] == "broken").unwrap();
    let at = run["scheduled_for"].as_str().unwrap();
    let why = home.say(&["why", "unlucky", "--at", at]);
    let told = "there was nothing to run after: run 1 of broken is failed";
    assert!(why.stdout.contains(told), "{why:?}");
    sql(
        &home,
        "UPDATE runs SET state = 'abandoned', reason = 'x' WHERE id = 1",
    );
    let why = home.say(&["why", "unlucky", "--at", at]);
    let told = "was cut off with its daemon and is abandoned: x; if a task of it had written rows";
    assert!(why.stdout.contains(told), "{why:?}");
    let disabled = schedules.replacen("symbols", "enabled = false\nsymbols", 2);
    home.write(&config(&simulator, &disabled));
    let why = home.say(&["why", "follower", "--at", at]);
    assert!(why.stdout.contains("leader is disabled"), "{why:?}");
    let next = home.say(&["next", "follower"]);
    assert!(
        next.stderr
            .contains("leader, which it runs after, is disabled"),
        "{next:?}"
    );
    let leap_day = ["load", "--from", "2028-02-28T12:00:00Z", "--json"];
    let fires = |hours: &Value| hours.to_string().matches("\"fires\"").count();
    assert_eq!(fires(&home.json(&leap_day)), 0);
    home.write(&config(&simulator, &schedules));
    assert_eq!(fires(&home.json(&leap_day)), 4);
}

#[test]
fn explain_knows_what_somebody_means_who_writes_no_cron_expression() {
    let home = Home::new(&(idle("leader", "\"A\"") + &follower("leader", "")));
    for (text, told) in [
        ("follower", "`finstage next follower`"),
        (
            "after leader",
            "`after` is a key of a schedule beside `cron`",
        ),
        ("close+30m", "`at` is a key of a schedule beside `cron`"),
    ] {
        let said = home.say(&["explain", text]);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stderr.contains(told), "{said:?}");
    }
}
