//! Answers written by hand after Tiingo's documented format, and what has to become of them.

use jiff::civil::date;

use super::*;
use crate::domain::Symbol;

/// A week with a 10:1 split on the 6th and a dividend on the 5th, newest row of today.
const WEEK: &str = r#"[
 {"date":"2026-01-02T00:00:00.000Z","close":1210.5,"high":1220.0,"low":1200.25,"open":1205.0,
  "volume":1000000,"adjClose":120.85,"adjHigh":121.8,"adjLow":119.8,"adjOpen":120.3,
  "adjVolume":10000000,"divCash":0.0,"splitFactor":1.0},
 {"date":"2026-01-05T00:00:00.000Z","close":1230,"high":1240,"low":1210,"open":1211,
  "volume":900001,"adjClose":123.0,"divCash":2.0,"splitFactor":1.0},
 {"date":"2026-01-06T00:00:00.000Z","close":124.37,"high":125.5,"low":122.0,"open":123.5,
  "volume":9000123,"adjClose":124.37,"divCash":0.0,"splitFactor":10.0},
 {"date":"2026-01-07T00:00:00.000Z","close":126.0,"high":125.0,"low":123.0,"open":124.0,
  "volume":1,"adjClose":126.0,"divCash":0.0,"splitFactor":1.0},
 {"date":"2026-01-08T00:00:00.000Z","close":125.25,"high":126.0,"low":124.0,"open":124.5,
  "volume":8000000,"adjClose":125.25,"divCash":0.0,"splitFactor":1.0}]"#;

/// Thursday the 8th, half past five in the afternoon in New York.
const EVENING: &str = "2026-01-08T22:30:00Z";

fn ask(status: u16, body: &str, from: Date, until: Date) -> Result<Chart, Fault> {
    let symbol = Symbol::try_new("NVDA").unwrap();
    let asked = Asked {
        symbol: &symbol,
        from,
        until,
    };
    read(status, body.as_bytes(), &asked, EVENING.parse().unwrap())
}

fn week() -> Chart {
    ask(200, WEEK, date(2026, 1, 1), date(2026, 1, 8)).unwrap()
}

#[test]
fn rows_as_traded_become_split_adjusted_bars() {
    let chart = week();
    assert_eq!((chart.source, chart.rows), ("tiingo", 5));
    let first = chart.bars[0];
    assert_eq!(first.trading_date, date(2026, 1, 2));
    assert_eq!(
        (first.open, first.high, first.low, first.close),
        (120.5, 122.0, 120.025, 121.05)
    );
    assert_eq!(
        (first.adj_close, first.volume),
        (Some(120.85), Some(10_000_000))
    );
    assert_eq!(chart.bars[1].volume, Some(9_000_010));
    let split_day = chart.bars[2];
    assert_eq!(
        (split_day.close, split_day.volume),
        (124.37, Some(9_000_123))
    );
    assert_eq!(chart.splits, [(date(2026, 1, 6), 10.0)]);
    assert_eq!(
        chart.dividends,
        [(date(2026, 1, 5), 0.2)],
        "of a share as it is today"
    );
    let [(bar, flaw)] = chart.rejected.as_slice() else {
        unreachable!()
    };
    assert_eq!(
        (bar.trading_date, *flaw),
        (date(2026, 1, 7), BarFlaw::Range)
    );
}

#[test]
fn a_row_is_final_from_eight_in_the_evening_on_and_its_close_is_the_latest_price() {
    let chart = week();
    let finals: Vec<bool> = chart.bars.iter().map(|bar| bar.is_final).collect();
    assert_eq!(finals, [true, true, true, false]);
    assert_eq!(chart.settles_at, "2026-01-09T01:00:00Z".parse().ok());
    let price = chart.price.unwrap();
    assert_eq!((price.price, price.day_high), (125.25, Some(126.0)));
    let close: Timestamp = "2026-01-08T21:00:00Z".parse().unwrap();
    assert_eq!(price.market_time, close);
}

#[test]
fn a_window_that_ends_before_today_is_refused_and_never_guessed() {
    let fault = ask(200, WEEK, date(2026, 1, 1), date(2026, 1, 7)).unwrap_err();
    assert_eq!(fault.class, FaultClass::BadPayload);
    assert!(
        fault.message.contains("cannot be split-adjusted"),
        "{fault}"
    );
}

#[test]
fn rows_that_break_the_contract_refuse_the_whole_answer() {
    let without = WEEK.replace(r#""divCash":0.0,"splitFactor":10.0"#, r#""divCash":0.0"#);
    let twice = WEEK.replace("2026-01-06T", "2026-01-05T");
    let undated = WEEK.replace("2026-01-06T", "yesterday T");
    for (body, word) in [
        (without, "splitFactor"),
        (twice, "two rows"),
        (undated, "yesterday"),
        (r#"[{"open":1}]"#.to_owned(), "date"),
        (r#"{"prices":[]}"#.to_owned(), "object"),
    ] {
        let fault = ask(200, &body, date(2026, 1, 1), date(2026, 1, 8)).unwrap_err();
        assert_eq!(fault.class, FaultClass::BadPayload, "{fault}");
        assert!(fault.message.contains(word), "{fault}");
    }
}

#[test]
fn every_refusal_gets_its_class_even_with_status_200() {
    use FaultClass::{BadRequest, Blocked, NoData, NotFound, Outage, RateLimited};
    let hourly = "Error: You have run over your hourly request allocation. Contact us.";
    let json = |detail: &str| format!(r#"{{"detail":"{detail}"}}"#);
    for (status, body, class) in [
        (404, json("Not found."), NotFound),
        (404, String::new(), Outage),
        (200, "Error: Ticker 'XYZ' not found".to_owned(), NotFound),
        (200, hourly.to_owned(), RateLimited),
        (200, json(hourly), RateLimited),
        (429, json(hourly), RateLimited),
        (429, "slow down".to_owned(), RateLimited),
        (401, json("Invalid token."), Blocked),
        (403, json("Please supply a token"), Blocked),
        (302, String::new(), Blocked),
        (400, r#"["Error: invalid date"]"#.to_owned(), BadRequest),
        (200, "[]".to_owned(), NoData),
        (200, " ".to_owned(), Outage),
        (200, "<html>not found</html>".to_owned(), Outage),
        (200, WEEK[..WEEK.len() / 2].to_owned(), Outage),
        (200, "Error: temporarily unavailable".to_owned(), Outage),
        (503, "upstream connect error".to_owned(), Outage),
    ] {
        let fault = ask(status, &body, date(2026, 1, 1), date(2026, 1, 8)).unwrap_err();
        assert_eq!(fault.class, class, "{status} {body}: {fault}");
    }
}
