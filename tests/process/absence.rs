//! What was due while no daemon was there, told apart from what never was due.

use super::daemon::Home;
use super::world::{config, planned, quick, sql, table};

/// A daemon's life of a moment.
fn live(home: &Home) {
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    daemon.signal("-TERM");
    assert!(daemon.end().0.success());
}

#[test]
fn the_first_fire_of_a_schedule_is_missed_like_any_other_when_nobody_is_there() {
    let (_runtime, simulator) = quick();
    // Half an hour from now, so that none is due while the test looks.
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let minute = (seconds / 60 + 30) % 60;
    let trigger = format!("cron = \"{minute} * * * *\"\nmisfire_policy = \"skip\"");
    let home = Home::new(&config(&simulator, &table("hourly", "\"A\"", &trigger)));
    live(&home);
    assert_eq!(sql(&home, "SELECT count(*) FROM runs"), "0");
    // As if that start had been five hours ago.
    let hours_ago = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-5 hours')";
    sql(
        &home,
        &format!("UPDATE schedule_timings SET since = {hours_ago}"),
    );
    live(&home);
    let rows = home.json(&["runs", "--json"]);
    let rows = planned(rows.as_array().unwrap(), "hourly");
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert!(rows.iter().all(|row| row["state"] == "missed"), "{rows:?}");
}

#[test]
fn times_that_were_changed_while_nobody_was_there_never_were_due() {
    let (_runtime, simulator) = quick();
    let trigger = |period| format!("every = \"{period}\"\nmisfire_policy = \"run_all\"");
    let file = |period| config(&simulator, &table("changed", "\"A\"", &trigger(period)));
    let home = Home::new(&file("1h"));
    live(&home);
    let hours_ago = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-5 hours')";
    sql(
        &home,
        &format!("UPDATE schedule_timings SET since = {hours_ago}"),
    );
    let count = || {
        sql(&home, "SELECT count(*) FROM runs")
            .parse::<u32>()
            .unwrap()
    };
    let before = count();
    home.write(&file("7m"));
    live(&home);
    assert!(
        count() <= before + 1,
        "five hours of seven minutes were made up"
    );
}

#[test]
fn a_first_start_that_died_before_its_first_claim_is_still_the_first() {
    let (_runtime, simulator) = quick();
    let trigger = "every = \"1h\"\ncatchup_window = \"2h\"";
    let home = Home::new(&config(&simulator, &table("hourly", "\"A\"", trigger)));
    live(&home);
    assert_eq!(sql(&home, "SELECT count(*) FROM runs"), "1");
    // As if it had been killed between noting the schedule and claiming its fire.
    sql(&home, "DELETE FROM runs; DELETE FROM run_tasks");
    live(&home);
    assert_eq!(sql(&home, "SELECT \"trigger\" FROM runs"), "catch_up");
}
