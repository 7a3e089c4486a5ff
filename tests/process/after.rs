//! Schedules that run after others, in a real daemon.

use std::collections::BTreeSet;

use serde_json::Value;

use super::daemon::{Home, fire_ms};
use super::world::{
    all_closed, begun_once, config, every_second, idle, planned, quick, sql, table,
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
