//! Orders to a running daemon: trigger, retry, cancel, pause, resume, status.

use serde_json::Value;

use super::daemon::{Daemon, Home, fire_ms};
use super::world::{config, every_second, hanging, idle, quick, table, tally};

/// Triggers a schedule and gives the run's number once it has begun.
fn begin(home: &Home, daemon: &mut Daemon, schedule: &str) -> i64 {
    let run = home.json(&["trigger", schedule, "--json"]);
    let id = run["id"].as_i64().unwrap();
    daemon.wait_for(|event| event["event"] == "run.started" && event["run.id"] == id);
    id
}

fn row(home: &Home, id: i64) -> Value {
    let rows = home.ledger();
    rows.into_iter().find(|row| row["id"] == id).expect("a row")
}

#[test]
fn a_trigger_runs_at_once_and_with_wait_its_end_is_the_answer() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\", \"B\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let id = begin(&home, &mut daemon, "year");
    let finished = daemon.wait_for_event("run.finished");
    assert_eq!(finished["run.id"], id);
    let written = row(&home, id);
    assert_eq!(written["trigger"], "manual");
    let reason = written["reason"].as_str().unwrap();
    assert!(reason.starts_with("triggered by "), "{written}");
    let ended = home.json(&["trigger", "year", "--wait", "--json"]);
    assert_eq!(ended["state"], "succeeded");
    assert_eq!(
        (&ended["tasks_total"], &ended["tasks_succeeded"]),
        (&2.into(), &2.into())
    );
    let said = home.say(&["trigger", "year", "--wait"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("has begun (2 symbols)"), "{said:?}");
    assert!(said.stdout.contains("succeeded in "), "{said:?}");
    daemon.stop();
    assert_eq!(tally(&home.ledger()), [("succeeded".to_owned(), 3)].into());
}

#[test]
fn a_trigger_for_other_symbols_leaves_the_schedules_own_alone() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let ended = home.json(&["trigger", "year", "--symbols", "C,D,E", "--wait", "--json"]);
    assert_eq!(ended["tasks_succeeded"], 3);
    let id = ended["id"].to_string();
    let tasks = home.json(&["runs", "--tasks", &id, "--json"]);
    let mut symbols: Vec<&str> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["symbol"].as_str().unwrap())
        .collect();
    symbols.sort_unstable();
    assert_eq!(symbols, ["C", "D", "E"]);
    let said = home.say(&["trigger", "year", "--symbols", "A,NOTFOUND1", "--wait"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("partly_failed"), "{said:?}");
    assert!(
        said.stdout.contains("see: finstage runs --tasks"),
        "{said:?}"
    );
    let ended = home.json(&["trigger", "year", "--wait", "--json"]);
    assert_eq!(ended["tasks_total"], 1, "the next run is its own again");
    daemon.stop();
}

#[test]
fn what_cannot_be_triggered_is_said_and_leaves_no_row() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let said = home.say(&["trigger", "none"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.stderr.contains("there is no schedule `none`"),
        "{said:?}"
    );
    for wrong in [
        ["trigger", "NO SUCH NAME!", "--wait"],
        ["trigger", "year", "--symbols=a b"],
        ["trigger", "year", "--overlap-policy=maybe"],
        ["trigger", "year", "--symbols=A\u{7}"],
    ] {
        let said = home.say(&wrong);
        assert_eq!(said.code, Some(2), "{wrong:?}: {said:?}");
        assert!(
            !said.stderr.is_empty() && said.stdout.is_empty(),
            "{said:?}"
        );
    }
    daemon.stop();
    assert_eq!(home.ledger(), Vec::<Value>::new());
}

#[test]
fn a_retry_does_the_failed_tasks_only() {
    let (_runtime, simulator) = quick();
    let schedules = idle("year", "\"A\", \"NOTFOUND1\", \"B\", \"NOTFOUND2\"");
    let home = Home::new(&config(&simulator, &schedules));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let first = home.say(&["trigger", "year", "--wait", "--json"]);
    assert_eq!(first.code, Some(1));
    let first = first.json();
    assert_eq!(
        (&first["state"], &first["tasks_failed"]),
        (&"partly_failed".into(), &2.into())
    );
    let again = home.say(&["retry", &first["id"].to_string(), "--wait", "--json"]);
    assert_eq!(again.code, Some(1), "they fail again: {again:?}");
    let again = again.json();
    assert_eq!(
        (&again["tasks_total"], &again["tasks_failed"]),
        (&2.into(), &2.into())
    );
    let written = row(&home, again["id"].as_i64().unwrap());
    assert_eq!(written["trigger"], "retry");
    let reason = written["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(&format!("retry of run {} by ", first["id"])),
        "{reason}"
    );
    let good = home.json(&["trigger", "year", "--symbols", "A", "--wait", "--json"]);
    let said = home.say(&["retry", &good["id"].to_string()]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("no task of run"), "{said:?}");
    let said = home.say(&["retry", "4711"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("there is no run 4711"), "{said:?}");
    daemon.stop();
}

#[test]
fn a_cancel_ends_a_run_that_goes_on_or_waits_and_says_so_of_any_other() {
    let (_runtime, simulator) = hanging();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\", \"B\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let going = begin(&home, &mut daemon, "year");
    let waiting = home.json(&[
        "trigger",
        "year",
        "--overlap-policy",
        "buffer_one",
        "--json",
    ]);
    assert_eq!(waiting["is_waiting"], true);
    let said = home.say(&["retry", &going.to_string()]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("it has not ended"), "{said:?}");
    for id in [waiting["id"].as_i64().unwrap(), going] {
        let said = home.say(&["cancel", &id.to_string()]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let cancelled = daemon.wait_for_event("run.cancelled");
        assert_eq!(cancelled["run.id"], id);
        let reason = cancelled["reason"].as_str().unwrap();
        assert!(reason.starts_with("cancelled by "), "{cancelled}");
        let row = row(&home, id);
        assert_eq!(
            (&row["state"], &row["reason"]),
            (&"cancelled".into(), &reason.into())
        );
        let said = home.say(&["cancel", &id.to_string()]);
        assert_eq!(said.code, Some(2));
        assert!(said.stderr.contains("its state is cancelled"), "{said:?}");
    }
    let said = home.say(&["cancel", "4711"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("there is no run 4711"), "{said:?}");
    daemon.stop();
}

#[test]
fn a_pause_records_its_fires_outlives_a_restart_and_ends_by_itself() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &every_second("tick", "")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.finished");
    let note = "the exchange moves house";
    let said = home.say(&["pause", "tick", "--for", "5s", "--note", note]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("tick is paused until 20"), "{said:?}");
    let paused = daemon.wait_for_event("schedule.paused");
    let until: jiff::Timestamp = paused["until"].as_str().unwrap().parse().unwrap();
    let withheld = daemon.wait_for_event("run.withheld");
    daemon.kill();
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let status = home.status();
    if finstage::clock::Clock::system().now() < until {
        assert_eq!(status["schedules"][0]["state"], "paused");
        let because = status["schedules"][0]["paused_because"].as_str().unwrap();
        assert!(because.ends_with(note), "{because}");
    }
    daemon.wait_for_event("schedule.resumed");
    daemon.wait_for_event("run.finished");
    daemon.stop();
    let rows = home.ledger();
    super::world::all_closed(&rows);
    let rows = super::world::is_gapless(&rows, "tick");
    let first = fire_ms(&withheld);
    for row in rows {
        let is_within = (first..until.as_millisecond()).contains(&fire_ms(row));
        assert_eq!(
            row["state"] == "paused",
            is_within,
            "{first}..{until}: {row}"
        );
        if is_within {
            let reason = row["reason"].as_str().unwrap();
            assert!(
                reason.starts_with("paused by ") && reason.ends_with(note),
                "{row}"
            );
        }
    }
}

#[test]
fn a_pause_without_an_end_lasts_until_it_is_resumed() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &every_second("tick", "")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.finished");
    assert_eq!(home.verb(&["pause", "tick"]).status.code(), Some(0));
    daemon.wait_for_event("run.withheld");
    let ended = home.json(&["trigger", "tick", "--wait", "--json"]);
    assert_eq!(
        ended["state"], "succeeded",
        "a person may run it all the same"
    );
    let said = home.say(&["resume", "tick"]);
    assert_eq!(said.code, Some(0));
    assert!(
        said.stdout.contains("tick is resumed; it was paused by "),
        "{said:?}"
    );
    daemon.wait_for_event("schedule.resumed");
    daemon.wait_for(|event| event["event"] == "run.started" && event["trigger"] == "schedule");
    let said = home.say(&["resume", "tick"]);
    assert_eq!(
        (said.code, said.stdout.trim()),
        (Some(0), "tick was not paused")
    );
    for (wrong, why) in [
        (&["pause", "none"][..], "there is no schedule `none`"),
        (&["resume", "none"], "there is no schedule `none`"),
        (
            &["pause", "tick", "--until", "2020-01-01T00:00:00Z"],
            "in the past",
        ),
        (&["pause", "tick", "--for", "soon"], "--for"),
    ] {
        let said = home.say(wrong);
        assert_eq!(said.code, Some(2), "{wrong:?}: {said:?}");
        assert!(said.stderr.contains(why), "{wrong:?}: {said:?}");
    }
    daemon.stop();
}

#[test]
fn status_fails_while_a_schedule_is_stale_and_not_once_it_has_succeeded() {
    let (_runtime, simulator) = quick();
    let promise = "sla = { max_time_since_success = \"1s\" }\nevery = \"1s\"";
    let text = |symbol: &str, promise: &str| {
        let idle = idle("year", "\"A\"");
        config(
            &simulator,
            &format!("{idle}{}", table("tick", symbol, promise)),
        )
    };
    let home = Home::new(&text("\"NOTFOUND1\"", promise));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let stale = daemon.wait_for_event("schedule.stale");
    assert_eq!(stale["schedule.name"], "tick");
    let said = home.say(&["status", "--json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let status = said.json();
    assert_eq!(
        (&status["is_late"], &status["pid"]),
        (&true.into(), &daemon.pid().into())
    );
    assert_eq!(status["schedules"][0]["state"], "stale");
    assert_eq!(status["schedules"][1]["state"], "ok");
    assert_eq!(
        status["cache"]["loads"], 1,
        "an unknown symbol is asked for once"
    );
    let said = home.say(&["status"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains("serving since") && said.stdout.contains("stale"),
        "{said:?}"
    );
    assert!(
        said.stdout.contains(" answers from it, 1 loaded, "),
        "{said:?}"
    );
    let roomy = promise.replace("\"1s\" }", "\"30s\" }");
    home.write(&text("\"A\"", &roomy));
    assert_eq!(home.verb(&["reload"]).status.code(), Some(0));
    daemon.wait_for_event("schedule.fresh");
    let said = home.say(&["status", "--json"]);
    assert_eq!(
        (said.code, &said.json()["is_late"]),
        (Some(0), &false.into()),
        "{said:?}"
    );
    daemon.stop();
}
