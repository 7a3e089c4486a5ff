//! Databases that answer and take nothing: one outage, from the first write that fails to one that
//! works, and nothing is lost.

use std::time::Duration;

use finstage::clock;
use serde_json::Value;

use super::daemon::{Daemon, Home, let_pass};
use super::world::{all_closed, begun_once, config, every_second, is_gapless, quick, sql};
use crate::support::disk::SmallDisk;

/// Long enough for a few tries.
const OUTAGE: Duration = Duration::from_secs(5);

/// A database that is back is used after so long at the latest.
const RECOVERY: Duration = Duration::from_secs(6);

/// Makes the database of a running daemon take nothing for a while, and looks at what it made of it.
#[track_caller]
fn is_one_outage(home: &Home, mut daemon: Daemon, begin: impl FnOnce(), end: impl FnOnce()) {
    daemon.wait_for_event("run.finished");
    begin();
    daemon.wait_for_event("store.unavailable");
    let_pass(OUTAGE);
    assert!(home.status()["store_down_ms"].is_number());
    end();
    let back = clock::monotonic();
    daemon.wait_for_event("store.recovered");
    let took = back.elapsed();
    daemon.wait_for_event("run.finished");
    let log = daemon.stop();
    assert!(took < RECOVERY, "{took:?}");
    let told: Vec<&Value> = log
        .iter()
        .filter(|event| event["code"] == "FS6002" || event["code"] == "FS6003")
        .collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[1]["outage_ms"].as_u64().unwrap() >= 5_000, "{told:#?}");
    begun_once(&log);
    let rows = home.ledger();
    let rows = is_gapless(&rows, "pulse");
    assert!(rows.len() > 5, "{rows:#?}");
    all_closed(&rows.into_iter().cloned().collect::<Vec<_>>());
}

#[test]
fn a_database_that_refuses_what_is_written_is_away_until_it_takes_it() {
    let (_runtime, upstream) = quick();
    let home = Home::new(&config(&upstream, &every_second("pulse", "")));
    let daemon = home.start(&["run"]);
    let each = |statement: fn(&str) -> String| {
        let all = ["runs", "facts"].map(statement);
        sql(&home, &all.concat());
    };
    is_one_outage(
        &home,
        daemon,
        || {
            each(|table| {
                format!(
                    "CREATE TRIGGER no_{table} BEFORE INSERT ON {table} \
                     BEGIN SELECT RAISE(ABORT, 'nothing is taken'); END;"
                )
            });
        },
        || each(|table| format!("DROP TRIGGER no_{table};")),
    );
    assert_eq!(
        sql(&home, "SELECT name FROM facts"),
        "origin",
        "the proof is gone"
    );
}

#[test]
fn a_database_on_a_full_disk_is_away_until_there_is_room() {
    let (_runtime, upstream) = quick();
    let home = Home::new(&config(&upstream, &every_second("pulse", "")));
    let Some(disk) = SmallDisk::at(&home.path().join("data"), "8m") else {
        return;
    };
    let daemon = home.start(&["run"]);
    is_one_outage(
        &home,
        daemon,
        || {
            // The log has no room of its own left that it could use again.
            sql(
                &home,
                "PRAGMA busy_timeout = 5000; PRAGMA wal_checkpoint(TRUNCATE)",
            );
            disk.fill();
        },
        || disk.make_room(),
    );
}
