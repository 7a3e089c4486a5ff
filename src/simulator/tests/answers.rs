//! What is answered: bars, stamps, events, refusals and reserved symbols.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::FRIDAY_NOON;
use crate::simulator::answer::{Kind, Request, World};

fn second(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

fn world() -> World {
    World::load(1).unwrap()
}

/// Status, kind and JSON of an answer.
fn ask(world: &World, symbol: &str, query: &str, now: &str) -> (u16, Kind, Value) {
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let answer = world.answer(Request {
        symbol,
        spelled: symbol,
        query: &pairs,
        now_s: second(now),
    });
    let json = serde_json::from_slice(&answer.body).unwrap();
    (answer.status, answer.kind, json)
}

/// The result of an answer that must be 200.
fn chart(world: &World, symbol: &str, query: &str, now: &str) -> Value {
    let query = format!("interval=1d&events=div,splits&{query}");
    let (status, _, mut json) = ask(world, symbol, &query, now);
    assert_eq!(status, 200, "{symbol} {query}: {json}");
    json["chart"]["result"][0].take()
}

/// Stamp to columns, null rows and all.
fn bars(chart: &Value) -> BTreeMap<i64, [Value; 5]> {
    let quote = &chart["indicators"]["quote"][0];
    let stamps = chart["timestamp"].as_array().unwrap();
    let columns = ["open", "high", "low", "close", "volume"];
    for column in columns {
        assert_eq!(quote[column].as_array().unwrap().len(), stamps.len());
    }
    stamps
        .iter()
        .enumerate()
        .map(|(at, stamp)| {
            let row = columns.map(|column| quote[column][at].clone());
            (stamp.as_i64().unwrap(), row)
        })
        .collect()
}

#[test]
fn a_bar_is_the_same_in_every_window_and_on_every_later_day() {
    let world = world();
    for symbol in [
        "AAPL", "^GSPC", "BTC-USD", "EURUSD=X", "GC=F", "A.L", "B.KS",
    ] {
        let long = bars(&chart(&world, symbol, "range=10y", FRIDAY_NOON));
        let stamps: Vec<i64> = long.keys().copied().collect();
        for part in stamps.chunks(97).step_by(3) {
            let (from, until) = (part[0], part[part.len() - 1]);
            let query = format!("period1={from}&period2={until}");
            let short = bars(&chart(&world, symbol, &query, FRIDAY_NOON));
            assert!(short.iter().eq(long.range(from..=until)), "{symbol} {from}");
            let other_start = World::load(1).unwrap();
            if until < second("2026-10-01T00:00:00Z") {
                let later = bars(&chart(&other_start, symbol, &query, "2027-06-01T12:00:00Z"));
                assert!(short == later, "{symbol} {from}");
            }
        }
    }
}

#[test]
fn bars_enclose_their_prices_and_are_widened_float32() {
    let ten_years = chart(&world(), "AAPL", "range=10y", FRIDAY_NOON);
    let mut in_full = 0;
    for (stamp, row) in bars(&ten_years) {
        let [open, high, low, close, volume] = row;
        let Some(open) = open.as_f64() else { continue };
        let (high, low) = (high.as_f64().unwrap(), low.as_f64().unwrap());
        let close = close.as_f64().unwrap();
        assert!(
            0.0 < low && low <= open.min(close) && high >= open.max(close),
            "{stamp}"
        );
        assert!(volume.as_u64().unwrap() > 0);
        #[allow(clippy::cast_possible_truncation, reason = "what is tested")]
        let narrow = close as f32;
        // Within the last place: serde_json reads 17 digits fast, not exactly.
        assert!(
            (f64::from(narrow) - close).abs() <= close * f64::EPSILON,
            "{close}"
        );
        in_full += u32::from(close.to_string().len() > 12);
    }
    assert!(in_full > 2_000, "{in_full}");
}

#[test]
fn stamps_are_local_opens_on_both_sides_of_a_clock_change() {
    let query = "period1=1772600000&period2=1773300000";
    let stamps: Vec<i64> = bars(&chart(&world(), "AAPL", query, FRIDAY_NOON))
        .into_keys()
        .collect();
    assert_eq!(stamps[0], second("2026-03-04T14:30:00Z"));
    assert_eq!(stamps[3], second("2026-03-09T13:30:00Z"));
    assert_eq!(stamps.len(), 6);
    // The end is included, and one second before it is not.
    for (end, count) in [(stamps[2], 3), (stamps[2] - 1, 2)] {
        let query = format!("period1={}&period2={end}", stamps[0]);
        assert_eq!(
            bars(&chart(&world(), "AAPL", &query, FRIDAY_NOON)).len(),
            count
        );
    }
}

#[test]
fn the_newest_bar_bears_the_markets_time_and_becomes_the_final_one() {
    let world = world();
    let newest = |now: &str| {
        let answer = chart(&world, "AAPL", "range=5d", now);
        let (stamp, row) = bars(&answer).into_iter().next_back().unwrap();
        assert_eq!(
            answer["meta"]["regularMarketPrice"].to_string(),
            short(&row[3])
        );
        (stamp, row)
    };
    let before = newest("2026-11-20T14:29:59Z");
    assert_eq!(before.0, second("2026-11-19T14:30:00Z"));
    let morning = newest("2026-11-20T15:00:00Z");
    assert_eq!(morning.0, second("2026-11-20T15:00:00Z"));
    let noon = newest(FRIDAY_NOON);
    let closed = newest("2026-11-20T21:00:00Z");
    assert_eq!(closed.0, second("2026-11-20T21:00:01Z"));
    let later = newest("2026-11-22T21:00:00Z");
    assert_eq!(later.0, second("2026-11-20T14:30:00Z"));
    assert_eq!(closed.1, later.1);
    assert_eq!(morning.1[0], closed.1[0], "the open stays");
    let moves = [&morning, &noon, &closed].map(|bar| bar.1[3].to_string());
    assert!(moves[0] != moves[1] && moves[1] != moves[2], "{moves:?}");
    assert!(noon.1[1].as_f64() <= closed.1[1].as_f64());
    assert!(noon.1[4].as_u64() < closed.1[4].as_u64());
}

/// A widened price as Yahoo's `meta` prints it.
fn short(price: &Value) -> String {
    let short = crate::domain::shortest_decimal(price.as_f64().unwrap());
    serde_json::to_value(short)
        .map(|v| v.to_string().trim_end_matches(".0").to_owned())
        .unwrap()
}

#[test]
fn a_window_from_the_middle_of_a_session_still_has_its_bar() {
    let query = format!(
        "period1={}&period2={}",
        second("2026-11-20T16:00:00Z"),
        second(FRIDAY_NOON)
    );
    assert_eq!(bars(&chart(&world(), "AAPL", &query, FRIDAY_NOON)).len(), 1);
}

#[test]
fn ten_years_have_null_rows_and_the_last_month_has_none() {
    let answer = chart(&world(), "AAPL", "range=10y", FRIDAY_NOON);
    let rows: Vec<bool> = bars(&answer).values().map(|row| row[0].is_null()).collect();
    let nulls = rows.iter().filter(|null| **null).count();
    assert!((3..30).contains(&nulls), "{nulls}");
    assert!(rows.iter().rev().take(20).all(|null| !null));
}

#[test]
fn a_weekend_has_no_timestamp_for_shares_and_bars_for_crypto() {
    let (saturday, sunday) = (
        second("2026-11-21T00:00:00Z"),
        second("2026-11-22T23:00:00Z"),
    );
    let query = format!("period1={saturday}&period2={sunday}");
    let now = "2026-11-23T20:00:00Z";
    let share = chart(&world(), "AAPL", &query, now);
    assert!(share.get("timestamp").is_none());
    assert_eq!(share["indicators"]["quote"].to_string(), "[{}]");
    assert!(share["meta"]["regularMarketPrice"].is_number());
    assert_eq!(bars(&chart(&world(), "BTC-USD", &query, now)).len(), 2);
}

#[test]
fn events_lie_in_the_window_and_dividends_lower_the_adjusted_closes_before() {
    let world = world();
    let (mut with_dividends, mut with_splits) = (0, 0);
    for n in 0..60 {
        let symbol = format!("S{n}");
        let query = format!("period1=0&period2={}", second(FRIDAY_NOON));
        let answer = chart(&world, &symbol, &query, FRIDAY_NOON);
        let stamps = bars(&answer);
        let adjusted = &answer["indicators"]["adjclose"][0]["adjclose"];
        assert_eq!(adjusted.as_array().unwrap().len(), stamps.len());
        let first_close = stamps.values().next().unwrap()[3].as_f64();
        if let Some(dividends) = answer["events"]["dividends"].as_object() {
            with_dividends += 1;
            for (key, event) in dividends {
                assert_eq!(event["date"].to_string(), *key);
                assert!(stamps.contains_key(&key.parse().unwrap()));
            }
            assert!(adjusted[0].as_f64() < first_close);
        } else {
            assert_eq!(adjusted[0].as_f64(), first_close);
        }
        for split in answer["events"]["splits"].as_object().into_iter().flatten() {
            with_splits += 1;
            assert_eq!(split.1["splitRatio"], format!("{}:1", split.1["numerator"]));
        }
        let unasked = ask(
            &world,
            &symbol,
            &format!("interval=1d&{query}"),
            FRIDAY_NOON,
        )
        .2;
        assert!(unasked["chart"]["result"][0].get("events").is_none());
    }
    assert!(
        with_dividends > 15 && with_splits > 8,
        "{with_dividends} {with_splits}"
    );
}

#[test]
fn range_max_is_silently_answered_in_quarters() {
    let answer = chart(&world(), "AAPL", "range=max", FRIDAY_NOON);
    assert_eq!(answer["meta"]["dataGranularity"], "3mo");
    assert_eq!(answer["meta"]["range"], "max");
    let stamps: Vec<i64> = bars(&answer).into_keys().collect();
    assert!((55..170).contains(&stamps.len()), "{}", stamps.len());
    assert_eq!(stamps.last(), Some(&second("2026-10-01T04:00:00Z")));
    let ranges: Vec<usize> = ["1d", "5d", "1mo", "ytd", "10y"]
        .map(|range| {
            let answer = chart(&world(), "AAPL", &format!("range={range}"), FRIDAY_NOON);
            assert_eq!(answer["meta"]["dataGranularity"], "1d");
            bars(&answer).len()
        })
        .to_vec();
    assert_eq!(ranges, [1, 5, 24, 224, 2_514]);
}

#[test]
fn refusals_are_worded_as_yahoo_words_them() {
    let world = world();
    let error = |symbol: &str, query: &str| {
        let (status, kind, json) = ask(&world, symbol, query, FRIDAY_NOON);
        assert!(json["chart"]["result"].is_null());
        (status, kind, json["chart"]["error"].to_string())
    };
    let (status, kind, text) = error("NOTFOUND1", "interval=1d");
    assert_eq!((status, kind), (404, Kind::NotFound));
    assert_eq!(
        text,
        r#"{"code":"Not Found","description":"No data found, symbol may be delisted"}"#
    );
    let (status, kind, text) = error("AAPL", "interval=1d&period1=5&period2=-6");
    assert_eq!((status, kind), (400, Kind::BadRequest), "{text}");
    let (status, kind, text) = error("AAPL", "interval=1d&period1=-6&period2=5");
    assert_eq!((status, kind), (400, Kind::NoData));
    assert!(
        text.contains("Data doesn't exist for startDate = -6, endDate = 5"),
        "{text}"
    );
    let (status, kind, text) = error("AAPL", "interval=1wk&range=1y");
    assert_eq!((status, kind), (422, Kind::BadRequest));
    assert!(text.contains(r#""code":"Unprocessable Entity""#), "{text}");
}

#[test]
fn reserved_symbols_misbehave_as_documented() {
    let world = world();
    let dead = chart(&world, "DEAD.ST", "range=1y", FRIDAY_NOON);
    assert!(dead["meta"]["currency"].is_null() && dead["meta"]["firstTradeDate"].is_null());
    assert!(dead["meta"].get("regularMarketPrice").is_none() && dead.get("timestamp").is_none());
    let empty = chart(&world, "EMPTY.AX", "range=1y", FRIDAY_NOON);
    assert_eq!(empty["meta"]["regularMarketPrice"], 0.17);
    assert_eq!(empty["meta"]["currency"], "AUD");
    assert!(empty.get("timestamp").is_none());
    let zero = bars(&chart(&world, "ZERO", "range=1mo", FRIDAY_NOON));
    let last = zero.values().next_back().unwrap();
    assert_eq!(
        [&last[0], &last[1], &last[2]].map(Value::as_f64),
        [Some(0.0); 3]
    );
    assert!(last[3].as_f64() > Some(1.0));
    let bad = bars(&chart(&world, "BADROW", "range=1y", FRIDAY_NOON));
    let impossible = bad
        .values()
        .filter(|row| row[2].as_f64() > row[0].as_f64())
        .count();
    assert!((3..40).contains(&impossible), "{impossible}");
}

#[test]
fn meta_tells_what_the_recordings_tell() {
    let answer = chart(&world(), "OCDO.L", "range=1mo", "2026-07-15T12:00:00Z");
    let meta = &answer["meta"];
    assert_eq!(meta["currency"], "GBp");
    assert_eq!(
        (&meta["timezone"], &meta["gmtoffset"]),
        (&"BST".into(), &3600.into())
    );
    assert_eq!(meta["regularMarketTime"], second("2026-07-15T12:00:00Z"));
    let regular = &meta["currentTradingPeriod"]["regular"];
    assert_eq!(regular["start"], second("2026-07-15T07:00:00Z"));
    assert_eq!(regular["end"], second("2026-07-15T15:30:00Z"));
    let before = chart(&world(), "OCDO.L", "range=3mo", "2026-07-15T12:00:00Z");
    let stamp = answer["timestamp"][0].as_i64().unwrap();
    let closes = bars(&before);
    let close = &closes.range(..stamp).next_back().unwrap().1[3];
    if !close.is_null() {
        assert_eq!(meta["chartPreviousClose"].to_string(), short(close));
    }
    assert!(meta["fiftyTwoWeekHigh"].as_f64() >= meta["regularMarketDayHigh"].as_f64());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_symbol_query_or_instant_makes_it_panic(
        symbol in "[A-Za-z0-9.\\-_=^]{1,32}",
        query in proptest::collection::vec(
            (
                "interval|period1|period2|range|events|.{0,5}",
                "1d|max|10y|ytd|-?[0-9]{1,20}|9223372036854775807|-9223372036854775808|div\\|split|.{0,12}",
            ),
            0..6,
        ),
        now_s in -10_000_000_000_i64..7_000_000_000,
    ) {
        thread_local! {
            static WORLD: World = World::load(1).unwrap();
        }
        let mut query = query;
        query.push(("interval".to_owned(), "1d".to_owned()));
        let request = Request { symbol: &symbol, spelled: &symbol, query: &query, now_s };
        let answer = WORLD.with(|world| world.answer(request));
        prop_assert!(serde_json::from_slice::<Value>(&answer.body).is_ok());
    }
}
