//! What the daemon does for itself at its hours: it tells of calendars that end, removes old rows,
//! and looks at the machine.

use std::process::Command;

use super::clock::Faked;
use super::daemon::Home;
use super::world::{config, every_second, idle, quick, sql};

#[test]
fn calendars_that_end_are_told_in_the_morning_and_old_rows_go_before_the_hour() {
    let near = "[calendars.desk]\nbase = \"XNYS\"\nvalid_through = 2027-07-31\n";
    let text = format!("{near}{}calendar = \"desk\"\n", idle("year", "\"A\""));
    let history = "[history]\nruns = \"30d\"\n";
    let Some(mut faked) = Faked::new(&format!("{history}{text}"), "2027-03-01T12:00:00Z") else {
        return;
    };
    for _ in 0..2 {
        let once = faked.verb(&["once", "year", "--simulate"]);
        assert!(once.status.success(), "{once:?}");
    }
    faked.set("2027-06-15T06:07:22Z".parse().unwrap());
    let mut daemon = faked.start();
    let ending = daemon.wait_for_event("config.calendar_ending");
    assert_eq!(ending["calendar"], "desk");
    assert_eq!(ending["valid_through"], "2027-07-31");
    assert!(
        ending["ts"].as_str().unwrap() >= "2027-06-15T06:07:25",
        "{ending}"
    );
    assert_eq!(sql(&faked.home, "SELECT count(*) FROM runs"), "2");
    faked.set("2027-06-15T06:47:32Z".parse().unwrap());
    let pruned = daemon.wait_for_event("store.pruned");
    assert_eq!(
        (&pruned["runs"], &pruned["tasks"]),
        (&2.into(), &2.into()),
        "{pruned}"
    );
    assert!(
        pruned["ts"].as_str().unwrap() >= "2027-06-15T06:47:35",
        "{pruned}"
    );
    assert_eq!(sql(&faked.home, "SELECT count(*) FROM runs"), "0");
    daemon.stop();
}

#[test]
fn a_daemon_that_cannot_see_proc_serves_all_the_same_and_says_so() {
    let hide = "mount -t tmpfs none /proc";
    let may = Command::new("unshare")
        .args(["--mount", "sh", "-c", hide])
        .output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: /proc can only be hidden by root");
        return;
    }
    let (_runtime, upstream) = quick();
    let home = Home::new(&config(&upstream, &every_second("pulse", "")));
    let first = format!("exec unshare --mount sh -c '{hide} && exec \"$0\" \"$@\"' \"$0\" \"$@\"");
    let mut daemon = home.start_by(home.shell(&first, &["run"]));
    for _ in 0..2 {
        daemon.wait_for_event("run.finished");
    }
    let log = daemon.stop();
    let is_told = |event: &serde_json::Value| event["event"] == "resource.unreadable";
    assert!(log.iter().any(is_told), "{log:#?}");
    assert!(log.iter().all(|event| event["event"] != "resource.sampled"));
    assert_eq!(sql(&home, "SELECT count(*) FROM resource_samples"), "0");
}
