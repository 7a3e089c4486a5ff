//! Events that need a situation of their own: each is brought about, and seen in the real log.

use std::path::Path;

use finstage::simulator::Simulator;

use super::heard::codes_of;
use crate::faults::memory::is_alone;
use crate::process::clock::library;
use crate::process::daemon::{Daemon, Home};
use crate::process::world::{config, every_second, idle, quick, sql, table};
use crate::support::lines;
use crate::support::redis::RedisServer;

#[test]
fn a_daemon_that_cannot_start_says_why() {
    let home = Home::new(&idle("year", "\"A\""));
    std::fs::create_dir(home.path().join("data/finstage.db")).unwrap();
    let (status, log) = home.start(&["run"]).end();
    assert!(!status.success());
    let last = log.last().unwrap();
    assert_eq!(last["event"], "daemon.start_failed", "{log:#?}");
}

#[test]
fn a_database_that_was_moved_away_is_missed_by_the_last_sample_at_the_latest() {
    let (_runtime, upstream) = quick();
    let home = Home::new(&config(&upstream, &idle("year", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let file = home.path().join("data/finstage.db");
    std::fs::rename(&file, home.path().join("data/elsewhere.db")).unwrap();
    daemon.signal("-TERM");
    let (_, log) = daemon.end();
    assert!(
        log.iter().any(|event| event["event"] == "store.misplaced"),
        "{log:#?}"
    );
}

#[test]
fn a_contained_panic_is_an_event_with_its_place() {
    let name = "a_contained_panic_is_an_event_with_its_place";
    if is_alone(&format!("{}::{name}", module_path!())) {
        lines::listen();
        finstage::daemon::log_panics();
        let panicked = std::thread::spawn(|| panic!("on purpose")).join();
        assert!(panicked.is_err());
        let noted = lines::notes().join(std::process::id().to_string());
        assert!(std::fs::read_to_string(noted).unwrap().contains("FS9001"));
    }
}

#[test]
fn a_librarys_warning_is_wrapped() {
    let told = codes_of(
        || tracing::event!(target: "sqlx::query", tracing::Level::WARN, elapsed = 3, "slow statement"),
    );
    assert_eq!(told, ["FS9003"]);
}

/// A daemon with every price alert, on a price that is known, over bars that are made up.
struct Desk {
    home: Home,
    daemon: Daemon,
    _upstream: (tokio::runtime::Runtime, Simulator),
}

impl Desk {
    fn open() -> Self {
        let (runtime, upstream) = quick();
        let alerts = "[cache]\nbackend = \"off\"\n[alerts.all]\nsymbols = [\"AAPL\"]\nrise = \"1%\"\ndrop = \"1%\"\n\
                      new_high = true\ndrop_from_high = \"1%\"\nbreak_high = true\nbreak_low = true\n\
                      cool_off = \"0s\"\ncool_off_highs = \"0s\"\nmax_age = \"7d\"\n";
        let quotes = idle("now", "\"AAPL\"");
        let bars = idle("bars", "\"AAPL\"").replace("\"quotes\"", "\"daily_bars\"");
        let home = Home::new(&config(&upstream, &format!("{alerts}{quotes}{bars}")));
        let mut daemon = home.start(&["run"]);
        daemon.wait_for_event("daemon.ready");
        home.json(&["trigger", "bars", "--wait", "--json"]);
        home.json(&["trigger", "now", "--wait", "--json"]);
        Self {
            home,
            daemon,
            _upstream: (runtime, upstream),
        }
    }

    /// As if every session before had ended at so much of the price that is known, and nothing
    /// had been told; then the price comes again.
    fn look(&self, share: f64) {
        let price = "(SELECT price FROM quotes WHERE symbol = 'AAPL')";
        let level = format!("{price} * {share}");
        sql(
            &self.home,
            &format!(
                "PRAGMA busy_timeout = 5000; DELETE FROM price_alerts; UPDATE daily_bars SET open = {level}, \
                 high = {level}, low = {level}, close = {level}"
            ),
        );
        self.home.json(&["trigger", "now", "--wait", "--json"]);
    }
}

#[test]
fn each_price_alert_is_told_and_one_that_cannot_be_remembered_says_so() {
    let mut desk = Desk::open();
    desk.look(0.97);
    for event in ["alert.rise", "alert.new_high", "alert.break_high"] {
        desk.daemon.wait_for_event(event);
    }
    desk.look(1.03);
    for event in ["alert.drop", "alert.drop_from_high", "alert.break_low"] {
        desk.daemon.wait_for_event(event);
    }
    sql(&desk.home, "ALTER TABLE price_alerts RENAME TO away");
    desk.home.json(&["trigger", "now", "--wait", "--json"]);
    desk.daemon.wait_for_event("alert.unchecked");
    desk.daemon.kill();
}

#[test]
fn a_shared_cache_that_goes_and_comes_back_is_told() {
    let mut redis = RedisServer::start();
    let (_runtime, upstream) = quick();
    let cache = "[cache]\nbackend = \"redis\"\nttl = \"1s\"\n";
    let home = Home::new(&config(
        &upstream,
        &format!("{cache}{}", every_second("pulse", "")),
    ));
    let mut daemon = home.start_in(&["run"], &[("REDIS_URL", &redis.url())]);
    daemon.wait_for_event("run.finished");
    redis.kill();
    daemon.wait_for_event("cache.backend_lost");
    redis.restart();
    daemon.wait_for_event("cache.backend_back");
    daemon.kill();
}

/// A daemon in `home` for which it is `time`, in years to come, and every second passes thirty.
fn in_time_to_come(home: &Home, library: &Path, time: &str) -> Daemon {
    let time = format!("@2031-03-05 {time} x30");
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME", time.as_str()),
        ("TZ", "UTC"),
        ("NO_FAKE_STAT", "1"),
    ];
    home.start_in(&["run"], &environment)
}

#[test]
fn once_a_minute_the_log_has_a_sign_of_life_and_once_an_hour_old_rows_go() {
    let Some(library) = library() else { return };
    let (_runtime, upstream) = quick();
    let home = Home::new(&config(&upstream, &every_second("pulse", "")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("run.finished");
    daemon.stop();
    home.write(&config(&upstream, &idle("year", "\"A\"")));
    let mut daemon = in_time_to_come(&home, &library, "10:46:50");
    daemon.wait_for_event("store.pruned");
    daemon.wait_for_event("daemon.heartbeat");
    daemon.kill();
}

#[test]
fn once_a_day_a_calendar_that_ends_is_told() {
    let Some(library) = library() else { return };
    let (_runtime, upstream) = quick();
    let schedule = table("us", "\"A\"", "calendar = \"XNYS\"\nat = \"close+35m\"");
    let home = Home::new(&config(&upstream, &schedule));
    let mut daemon = in_time_to_come(&home, &library, "06:07:05");
    let event = daemon.wait_for_event("config.calendar_ending");
    assert_eq!(event["calendar"], "XNYS");
    daemon.kill();
}
