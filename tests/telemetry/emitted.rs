//! Events that need a situation of their own: each is brought about, and seen in the real log.

use super::heard::codes_of;
use crate::faults::memory::is_alone;
use crate::process::daemon::Home;
use crate::process::world::{config, every_second, idle, quick};
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
    let told = codes_of(|| {
        tracing::event!(target: "sqlx::query", tracing::Level::WARN, elapsed = 3, "slow");
    });
    assert_eq!(told, ["FS9003"]);
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
