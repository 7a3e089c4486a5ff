//! kill -9 again and again under load: nothing runs twice, nothing is lost, nothing stays open.
//!
//! `FINSTAGE_KILLS=1000` (`just kills`) kills that often; the suite as often as fits.

use std::time::Duration;

use finstage::clock;
use serde_json::Value;

use super::daemon::{Home, let_pass};
use super::world::{all_closed, config, is_gapless, slow, sql, table, tally};
use crate::support::random::Random;

/// Kills in the suite: about fifty seconds.
const KILLS: usize = 200;

/// A start may take this long on a busy machine, unoptimised; figures are printed.
const SLOWEST_START: Duration = Duration::from_secs(2);

fn kills() -> usize {
    let asked = std::env::var("FINSTAGE_KILLS").ok();
    asked.map_or(KILLS, |text| {
        text.replace('_', "").parse().expect("a count")
    })
}

/// Every policy, each due every second, each with runs that take a good part of one.
const SCHEDULES: [(&str, &str); 6] = [
    ("skip", "overlap_policy = \"skip\""),
    ("one", "overlap_policy = \"buffer_one\""),
    ("queue", "overlap_policy = \"buffer_all\""),
    ("other", "overlap_policy = \"cancel_other\""),
    ("all", "overlap_policy = \"allow_all\""),
    (
        "every",
        "overlap_policy = \"buffer_all\"\nmisfire_policy = \"run_all\"\nmisfire_threshold = \"1s\"",
    ),
];

fn schedules() -> String {
    let one = |(name, policy): &(&str, &str)| {
        let more = format!("every = \"1s\"\nconcurrency = 2\n{policy}");
        table(name, "\"A\", \"B\", \"C\", \"D\"", &more)
    };
    SCHEDULES.iter().map(one).collect()
}

/// Starts, serves for `life`, is killed; gives how long it took to be ready, and its log.
fn live_and_die(home: &Home, life: Duration) -> (Duration, Vec<Value>) {
    let spawned = clock::monotonic();
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let ready = spawned.elapsed();
    let_pass(life);
    (ready, daemon.kill())
}

/// Is killed before it is ready, or hardly after: while it migrates, recovers, binds.
fn die_young(home: &Home, life: Duration) -> Vec<Value> {
    let daemon = home.start(&["run"]);
    let_pass(life);
    daemon.kill()
}

#[test]
fn a_daemon_that_is_killed_again_and_again_runs_every_fire_once() {
    let (_runtime, simulator) = slow(Duration::from_millis(120));
    let home = Home::new(&config(&simulator, &schedules()).replace("\"100ms\"", "\"30s\""));
    let mut random = Random::named(3, "kills");
    let mut starts = Vec::new();
    let (mut resumed, mut abandoned) = (0, 0);
    let began = clock::monotonic();
    for _ in 0..kills() {
        let mut life =
            |longest| Duration::from_millis(u64::try_from(random.between(0, longest)).unwrap());
        // Mostly a few tenths of a second; now and then a life in which things get done.
        let log = match life(9).as_millis() {
            0 | 1 => die_young(&home, life(80)),
            way => {
                let longest = if way == 2 { 1_500 } else { 350 };
                let (ready, log) = live_and_die(&home, life(longest));
                starts.push(ready);
                log
            }
        };
        let count = |name: &str| log.iter().filter(|event| event["event"] == name).count();
        resumed += count("run.resumed");
        abandoned += count("run.abandoned");
        assert!(
            log.iter().all(|event| event["level"] != "error"),
            "{log:#?}"
        );
    }
    let took = began.elapsed();
    let mut last = home.start(&["run"]);
    last.wait_for_event("daemon.ready");
    last.wait_for_schedule("run.finished", "every");
    last.stop();
    starts.sort_unstable();
    let at = |percent: usize| starts[(starts.len() - 1) * percent / 100];
    let rows = home.ledger();
    eprintln!(
        "kills: {} in {took:.1?}; starts {}, ready p50 {:.0?}, p99 {:.0?}, max {:.0?}; runs resumed {resumed}, \
         abandoned {abandoned}; rows {:?}",
        kills(),
        starts.len(),
        at(50),
        at(99),
        at(100),
        tally(&rows)
    );
    assert!(at(99) <= SLOWEST_START, "p99 of a start: {:?}", at(99));
    assert!(
        resumed > 0 && abandoned > 0,
        "the kills came at the wrong moments"
    );
    all_closed(&rows);
    for (name, _) in SCHEDULES {
        is_gapless(&rows, name);
    }
    told_what_became_of_it(&rows);
    database_is_sound(&home);
}

/// What was not run says why.
fn told_what_became_of_it(rows: &[Value]) {
    for row in rows {
        let state = row["state"].as_str().unwrap();
        let is_explained = row["reason"].is_string() || state == "succeeded";
        assert!(is_explained, "no reason: {row}");
        if row["schedule"] == "all" {
            assert_ne!(state, "skipped_overlap", "{row}");
        }
    }
}

fn database_is_sound(home: &Home) {
    let twice =
        "SELECT schedule, scheduled_for, count(*) FROM runs GROUP BY 1, 2 HAVING count(*) > 1";
    assert_eq!(sql(home, twice), "");
    let incomplete = "SELECT id FROM runs r WHERE state = 'succeeded' AND tasks_total <>
        (SELECT count(*) FROM run_tasks t WHERE t.run_id = r.id AND outcome = 'succeeded')";
    assert_eq!(sql(home, incomplete), "", "a succeeded run lacks a task");
    assert_eq!(sql(home, "PRAGMA integrity_check"), "ok");
    assert_eq!(sql(home, "PRAGMA foreign_key_check"), "");
}
