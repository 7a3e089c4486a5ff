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
    let all = home.json(&["signals", "--symbol", "AAPL", "--json"]);
    let kind = all[0]["signal"].as_str().unwrap();
    let date = all[0]["trading_date"].as_str().unwrap();
    let newest = [
        "signals", "--symbol", "AAPL", "--kind", kind, "--since", date, "--json",
    ];
    let newest = home.json(&newest);
    assert_eq!(newest.as_array().unwrap().len(), 1, "{newest}");
    let wrong = home.say(&["signals", "--symbol", "APPL"]);
    assert!(wrong.stderr.contains("did you mean"), "{wrong:?}");
}

/// [`loaded`], with indicators kept.
fn computed(params: &str) -> Home {
    let home = loaded();
    let file = home.path().join("schedules.toml");
    let more = format!("[schedules.averages]\njob = \"indicators\"\nafter = \"bars\"\n{params}\n");
    let text = std::fs::read_to_string(&file).unwrap() + &more;
    std::fs::write(&file, text).unwrap();
    let done = home.say(&["once", "averages", "--simulate"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    home
}

#[test]
fn kept_indicators_are_shown_as_they_were_stored_and_the_rest_is_worked_out() {
    let home = computed("params = { sma = [5, 50, 200] }");
    let stored = home.say(&["indicators", "AAPL", "--json"]);
    assert!(stored.stderr.is_empty(), "{stored:?}");
    let stored = stored.json();
    assert_eq!(stored.as_array().unwrap().len(), 1, "the newest is kept");
    let worked_out = home.say(&["indicators", "AAPL", "--last", "2", "--json"]);
    assert!(worked_out.stderr.contains("worked out"), "{worked_out:?}");
    assert_eq!(worked_out.json()[1], stored[0], "the very same numbers");
    assert!(stored[0].get("sma_60").is_none(), "as the schedule wants");
    let count = sql(&home, "SELECT count(DISTINCT symbol) FROM signals");
    let all = home.json(&["signals", "-n", "0", "--json"]);
    let all = all.as_array().unwrap();
    let mut symbols: Vec<&str> = all
        .iter()
        .map(|row| row["symbol"].as_str().unwrap())
        .collect();
    let dates: Vec<&str> = all
        .iter()
        .map(|row| row["trading_date"].as_str().unwrap())
        .collect();
    assert!(
        dates.is_sorted_by(|one, other| one >= other),
        "newest first"
    );
    symbols.sort_unstable();
    symbols.dedup();
    assert_eq!(symbols.len().to_string(), count);
    assert!(symbols.len() > 1);
    let shown = home.say(&["signals", "-n", "3"]);
    assert_eq!(shown.stdout.lines().count(), 4, "{shown:?}");
    assert!(shown.stderr.contains("-n 0 shows all"), "{shown:?}");
    sql(
        &home,
        "UPDATE signals SET withdrawn_at = raised_at WHERE symbol = 'AAPL'",
    );
    let left = home.json(&["signals", "--symbol", "AAPL", "--json"]);
    assert!(left.as_array().unwrap().is_empty());
    let withdrawn = home.say(&["signals", "--symbol", "AAPL", "--withdrawn"]);
    assert!(withdrawn.stdout.contains("withdrawn 20"), "{withdrawn:?}");
}

#[test]
fn history_is_shown_from_the_table_and_what_it_lacks_is_said() {
    let home = computed("params = { history = true }");
    let kept = home.say(&["indicators", "AAPL", "--csv"]);
    assert!(kept.stderr.is_empty(), "{kept:?}");
    let rows = sql(
        &home,
        "SELECT count(*) FROM indicator_bars WHERE symbol = 'AAPL'",
    );
    assert_eq!((kept.stdout.lines().count() - 1).to_string(), rows);
    let last = home.json(&["indicators", "AAPL", "--last", "3", "--json"]);
    assert_eq!(last.as_array().unwrap().len(), 3);
    let newest = "(SELECT max(trading_date) FROM daily_bars WHERE symbol = 'AAPL')";
    sql(
        &home,
        &format!(
            "DELETE FROM indicator_bars WHERE symbol = 'AAPL' AND trading_date = {newest};
             UPDATE indicator_latest SET trading_date = '2020-01-02' WHERE symbol = 'AAPL'"
        ),
    );
    let behind = home.say(&["indicators", "AAPL"]);
    assert!(behind.stderr.contains("there are newer bars"), "{behind:?}");
}

#[test]
fn a_chart_is_plain_text_of_eighty_columns_with_dates_where_there_is_no_terminal() {
    let home = computed("");
    for verb in [
        &["bars", "AAPL", "--chart"][..],
        &["indicators", "AAPL", "--chart"],
    ] {
        let chart = home.say(verb);
        assert_eq!(chart.code, Some(0), "{chart:?}");
        let lines: Vec<&str> = chart.stdout.lines().collect();
        assert!(lines[0].starts_with("AAPL close  newest "), "{chart:?}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 80),
            "{}",
            chart.stdout
        );
        assert!(!chart.stdout.contains('\u{1b}'), "no colours");
        let dots = |line: &&&str| line.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
        assert!(lines.iter().filter(dots).count() >= 10, "{}", chart.stdout);
        let newest = sql(
            &home,
            "SELECT max(trading_date) FROM daily_bars WHERE symbol = 'AAPL'",
        );
        assert!(chart.stdout.contains(&newest), "{}", chart.stdout);
    }
    let both = home.say(&["indicators", "AAPL", "--chart"]);
    assert!(both.stdout.contains("\nAAPL rsi  newest "), "{both:?}");
    let one = [
        "indicators",
        "AAPL",
        "--chart",
        "--column",
        "sma_50",
        "--last",
        "30",
    ];
    let one = home.say(&one);
    assert!(one.stdout.starts_with("AAPL sma_50  newest "), "{one:?}");
    let none = home.say(&["indicators", "AAPL", "--chart", "--column", "sma_7"]);
    assert_eq!(none.code, Some(2));
    assert!(
        none.stderr.contains("there is no value `sma_7`"),
        "{none:?}"
    );
}
