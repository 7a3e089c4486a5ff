//! `finstage why` tells every case from every other.

use serde_json::Value;

use super::daemon::Home;
use super::world::{config, every_second, hanging, idle, table};

/// What it says about an instant, and its whole answer.
fn why(home: &Home, schedule: &str, at: &str) -> (String, Value) {
    let answer = home.json(&["why", schedule, "--at", at, "--json"]);
    (answer["because"].as_str().unwrap().to_owned(), answer)
}

#[track_caller]
fn says(home: &Home, schedule: &str, at: &str, words: &str) {
    let (because, answer) = why(home, schedule, at);
    assert!(because.contains(words), "{schedule} at {at}: {answer:#}");
}

fn newest(home: &Home, schedule: &str, state: &str) -> String {
    let rows = home.json(&["runs", schedule, "--state", state, "--json", "-n", "1"]);
    rows[0]["scheduled_for"].as_str().expect(state).to_owned()
}

#[test]
fn what_the_plan_alone_knows_is_told_without_a_database() {
    let schedules = [
        idle("year", "\"A\""),
        table("off", "\"A\"", "cron = \"0 9 * * *\"\nenabled = false"),
        table(
            "later",
            "\"A\"",
            "cron = \"0 9 * * *\"\nstarts_at = \"2999-01-01T00:00:00Z\"",
        ),
        table(
            "gone",
            "\"A\"",
            "cron = \"0 9 * * *\"\nexpires_at = \"2001-01-01T00:00:00Z\"",
        ),
        table(
            "closed",
            "\"A\"",
            "cron = \"0 9 * * *\"\ncalendar = \"XNYS\"",
        ),
    ];
    let home = Home::new(&schedules.concat());
    let monday = "2024-05-06T09:00:00Z";
    says(
        &home,
        "year",
        monday,
        "it is not planned: the schedule fires",
    );
    says(&home, "year", "2028-02-29T00:00:00Z", "it is still to come");
    says(
        &home,
        "year",
        "2024-02-29T00:00:00Z",
        "no daemon has recorded it",
    );
    says(&home, "off", monday, "disabled (enabled = false)");
    says(&home, "later", monday, "had not started (starts_at)");
    says(&home, "gone", monday, "had expired (expires_at)");
    says(
        &home,
        "closed",
        "2028-12-25T09:00:00Z",
        "and will not be run: ",
    );
    let (_, answer) = why(&home, "off", "2024-05-06T09:00");
    assert_eq!(answer["scheduled_for"], monday, "local to its zone");
    assert_eq!(answer["before"], "2024-05-05T09:00:00Z");
    assert_eq!(answer["after"], "2024-05-07T09:00:00Z");
    for wrong in [
        ["why", "year", "--at=yesterday"],
        ["why", "none", "--at=2024-05-06"],
    ] {
        let said = home.say(&wrong);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(!said.stderr.is_empty());
    }
}

#[test]
fn what_became_of_a_fire_is_told_from_its_row() {
    let (_runtime, simulator) = hanging();
    let schedules = [
        every_second("held", "overlap_policy = \"skip\""),
        every_second("queued", "overlap_policy = \"buffer_one\""),
        every_second("rested", "catchup_window = \"0s\""),
    ];
    let home = Home::new(&config(&simulator, &schedules.concat()));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    assert_eq!(
        home.verb(&["pause", "rested", "--note", "tea"])
            .status
            .code(),
        Some(0)
    );
    daemon.wait_for_schedule("run.withheld", "rested");
    daemon.wait_for_schedule("run.skipped_overlap", "held");
    daemon.wait_for_schedule("run.skipped_overlap", "queued");
    let running = newest(&home, "held", "running");
    says(&home, "held", &running, "it is running (run ");
    let claimed = newest(&home, "queued", "claimed");
    says(
        &home,
        "queued",
        &claimed,
        "it is claimed and has not begun (run ",
    );
    let skipped = newest(&home, "held", "skipped_overlap");
    let words = "it was not run, but recorded as skipped_overlap: the previous run is still going";
    says(&home, "held", &skipped, words);
    let skipped = newest(&home, "queued", "skipped_overlap");
    says(&home, "queued", &skipped, "another fire waits already");
    let paused = newest(&home, "rested", "paused");
    says(&home, "rested", &paused, "recorded as paused: paused by ");
    says(&home, "rested", &paused, ": tea");
    daemon.stop();
    says(
        &home,
        "held",
        &running,
        "and cancelled: 0 of 1 symbols: the daemon stopped",
    );
    says(
        &home,
        "queued",
        &claimed,
        "the daemon stopped before it began",
    );
    let first = home.ledger()[0]["scheduled_for"]
        .as_str()
        .unwrap()
        .to_owned();
    let first: jiff::Timestamp = first.parse().unwrap();
    let before = (first - jiff::SignedDuration::from_mins(2)).to_string();
    says(
        &home,
        "held",
        &before,
        "before the ledger's first row near it",
    );
    let said = home.say(&["why", "held", "--at", &running]);
    assert_eq!(said.code, Some(0));
    assert!(said.stdout.starts_with("held at "), "{said:?}");
    assert!(
        said.stdout.contains("see: finstage runs --tasks "),
        "{said:?}"
    );
    assert!(said.stdout.contains("planned before: "), "{said:?}");
}
