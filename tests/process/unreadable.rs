//! Rows nobody can read: each verb shows the others and names those, and the daemon goes on.

use super::daemon::Home;
use super::schedules;
use super::world::{every_second, quick, sql};

/// A home with two symbols, and rows of every kind.
fn loaded() -> Home {
    let home = Home::new(&schedules("", "\"AAPL\", \"MSFT\"", ""));
    let run = home.verb(&["once", "bars", "--simulate"]);
    assert!(run.status.success(), "{run:?}");
    home
}

/// Lines of stdout, when the verb ends with 1 and stderr has all of `named`.
#[track_caller]
fn told(home: &Home, arguments: &[&str], named: &[&str]) -> Vec<String> {
    let said = home.say(arguments);
    assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
    for part in named {
        assert!(said.stderr.contains(part), "{arguments:?}: {said:?}");
    }
    said.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_bar_with_an_unreadable_date_is_named_and_the_others_are_shown() {
    let home = loaded();
    let newest = sql(
        &home,
        "SELECT max(trading_date) FROM daily_bars WHERE symbol = 'AAPL'",
    );
    sql(
        &home,
        &format!(
            "UPDATE daily_bars SET trading_date = '2026-13-45' WHERE symbol = 'AAPL' AND trading_date = '{newest}'"
        ),
    );
    let named = ["row `AAPL 2026-13-45` of daily_bars", "`trading_date`"];
    let lines = told(&home, &["bars", "AAPL"], &named);
    assert_eq!(lines.len(), 1 + 19, "{lines:#?}");
    let csv = told(
        &home,
        &["bars", "AAPL", "--csv", "--from", "1900-01-01"],
        &named,
    );
    let stored = sql(
        &home,
        "SELECT count(*) FROM daily_bars WHERE symbol = 'AAPL'",
    );
    assert_eq!(
        csv.len().to_string(),
        stored,
        "the head instead of that row"
    );
    let symbols = told(&home, &["symbols"], &named);
    let apple = symbols
        .iter()
        .find(|line| line.starts_with("AAPL"))
        .unwrap();
    assert!(apple.contains("2026-1"), "a last bar all the same: {apple}");
    assert!(symbols.iter().any(|line| line.starts_with("MSFT")));
    told(&home, &["indicators", "AAPL"], &named);
    let other = home.say(&["bars", "MSFT"]);
    assert_eq!((other.code, other.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_cannot_be_read_in_other_tables_is_named_by_the_verb_that_lists_them() {
    let home = loaded();
    sql(&home, "DELETE FROM gaps");
    for (day, seen) in [
        ("2026-11-18", "2026-11-19 12:00:00+00:00"),
        ("2026-11-19", "later"),
    ] {
        sql(
            &home,
            &format!(
                "INSERT INTO gaps VALUES ('AAPL', '{day}', 'open', 'XNYS', '{seen}', 1, NULL, NULL, NULL, NULL)"
            ),
        );
        sql(
            &home,
            &format!("DELETE FROM daily_bars WHERE symbol = 'AAPL' AND trading_date = '{day}'"),
        );
    }
    let lines = told(
        &home,
        &["gaps"],
        &["row `AAPL 2026-11-19` of gaps", "`first_seen`"],
    );
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let alert = |id: u32, kind: &str, told_at: &str| {
        sql(
            &home,
            &format!(
                "INSERT INTO price_alerts VALUES ({id}, 'AAPL', '{kind}', 3.0, 'tech', 1.0, \
                 '2026-11-20 12:00:00+00:00', 1.0, '2026-11-19', 3.5, '{told_at}', NULL)"
            ),
        );
    };
    alert(1, "rise", "2026-11-20 12:00:00+00:00");
    alert(2, "soar", "2026-11-20 12:00:00+00:00");
    alert(3, "rise", "yesterday");
    let named = [
        "row `2` of price_alerts",
        "`kind`",
        "`soar`",
        "row `3` of price_alerts",
        "`told_at`",
    ];
    assert_eq!(told(&home, &["alerts"], &named).len(), 2);
    let run = home.verb(&["once", "bars", "--simulate"]);
    assert!(run.status.success(), "{run:?}");
    sql(&home, "UPDATE runs SET started_at = 'noon' WHERE id = 1");
    let lines = told(&home, &["runs"], &["row `1` of runs", "`started_at`"]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    sql(
        &home,
        "UPDATE run_tasks SET started_at = 7 WHERE symbol = 'MSFT'",
    );
    told(
        &home,
        &["runs", "--tasks", "2"],
        &["row `2 MSFT` of run_tasks"],
    );
    sql(
        &home,
        "UPDATE symbol_health SET updated_at = 'x' WHERE symbol = 'MSFT'",
    );
    let symbols = told(&home, &["symbols"], &["row `MSFT` of symbol_health"]);
    assert!(
        symbols.iter().any(|line| line.starts_with("MSFT")),
        "{symbols:#?}"
    );
}

#[test]
fn impossible_bars_are_marked() {
    let home = loaded();
    let newest = |back: u32| {
        sql(
            &home,
            &format!(
                "SELECT trading_date FROM daily_bars WHERE symbol = 'AAPL' ORDER BY 1 DESC LIMIT 1 OFFSET {back}"
            ),
        )
    };
    for (back, change) in [(0, "high = low / 2"), (1, "close = -1"), (2, "volume = -5")] {
        let date = newest(back);
        sql(
            &home,
            &format!(
                "UPDATE daily_bars SET {change} WHERE symbol = 'AAPL' AND trading_date = '{date}'"
            ),
        );
    }
    let said = home.say(&["bars", "AAPL", "--last", "4"]);
    let marked: Vec<bool> = said
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.contains("impossible (V"))
        .collect();
    assert_eq!(marked, [false, true, true, true], "{said:?}");
    assert!(
        said.stderr.contains("3 of these bars cannot be true"),
        "{said:?}"
    );
    let rows = home.json(&["bars", "AAPL", "--last", "2", "--json"]);
    let why = rows["bars"][0]["impossible"].as_str().unwrap();
    assert_eq!(why, "V1: close is -1");
}

#[test]
fn the_daemon_tells_of_an_unreadable_row_once_and_goes_on() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&super::world::config(
        &simulator,
        &every_second("often", ""),
    ));
    let once = home.verb(&["once", "often"]);
    assert!(once.status.success(), "{once:?}");
    sql(
        &home,
        "UPDATE quotes SET market_time = 'sometime' WHERE symbol = 'A'",
    );
    sql(&home, "UPDATE runs SET started_at = 'noon'");
    let mut daemon = home.start(&["run"]);
    let told = daemon.wait_for_event("store.row_unreadable");
    assert_eq!(
        (&told["table"], &told["key"]),
        (&"quotes".into(), &"A".into())
    );
    assert_eq!(told["column"], "market_time");
    for _ in 0..2 {
        let run = daemon.wait_for_event("run.finished");
        assert_eq!(
            (&run["tasks.total"], &run["level"]),
            (&1.into(), &"info".into())
        );
    }
    let rest = daemon.stop();
    let again = rest.iter().filter(|line| line["table"] == "quotes");
    assert_eq!(again.count(), 1, "{rest:#?}");
    assert_eq!(
        sql(
            &home,
            "SELECT count(*) FROM quotes WHERE market_time = 'sometime'"
        ),
        "0"
    );
}

#[test]
fn a_held_row_nobody_can_read_is_not_released_but_dismissed_by_its_number() {
    let home = loaded();
    sql(
        &home,
        "INSERT INTO quarantine (id, symbol, trading_date, rule, reason, is_final, provider, \
         first_seen, last_seen, seen, state) VALUES (7, 'AAPL', 'someday', 'V5', 'x', 1, 'yahoo', \
         '2026-11-20 21:00:00+00:00', '2026-11-20 21:00:00+00:00', 1, 'held')",
    );
    let said = home.say(&["quarantine", "release", "7"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    for part in [
        "7: the row cannot be read",
        "finstage quarantine dismiss 7",
        "its `trading_date` cannot be read",
        "nothing was changed",
    ] {
        assert!(said.stderr.contains(part), "{part}: {said:?}");
    }
    let said = home.say(&["quarantine", "dismiss", "7", "--note", "typed by hand"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.stdout, "dismissed 7, which cannot be read\n");
    let row = sql(&home, "SELECT state, note FROM quarantine WHERE id = 7");
    assert_eq!(row, "dismissed|typed by hand");
    let listed = home.say(&["quarantine", "list"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    sql(
        &home,
        "UPDATE quarantine SET state = x'ff', note = NULL WHERE id = 7",
    );
    let said = home.say(&["quarantine", "dismiss", "7"]);
    assert_eq!(
        said.code,
        Some(0),
        "its state cannot be read either: {said:?}"
    );
    let again = home.say(&["quarantine", "dismiss", "7"]);
    assert!(
        again.stderr.contains("7: it is dismissed already"),
        "{again:?}"
    );
}
