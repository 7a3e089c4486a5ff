//! Reloading while running: by signal, by the file's own change, by order; and files that are broken.

use std::time::Duration;

use serde_json::Value;

use super::daemon::{Daemon, Home, fire_ms};
use super::world::{
    all_closed, config, every_second, idle, is_gapless, planned, quick, slow, table,
};

fn names(home: &Home) -> Vec<String> {
    let status = home.status();
    let rows = status["schedules"].as_array().unwrap().iter();
    rows.map(|row| row["schedule"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits for a reload and gives how many schedules it has added, removed and changed.
fn reloaded(daemon: &mut Daemon) -> (u64, u64, u64) {
    let event = daemon.wait_for_event("config.reloaded");
    let count = |key: &str| event[key].as_u64().unwrap();
    (
        count("schedules.added"),
        count("schedules.removed"),
        count("schedules.changed"),
    )
}

#[test]
fn sighup_and_every_way_to_change_the_file_are_heard() {
    let (_runtime, simulator) = quick();
    let text = |schedules: &[String]| config(&simulator, &schedules.concat());
    let (one, two) = (idle("one", "\"A\""), idle("two", "\"A\""));
    let home = Home::new(&text(std::slice::from_ref(&one)));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");

    daemon.signal("-HUP");
    let event = daemon.wait_for_event("config.reloaded");
    assert_eq!(
        (&event["cause"], &event["schedules"]),
        (&"SIGHUP".into(), &1.into())
    );

    home.write(&text(&[one.clone(), two.clone()]));
    assert_eq!(reloaded(&mut daemon), (1, 0, 0), "written in place");
    assert_eq!(names(&home), ["one", "two"]);

    let ours = home.path().join("schedules.toml");
    let draft = home.path().join(".schedules.toml.swp");
    std::fs::write(&draft, text(&[one.replace("\"A\"", "\"B\""), two.clone()])).unwrap();
    std::fs::rename(&draft, &ours).unwrap();
    assert_eq!(reloaded(&mut daemon), (0, 0, 1), "renamed, as editors do");

    std::fs::remove_file(&ours).unwrap();
    let rejected = daemon.wait_for_event("config.reload_rejected");
    assert_eq!(
        rejected["schedules"], 2,
        "those before it stay in use: {rejected}"
    );
    let from_group = two.replace("[\"A\"]", "[\"@few\"]");
    let group = "[symbols]\nfew = { file = \"few.txt\" }\n".to_owned();
    std::fs::write(home.path().join("few.txt"), "A\n").unwrap();
    home.write(&text(&[group, from_group]));
    assert_eq!(
        reloaded(&mut daemon),
        (0, 1, 0),
        "put back; @few is what `two` had before"
    );

    std::fs::write(home.path().join("few.txt"), "A\nB # and C\nC\n").unwrap();
    assert_eq!(reloaded(&mut daemon), (0, 0, 1), "a file of symbols");
    let ended = home.json(&["trigger", "two", "--wait", "--json"]);
    assert_eq!(ended["tasks_total"], 3);
    let log = daemon.stop();
    let causes: Vec<&Value> = log
        .iter()
        .filter(|event| event["event"] == "config.reloaded")
        .map(|event| &event["cause"])
        .collect();
    let mut expected = vec!["the file changed"; 5];
    expected[0] = "SIGHUP";
    assert_eq!(causes, expected, "each once");
}

#[test]
fn a_reload_by_order_says_what_changes_and_a_dry_run_changes_nothing() {
    let (_runtime, simulator) = quick();
    let text = |schedules: &str| config(&simulator, schedules);
    let home = Home::new(&text(&(idle("one", "\"A\"") + &idle("two", "\"A\""))));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let said = home.say(&["reload"]);
    assert_eq!(
        (said.code, said.stdout.trim()),
        (Some(0), "nothing changes")
    );
    // The watch reads the file a moment after its change: the order is mostly there before it.
    let mut was_first = (false, false);
    for round in 0..10 {
        let other = idle("one", &format!("\"A{round}\"")) + &idle(&format!("new{round}"), "\"A\"");
        home.write(&text(&other));
        let dry = home.json(&["reload", "--dry-run", "--json"]);
        assert_eq!(dry["dry_run"], true);
        let new = format!("new{round}");
        was_first.0 |= dry["added"][0] == *new;
        let did = home.json(&["reload", "--json"]);
        if did["added"][0] == *new {
            was_first.1 = true;
            assert_eq!(dry["added"], did["added"]);
            assert_eq!(dry["removed"], did["removed"]);
            assert_eq!(did["changed"][0]["schedule"], "one");
            assert_eq!(did["changed"][0]["keys"][0], "symbols");
        }
        assert_eq!(names(&home), [new, "one".to_owned()]);
        if was_first == (true, true) {
            break;
        }
    }
    assert_eq!(was_first, (true, true), "ten times too late");
    daemon.stop();
}

#[test]
fn a_broken_file_is_told_whole_and_the_schedules_before_it_go_on_firing() {
    let (_runtime, simulator) = quick();
    let good = config(&simulator, &every_second("tick", ""));
    let home = Home::new(&good);
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.finished");
    home.write(&(good.clone() + "bogus = 1\n[schedules.x]\njob = \"quotez\"\n"));
    for order in [&["reload"][..], &["reload", "--dry-run"]] {
        let said = home.say(order);
        assert_eq!(said.code, Some(78), "{said:?}");
        for problem in [
            "bogus",
            "there is no job `quotez`",
            "has no `symbols`",
            "quotes",
        ] {
            assert!(said.stderr.contains(problem), "{problem}: {said:?}");
        }
        let last = "; the configuration before it stays in use";
        assert!(said.stderr.contains(last), "{said:?}");
    }
    let rejected = daemon.wait_for_event("config.reload_rejected");
    assert!(rejected["problems"].as_u64().unwrap() >= 3, "{rejected}");
    daemon.wait_for_event("run.finished");
    daemon.wait_for_event("run.finished");
    let said = home.say(&["status"]);
    assert_eq!(said.code, Some(0));
    assert!(
        said.stdout.contains("a newer configuration was rejected"),
        "{said:?}"
    );
    home.write(&good);
    assert_eq!(home.verb(&["reload"]).status.code(), Some(0));
    assert_eq!(home.status()["config_problems"], 0);
    daemon.stop();
    let rows = home.ledger();
    all_closed(&rows);
    is_gapless(&rows, "tick");
}

#[test]
fn a_reload_leaves_runs_that_go_on_as_they_were() {
    let (_runtime, simulator) = slow(Duration::from_millis(1_500));
    let both = |changed: &str| idle("removed", "\"A\", \"B\"") + &idle("changed", changed);
    let home = Home::new(&config(&simulator, &both("\"A\", \"B\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    for schedule in ["removed", "changed"] {
        home.json(&["trigger", schedule, "--json"]);
        daemon.wait_for_schedule("run.started", schedule);
    }
    home.write(&config(
        &simulator,
        &(idle("changed", "\"C\"") + &idle("new", "\"A\"")),
    ));
    let said = home.say(&["reload"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(names(&home), ["changed", "new"]);
    let mut finished = Vec::new();
    while finished.len() < 2 {
        let event = daemon.wait_for_event("run.finished");
        assert_eq!(event["tasks.total"], 2, "what it began with: {event}");
        finished.push(event["schedule.name"].as_str().unwrap().to_owned());
    }
    finished.sort_unstable();
    assert_eq!(finished, ["changed", "removed"]);
    let said = home.say(&["trigger", "removed"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    daemon.stop();
}

#[test]
fn changed_times_do_not_fire_the_past_and_what_needs_a_restart_is_named() {
    let (_runtime, simulator) = quick();
    let tick = every_second("tick", "");
    let text = |daily: &str| config(&simulator, &format!("{tick}{daily}"));
    let home = Home::new(&text(&idle("daily", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_schedule("run.finished", "tick");
    // Due a minute ago, and every minute before it.
    let past = finstage::clock::Clock::system().now() - jiff::SignedDuration::from_mins(1);
    let past = past.to_zoned(jiff::tz::TimeZone::UTC);
    let cron = format!("cron = \"{} {} * * *\"", past.minute(), past.hour());
    let changed = table(
        "daily",
        "\"A\"",
        &format!("{cron}\ncatchup_window = \"2d\""),
    );
    let pace = text(&changed).replace("max_rps = 1000.0", "max_rps = 900.0");
    home.write(&pace.replace("level = \"debug\"", "level = \"info\""));
    assert_eq!(home.verb(&["reload"]).status.code(), Some(0));
    let restart = daemon.wait_for_event("config.needs_restart");
    assert_eq!(restart["sections"], "[daemon], [upstream.yahoo]");
    daemon.wait_for_schedule("run.finished", "tick");
    daemon.wait_for_schedule("run.finished", "tick");
    let status = home.status();
    let next: jiff::Timestamp = status["schedules"][0]["next"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(next > past.timestamp(), "{status:#}");
    daemon.stop();
    let rows = home.ledger();
    assert!(planned(&rows, "daily").is_empty(), "{rows:#?}");
}

#[test]
fn a_changed_jitter_does_not_lose_the_fire_that_waits_for_it() {
    let (_runtime, simulator) = quick();
    // Long enough that some fire always waits for its jitter.
    let jittered = |jitter: &str| {
        config(
            &simulator,
            &every_second("tick", &format!("jitter = \"{jitter}\"")),
        )
    };
    let home = Home::new(&jittered("3s"));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.started");
    for jitter in ["1s", "5s", "2s", "0s", "4s", "0s"] {
        home.write(&jittered(jitter));
        assert_eq!(home.verb(&["reload"]).status.code(), Some(0));
        daemon.wait_for_event("run.started");
    }
    daemon.stop();
    is_gapless(&home.ledger(), "tick");
}

#[test]
fn the_newest_fire_of_a_new_schedule_is_caught_up_at_a_reload_as_at_a_start() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("one", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let hourly = table(
        "hourly",
        "\"A\"",
        "cron = \"0 * * * *\"\ncatchup_window = \"2h\"",
    );
    home.write(&config(&simulator, &(idle("one", "\"A\"") + &hourly)));
    assert_eq!(home.verb(&["reload"]).status.code(), Some(0));
    let finished = daemon.wait_for_event("run.finished");
    assert_eq!(finished["schedule.name"], "hourly");
    // Taken out and put back: what the ledger knows is not run again.
    for schedules in [idle("one", "\"A\""), idle("one", "\"A\"") + &hourly] {
        home.write(&config(&simulator, &schedules));
        assert_eq!(home.verb(&["reload"]).status.code(), Some(0));
    }
    let ended = home.json(&["trigger", "one", "--wait", "--json"]);
    assert_eq!(ended["state"], "succeeded");
    daemon.stop();
    let rows = home.ledger();
    let hourly = planned(&rows, "hourly");
    assert!(hourly.len() == 1 || fire_ms(hourly[0]) < fire_ms(hourly[1]));
    assert!(
        hourly.len() <= 2,
        "two only when the hour has just struck: {hourly:#?}"
    );
}
