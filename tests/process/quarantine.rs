//! `finstage quarantine` beside a running daemon and without one.

use finstage::clock::Clock;
use finstage::config::{Environment, load};
use finstage::domain::{DailyBar, Flagged, Rule};
use finstage::store::Store;
use finstage::telemetry::Meter;

use super::daemon::Home;
use super::schedules;
use crate::support::values::{bar, symbol};

/// Puts a jump and a bar of zeros into the home's quarantine.
fn fill(home: &Home) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let environment = Environment::in_directory(home.path());
        let (config, _) = load(&home.path().join("schedules.toml"), &environment).unwrap();
        let store = Store::open(&config.store, Meter::default()).await.unwrap();
        let zero = DailyBar {
            open: 0.0,
            ..bar("2026-11-19", 10.0)
        };
        let flagged =
            [(zero, Rule::Price), (bar("2026-11-20", 90.0), Rule::Jump)].map(|(bar, rule)| {
                Flagged {
                    bar,
                    rule,
                    reason: format!("reason {rule}"),
                }
            });
        let now = Clock::system().now();
        store
            .hold(&symbol("AAPL"), &flagged, "yahoo", now)
            .await
            .unwrap();
        store.close().await;
    });
}

#[test]
fn rows_in_quarantine_are_listed_released_and_dismissed_with_and_without_a_daemon() {
    let home = Home::new(&schedules("", "\"A\"", "enabled = false"));
    let none = home.say(&["quarantine", "list"]);
    assert_eq!(none.code, Some(69), "no database: {none:?}");
    assert!(home.verb(&["migrate"]).status.success());
    assert_eq!(
        home.say(&["quarantine", "list"]).stderr,
        "nothing in quarantine\n"
    );
    fill(&home);
    let rows = home.json(&["quarantine", "list", "--json"]);
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
    let [zero, jump] = [&rows[0], &rows[1]];
    assert_eq!((&zero["rule"], &jump["rule"]), (&"V1".into(), &"V5".into()));
    let only = home.json(&[
        "quarantine",
        "list",
        "--rule",
        "V5",
        "--symbol",
        "AAPL",
        "--json",
    ]);
    assert_eq!(only.as_array().unwrap().len(), 1);
    let [zero, jump] = [zero, jump].map(|row| row["id"].to_string());
    let both = home.say(&["quarantine", "release", &zero, &jump]);
    assert_eq!(both.code, Some(2), "{both:?}");
    assert!(both.stderr.contains("dismiss"), "{both:?}");
    assert!(both.stderr.contains("nothing was changed"), "{both:?}");

    let mut daemon = home.start(&["run", "--simulate"]);
    daemon.wait_for_event("daemon.ready");
    let released = home.say(&[
        "quarantine",
        "release",
        &jump,
        "--note",
        "seen at the exchange",
    ]);
    assert_eq!(released.code, Some(0), "{released:?}");
    assert_eq!(
        released.stdout,
        format!("released {jump}: AAPL 2026-11-20 (V5)\n")
    );
    daemon.stop();

    let again = home.say(&["quarantine", "release", &jump]);
    assert!(again.stderr.contains("it is released already"), "{again:?}");
    assert_eq!(home.say(&["quarantine", "dismiss", &zero]).code, Some(0));
    assert_eq!(
        home.json(&["quarantine", "list", "--json"]),
        serde_json::json!([])
    );
    let all = home.json(&["quarantine", "list", "--all", "--json"]);
    assert_eq!(all[1]["note"], "seen at the exchange");
    let table = home.say(&["quarantine", "list", "--all"]).stdout;
    assert!(
        table.contains("dismissed") && table.contains("reason V5"),
        "{table}"
    );
    let missing = home.say(&["quarantine", "dismiss", "999"]);
    assert!(
        missing.stderr.contains("999: there is no such row"),
        "{missing:?}"
    );
}
