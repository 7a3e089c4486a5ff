//! Signals: stopped and continued, told to end in the middle of everything.

use std::time::Duration;

use serde_json::Value;

use super::daemon::{Home, fire_ms, let_pass};
use super::world::{
    all_closed, begun_once, config, every_second, hanging, idle, is_gapless, quick, tally,
};

/// Longer than `misfire_threshold`, by seconds.
const STOPPED: Duration = Duration::from_millis(4_500);

#[test]
fn what_was_due_while_it_was_stopped_is_treated_as_its_misfire_policy_says() {
    let (_runtime, simulator) = quick();
    let threshold = "misfire_threshold = \"1s\"";
    let schedules = [
        every_second(
            "once",
            &format!("{threshold}\nmisfire_policy = \"run_once\""),
        ),
        every_second("none", &format!("{threshold}\nmisfire_policy = \"skip\"")),
        every_second(
            "each",
            &format!("{threshold}\nmisfire_policy = \"run_all\""),
        ),
        every_second("beside", "overlap_policy = \"allow_all\""),
    ];
    let home = Home::new(&config(&simulator, &schedules.concat()));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_schedule("run.finished", "beside");
    daemon.signal("-STOP");
    let_pass(STOPPED);
    daemon.signal("-CONT");
    let missed = daemon.wait_for_schedule("run.missed", "once");
    let from = missed["first"].as_str().unwrap().to_owned();
    for schedule in ["once", "none", "each", "beside"] {
        daemon.wait_for_schedule("run.finished", schedule);
    }
    daemon.wait_for_schedule("run.finished", "none");
    let log = daemon.stop();
    begun_once(&log);
    let rows = home.ledger();
    all_closed(&rows);
    let first: jiff::Timestamp = from.parse().unwrap();
    let within = |row: &&&Value| (0..3_000).contains(&(fire_ms(row) - first.as_millisecond()));
    for (schedule, expected) in [
        ("once", "missed"),
        ("none", "missed"),
        ("each", "succeeded"),
        ("beside", "succeeded"),
    ] {
        let rows = is_gapless(&rows, schedule);
        let stopped: Vec<&&Value> = rows.iter().filter(within).collect();
        assert_eq!(stopped.len(), 3);
        for row in stopped {
            assert_eq!(row["state"], expected, "{row}");
        }
    }
    let why = home.json(&["why", "once", "--at", &from, "--json"]);
    assert_eq!(
        why["because"],
        "it was not run, but recorded as missed: a newer fire runs for it"
    );
    let why = home.json(&["why", "none", "--at", &from, "--json"]);
    let because = why["because"].as_str().unwrap();
    assert!(because.ends_with("misfire_policy is skip"), "{because}");
}

#[test]
fn sigterm_closes_the_runs_that_go_on_and_those_that_wait() {
    let (_runtime, simulator) = hanging();
    let schedules = [
        every_second("queue", "overlap_policy = \"buffer_all\""),
        every_second("one", "overlap_policy = \"buffer_one\""),
        every_second("beside", "overlap_policy = \"allow_all\""),
    ];
    let home = Home::new(&config(&simulator, &schedules.concat()));
    let mut daemon = home.start(&["run"]);
    let mut waiting = 0;
    while waiting < 3 {
        daemon.wait_for_schedule("run.started", "beside");
        let status = home.status();
        waiting = status["schedules"][2]["waiting"].as_u64().unwrap();
    }
    let log = daemon.stop();
    assert!(log.iter().any(|event| event["event"] == "daemon.aborting"));
    let rows = home.ledger();
    all_closed(&rows);
    for row in &rows {
        let (state, reason) = (row["state"].as_str().unwrap(), &row["reason"]);
        match state {
            "cancelled" => assert!(
                reason == "the daemon stopped before it was done"
                    || reason == "the daemon stopped before it began",
                "{row}"
            ),
            "skipped_overlap" => assert_eq!(row["schedule"], "one"),
            "missed" => {}
            _ => panic!("{row}"),
        }
    }
    let never_began = rows
        .iter()
        .filter(|row| row["reason"] == "the daemon stopped before it began");
    assert!(never_began.count() >= 4, "{:?}", tally(&rows));
}

#[test]
fn a_second_sigterm_aborts_at_once_whatever_waits() {
    let (_runtime, simulator) = hanging();
    let home =
        Home::new(&config(&simulator, &idle("year", "\"A\"")).replace("\"100ms\"", "\"1h\""));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    for _ in 0..3 {
        let trigger = ["trigger", "year", "--overlap-policy", "buffer_all"];
        assert_eq!(home.verb(&trigger).status.code(), Some(0));
    }
    daemon.wait_for_event("run.started");
    daemon.signal("-TERM");
    daemon.wait_for_event("daemon.stopping");
    // The two that wait are closed at once, the one that goes on has an hour.
    daemon.wait_for_event("run.cancelled");
    daemon.wait_for_event("run.cancelled");
    let status = home.say(&["status"]);
    assert!(
        status.code.is_some(),
        "it answers or says that it ends: {status:?}"
    );
    let said = home.say(&["trigger", "year"]);
    assert_ne!(said.code, Some(0), "nothing begins any more: {said:?}");
    daemon.signal("-TERM");
    let (status, log) = daemon.end();
    assert!(status.success());
    assert!(log.iter().any(|event| event["event"] == "daemon.aborting"));
    let rows = home.ledger();
    assert_eq!(tally(&rows), [("cancelled".to_owned(), 3)].into());
    all_closed(&rows);
}

#[test]
fn sigterm_in_the_middle_of_a_reload_ends_in_order() {
    let (_runtime, simulator) = quick();
    let many = |symbol: &str| -> String {
        let one = |n: usize| idle(&format!("year-{n}"), symbol);
        (0..400).map(one).collect::<String>() + &every_second("tick", "")
    };
    let texts = ["\"A\"", "\"B\""].map(|symbol| config(&simulator, &many(symbol)));
    let home = Home::new(&texts[0]);
    for turn in 0..4 {
        let mut daemon = home.start(&["run"]);
        daemon.wait_for_event("daemon.ready");
        home.write(&texts[(turn + 1) % 2]);
        daemon.signal("-HUP");
        let_pass(Duration::from_millis(turn as u64 * 15));
        let log = daemon.stop();
        assert!(
            log.iter().all(|event| event["level"] != "error"),
            "{log:#?}"
        );
    }
    all_closed(&home.ledger());
}
