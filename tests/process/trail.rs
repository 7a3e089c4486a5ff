//! What has become of prices, and what a person is told of it: actions, revisions, alerts, waits.

use super::daemon::Home;
use super::schedules;
use super::world::{config, idle, quick, sql};

fn loaded() -> Home {
    let home = Home::new(&schedules("", "\"AAPL\", \"MSFT\"", ""));
    let run = home.verb(&["once", "bars", "--simulate"]);
    assert!(run.status.success(), "{run:?}");
    home
}

#[test]
fn corporate_actions_are_listed_as_they_are_stored() {
    let home = loaded();
    sql(&home, "DELETE FROM corporate_actions");
    let none = home.say(&["actions", "AAPL"]);
    assert_eq!(
        (none.code, none.stderr.trim()),
        (Some(0), "no corporate actions")
    );
    for (date, kind, value, more) in [
        (
            "2020-08-31",
            "split",
            "4.0",
            "NULL, 0, 'yahoo', '2020-08-31 12:00:00+00:00', NULL",
        ),
        (
            "2026-05-11",
            "dividend",
            "0.27",
            "0.26, 1, 'yahoo', '2026-05-11 12:00:00+00:00', '2026-05-12 12:00:00+00:00'",
        ),
    ] {
        sql(
            &home,
            &format!(
                "INSERT INTO corporate_actions VALUES ('AAPL', '{date}', '{kind}', {value}, {more})"
            ),
        );
    }
    let shown = home.say(&["actions", "AAPL"]);
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{shown:?}");
    assert!(
        lines[1].starts_with("2026-05-11  dividend"),
        "newest first: {shown:?}"
    );
    assert!(
        lines[1].contains("0.26 until 2026-05-12 12:00:00Z; changed 1×"),
        "{shown:?}"
    );
    let rows = home.json(&["actions", "AAPL", "--kind", "split", "--json"]);
    assert_eq!(
        (&rows["symbol"], &rows["actions"][0]["value"]),
        (&"AAPL".into(), &4.0.into())
    );
    assert_eq!(rows["actions"].as_array().unwrap().len(), 1);
    let csv = home.say(&["actions", "AAPL", "--csv"]).stdout;
    assert!(csv.starts_with("date,kind,value,previous_value,"), "{csv}");
    assert!(
        csv.contains("\n2026-05-11,dividend,0.27,0.26,1,yahoo,"),
        "{csv}"
    );
    let wrong = home.say(&["actions", "APPL"]);
    assert!(
        wrong.code == Some(2) && wrong.stderr.contains("did you mean AAPL?"),
        "{wrong:?}"
    );
}

#[test]
fn a_corrected_bar_and_a_restated_series_are_told_with_old_and_new() {
    let home = loaded();
    sql(
        &home,
        "DELETE FROM bar_revisions; DELETE FROM series_revisions",
    );
    let none = home.say(&["revisions", "AAPL"]);
    assert_eq!(
        (none.code, none.stderr.trim()),
        (Some(0), "nothing was ever restated")
    );
    // A wrong close, mended by the next answer.
    let date = sql(
        &home,
        "SELECT max(trading_date) FROM daily_bars WHERE symbol = 'AAPL'",
    );
    let close = sql(
        &home,
        &format!("SELECT close FROM daily_bars WHERE symbol = 'AAPL' AND trading_date = '{date}'"),
    );
    sql(
        &home,
        &format!(
            "UPDATE daily_bars SET close = low WHERE symbol = 'AAPL' AND trading_date = '{date}'"
        ),
    );
    let run = home.verb(&["once", "bars", "--simulate"]);
    assert!(run.status.success(), "{run:?}");
    let trail = home.json(&["revisions", "AAPL", "--json"]);
    let bar = &trail["bars"][0];
    assert_eq!(bar["trading_date"], date.as_str());
    assert_eq!(
        bar["new"]["close"].as_f64().unwrap(),
        close.parse::<f64>().unwrap()
    );
    assert_eq!(bar["old"]["close"], bar["old"]["low"]);
    assert_eq!(
        (&bar["reason"], &bar["source"]),
        (&"corrected".into(), &"yahoo".into())
    );
    sql(
        &home,
        "INSERT INTO series_revisions VALUES ('AAPL', 1, '2016-01-04', '2026-11-20', 2700, 1, 0.25, NULL, 'split 4:1', '2026-11-21 00:00:00+00:00')",
    );
    let shown = home.say(&["revisions", "AAPL"]);
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{shown:?}");
    assert!(
        shown.stdout.contains(" → ") && shown.stdout.contains("corrected"),
        "{shown:?}"
    );
    let series = lines
        .iter()
        .find(|line| line.contains("2016-01-04 to 2026-11-20"))
        .unwrap();
    assert!(
        series.contains("× 0.25") && series.contains("÷ 0.25"),
        "{series}"
    );
    assert!(
        series.contains("split 4:1 (2700 bars, 1 of them singly)"),
        "{series}"
    );
}

#[test]
fn an_unknown_symbol_is_told_by_the_verbs_that_list_alerts_and_quarantine() {
    let home = loaded();
    for verb in [
        &["alerts", "APPL"][..],
        &["quarantine", "list", "--symbol", "APPL"],
    ] {
        let said = home.say(verb);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(
            said.stderr
                .contains("there is no symbol `APPL`; did you mean AAPL?"),
            "{said:?}"
        );
    }
    assert_eq!(home.say(&["alerts", "AAPL"]).code, Some(0));
}

#[test]
fn a_symbol_with_held_rows_is_a_problem() {
    let home = loaded();
    sql(&home, "DELETE FROM gaps");
    let rows = home.json(&["symbols", "--problems", "--json"]);
    assert_eq!(rows, serde_json::json!([]));
    sql(
        &home,
        "INSERT INTO quarantine (symbol, trading_date, rule, reason, is_final, provider, first_seen, last_seen, seen, state) \
         VALUES ('MSFT', '2026-11-20', 'V5', 'a jump', 1, 'yahoo', '2026-11-20 22:00:00+00:00', '2026-11-20 22:00:00+00:00', 1, 'held')",
    );
    let rows = home.json(&["symbols", "--problems", "--json"]);
    assert_eq!(
        (&rows[0]["symbol"], &rows[0]["status"]),
        (&"MSFT".into(), &"held".into())
    );
    assert_eq!(rows[0]["rows_held"], 1);
    let note = rows[0]["note"].as_str().unwrap();
    assert_eq!(note, "1 row held: see `finstage quarantine list`");
    sql(&home, "UPDATE quarantine SET state = 'dismissed'");
    assert_eq!(
        home.json(&["symbols", "--problems", "--json"]),
        serde_json::json!([])
    );
}

#[test]
fn once_says_that_it_waits_to_try_again() {
    let text = schedules(
        "base_url = \"http://127.0.0.1:1\"\nretry = { max_attempts = 1 }",
        "\"AAPL\", \"MSFT\"",
        "retry = { max_attempts = 2, initial_interval = \"1ms\", randomization_factor = 0.0 }",
    );
    let said = Home::new(&text).say(&["once", "bars"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let waits = said
        .stderr
        .matches("AAPL, MSFT failed for a reason that may pass: tried again in 1ms")
        .count();
    assert_eq!(waits, 1, "{said:?}");
}

#[test]
fn status_tells_the_pace_in_force() {
    let (_runtime, simulator) = quick();
    let home = Home::new(&config(&simulator, &idle("one", "\"A\"")));
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let paces = &home.status()["paces"];
    assert_eq!(paces[0]["provider"], "yahoo");
    assert_eq!(
        (&paces[0]["pace_rps"], &paces[0]["max_rps"]),
        (&1_000.0.into(), &1_000.0.into())
    );
    let shown = home.say(&["status"]).stdout;
    assert!(
        shown.contains("pace: yahoo 1000 of 1000 requests a second"),
        "{shown}"
    );
    daemon.stop();
}

#[test]
fn a_reload_answers_first_and_warns_then() {
    let (_runtime, simulator) = quick();
    let text = config(&simulator, &idle("one", "\"A\""));
    let home = Home::new(&text);
    let mut daemon = home.start(&["run"]);
    daemon.wait_for_event("daemon.ready");
    let alerts = "[alerts.a]\nsymbols = [\"B\"]\nrise = \"3%\"\n";
    home.write(&format!("{text}{alerts}"));
    daemon.wait_for_event("config.reloaded");
    let both = home.path().join("both");
    let file = std::fs::File::create(&both).unwrap();
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_finstage"))
        .args(["reload", "--dry-run"])
        .current_dir(home.path())
        .env_remove("DATABASE_URL")
        .env_remove("RUNTIME_DIRECTORY")
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .status()
        .unwrap();
    assert!(ended.success());
    let said = std::fs::read_to_string(&both).unwrap();
    let at = |words: &str| {
        said.find(words)
            .unwrap_or_else(|| panic!("{words}: {said}"))
    };
    assert!(at("nothing changes") < at("no schedule brings B"), "{said}");
    daemon.stop();
}
