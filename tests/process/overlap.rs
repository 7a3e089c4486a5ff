//! A trigger obeys the overlap policy: the schedule's own, or the one it brings.

use serde_json::Value;

use super::daemon::{Daemon, Home};
use super::world::{all_closed, config, hanging, idle};

fn trigger(home: &Home, policy: &str) -> (Option<i32>, Value) {
    let said = home.say(&["trigger", "year", "--overlap-policy", policy, "--json"]);
    (said.code, said.json())
}

fn wait_for_run(daemon: &mut Daemon, name: &str, run: &Value) -> Value {
    daemon.wait_for(|event| event["event"] == name && event["run.id"] == run["id"])
}

fn of_run<'r>(rows: &'r [Value], run: &Value) -> &'r Value {
    rows.iter()
        .find(|row| row["id"] == run["id"])
        .expect("a row")
}

#[test]
fn a_trigger_beside_a_run_that_goes_on_is_skipped_waits_joins_or_replaces_it() {
    let (_runtime, simulator) = hanging();
    let home = Home::new(&config(&simulator, &idle("year", "\"A\", \"B\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let (_, going) = trigger(&home, "skip");
    wait_for_run(&mut daemon, "run.started", &going);

    let said = home.say(&["trigger", "year"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stdout
            .contains("was skipped: the previous run is still going"),
        "{said:?}"
    );
    let said = home.say(&["trigger", "year", "--wait", "--json"]);
    assert_eq!(said.code, Some(1), "nothing to wait for");
    assert_eq!(said.json()["state"], "skipped_overlap");

    let (code, waiting) = trigger(&home, "buffer_one");
    assert_eq!((code, &waiting["is_waiting"]), (Some(0), &true.into()));
    let (code, too_many) = trigger(&home, "buffer_one");
    assert_eq!(
        (code, &too_many["state"]),
        (Some(1), &"skipped_overlap".into())
    );
    let (code, also_waiting) = trigger(&home, "buffer_all");
    assert_eq!((code, &also_waiting["is_waiting"]), (Some(0), &true.into()));

    let (code, beside) = trigger(&home, "allow_all");
    assert_eq!(
        (code, &beside["is_waiting"]),
        (Some(0), &false.into()),
        "it runs at once"
    );
    wait_for_run(&mut daemon, "run.started", &beside);
    let status = home.status();
    let year = &status["schedules"][0];
    assert_eq!(
        (&year["running"], &year["waiting"]),
        (&2.into(), &2.into()),
        "{year}"
    );
    assert_eq!(status["runs"].as_array().unwrap().len(), 2);

    let (code, instead) = trigger(&home, "cancel_other");
    assert_eq!((code, &instead["is_waiting"]), (Some(0), &true.into()));
    wait_for_run(&mut daemon, "run.started", &instead);
    let year = &home.status()["schedules"][0];
    assert_eq!(
        (&year["running"], &year["waiting"]),
        (&1.into(), &0.into()),
        "{year}"
    );
    daemon.stop();

    let rows = home.ledger();
    all_closed(&rows);
    for replaced in [&going, &waiting, &also_waiting, &beside] {
        let row = of_run(&rows, replaced);
        assert_eq!(row["state"], "cancelled");
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.starts_with("replaced by the fire of "), "{row}");
    }
    let reason = of_run(&rows, &too_many)["reason"].as_str().unwrap();
    assert!(
        reason.contains("; the previous run is still going"),
        "{reason}"
    );
    let last = of_run(&rows, &instead);
    assert_eq!(last["reason"], "the daemon stopped before it was done");
}
