//! The verbs that look at prices: symbols, bars, gaps.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::daemon::Home;
use super::schedules;
use super::world::sql;

fn loaded() -> Home {
    let home = Home::new(&schedules("", "\"AAPL\", \"MSFT\", \"BTC-USD\"", ""));
    let run = home.verb(&["once", "bars", "--simulate"]);
    assert!(run.status.success(), "{run:?}");
    home
}

fn row<'v>(rows: &'v Value, symbol: &str) -> &'v Value {
    let rows = rows.as_array().unwrap().iter();
    let mut found = rows.filter(|row| row["symbol"] == symbol);
    found.next().expect(symbol)
}

#[test]
fn symbols_sums_up_what_is_stored_and_what_is_wrong() {
    let home = loaded();
    sql(
        &home,
        "DELETE FROM daily_bars WHERE symbol = 'MSFT' AND trading_date > '2026-01-01'",
    );
    sql(&home, "DELETE FROM gaps");
    let rows = home.json(&["symbols", "--json"]);
    let apple = row(&rows, "AAPL");
    assert_eq!(
        (&apple["calendar"], &apple["currency"], &apple["status"]),
        (&"XNYS".into(), &"USD".into(), &"ok".into())
    );
    assert_eq!(apple["schedules"][0], "bars");
    let count = sql(
        &home,
        "SELECT count(*) FROM daily_bars WHERE symbol = 'AAPL'",
    );
    assert_eq!(apple["bars"].to_string(), count);
    assert!(apple["quote_age_s"].as_i64().unwrap() >= 0);
    assert_eq!(row(&rows, "BTC-USD")["calendar"], "24/7");
    assert_eq!(row(&rows, "MSFT")["status"], "behind");
    let rows = home.json(&["symbols", "--problems", "--json"]);
    assert_eq!(rows.as_array().unwrap().len(), 1);
    let shown = home.say(&["symbols", "--schedule", "bars"]);
    assert!(shown.stdout.starts_with("SYMBOL"), "{shown:?}");
    assert!(shown.stdout.contains("3 symbols, "), "{shown:?}");
    assert_eq!(home.say(&["symbols", "--schedule", "x"]).code, Some(2));
}

#[test]
fn bars_shows_the_newest_last_with_marks_and_csv_is_exact() {
    let home = loaded();
    let last = home.json(&["bars", "AAPL", "--last", "5", "--json"]);
    let bars = last["bars"].as_array().unwrap();
    assert_eq!(bars.len(), 5);
    let date = |at: usize| bars[at]["trading_date"].as_str().unwrap().to_owned();
    assert!(date(0) < date(4));
    let csv = home.say(&[
        "bars",
        "AAPL",
        "--from",
        &date(1),
        "--to",
        &date(3),
        "--csv",
    ]);
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!(lines.len(), 4);
    let close: f64 = lines[1].split(',').nth(4).unwrap().parse().unwrap();
    assert_eq!(
        close.to_bits(),
        bars[1]["close"].as_f64().unwrap().to_bits()
    );
    let newest = date(4);
    sql(
        &home,
        &format!(
            "UPDATE daily_bars SET revision = 2, is_final = 0 WHERE symbol = 'AAPL' AND trading_date = '{newest}'"
        ),
    );
    let gone = date(2);
    sql(
        &home,
        &format!("DELETE FROM daily_bars WHERE symbol = 'AAPL' AND trading_date = '{gone}'"),
    );
    sql(
        &home,
        &format!(
            "INSERT INTO gaps VALUES ('AAPL', '{gone}', 'open', 'XNYS', '2026-11-21 12:00:00+00:00', 1, NULL, '2026-11-22 12:00:00+00:00', NULL, NULL)"
        ),
    );
    let shown = home.say(&["bars", "AAPL"]);
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert!(lines[0].starts_with("DATE"), "{shown:?}");
    assert!(
        lines.last().unwrap().contains("provisional, revised 2×"),
        "{shown:?}"
    );
    let gap = lines.iter().find(|line| line.starts_with(&gone)).unwrap();
    assert!(gap.contains("gap: asked 1×"), "{gap}");
    assert_eq!(lines.len(), 22, "twenty bars, a gap, the head");
}

#[test]
fn an_unknown_symbol_is_told_with_those_like_it_and_a_broken_file_is_not_in_the_way() {
    let home = loaded();
    for verb in [&["bars", "APPL"][..], &["gaps", "--symbol", "APPL"]] {
        let said = home.say(verb);
        assert_eq!(said.code, Some(2));
        assert!(said.stderr.contains("did you mean AAPL?"), "{said:?}");
    }
    let said = home.say(&["bars", "ZZZZ9"]);
    assert!(said.stderr.contains("`finstage symbols` lists"), "{said:?}");
    home.write("[schedules.x]\njob = \"quotez\"\n");
    for verb in [&["bars", "AAPL"][..], &["gaps"], &["symbols"]] {
        let said = home.say(verb);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(
            said.stderr.contains("problems in the configuration")
                || said.stderr.contains("problem in the configuration"),
            "{said:?}"
        );
        assert!(said.stdout.lines().count() > 1, "{said:?}");
    }
    let empty = Home::new(&schedules("", "\"A\"", ""));
    assert_eq!(empty.say(&["symbols"]).code, Some(69), "no database");
}

#[test]
fn gaps_are_listed_with_what_is_to_come_and_a_reader_may_go_away() {
    let home = loaded();
    // Old rows of the simulated upstream are null now and then, as Yahoo's are.
    let open = home.json(&["gaps", "--json"]);
    let open = open.as_array().unwrap();
    assert!(!open.is_empty());
    assert!(
        open.iter()
            .all(|gap| gap["state"] == "open" && gap["next_ask_at"].is_string())
    );
    let one = home.json(&["gaps", "--symbol", "MSFT", "--all", "--json"]);
    assert!(
        one.as_array()
            .unwrap()
            .iter()
            .all(|gap| gap["symbol"] == "MSFT")
    );
    let shown = home.say(&["gaps"]);
    assert!(shown.stdout.starts_with("SYMBOL"), "{shown:?}");
    assert!(
        shown.stderr.contains("nobody asks for them again"),
        "{shown:?}"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_finstage"))
        .args(["bars", "AAPL", "--from", "2000-01-01", "--csv"])
        .current_dir(home.path())
        .env_remove("DATABASE_URL")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn indicators_and_signals_are_worked_out_from_the_stored_final_bars() {
    let home = loaded();
    let bars = home.json(&["bars", "AAPL", "--last", "5", "--json"]);
    let bars = bars["bars"].as_array().unwrap();
    let closes = bars.iter().map(|bar| bar["close"].as_f64().unwrap());
    let mean = closes.sum::<f64>() / 5.0;
    let last = home.json(&["indicators", "AAPL", "--last", "1", "--json"]);
    assert_eq!(last[0]["trading_date"], bars[4]["trading_date"]);
    let average = last[0]["sma_5"].as_f64().unwrap();
    assert!((average / mean - 1.0).abs() < 1e-12, "{average} {mean}");
    let csv = home.say(&["indicators", "AAPL", "--csv"]).stdout;
    let count = sql(
        &home,
        "SELECT count(*) FROM daily_bars WHERE symbol = 'AAPL' AND is_final",
    );
    assert_eq!((csv.lines().count() - 1).to_string(), count);
    assert!(csv.starts_with("trading_date,close,sma_5,"), "{csv:.80}");
    let all = home.json(&["signals", "AAPL", "--json"]);
    let kind = all[0]["signal"].as_str().unwrap();
    let date = all[0]["trading_date"].as_str().unwrap();
    let newest = home.json(&["signals", "AAPL", "--kind", kind, "--since", date, "--json"]);
    assert_eq!(newest.as_array().unwrap().len(), 1, "{newest}");
    let wrong = home.say(&["signals", "APPL"]);
    assert!(wrong.stderr.contains("did you mean"), "{wrong:?}");
}
