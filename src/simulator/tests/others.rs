//! What is told in other providers' formats is the same market, to the last digit.

use jiff::civil::date;

use super::FRIDAY_NOON;
use crate::domain::{FaultClass, Symbol, significant};
use crate::simulator::answer::{Kind, World};
use crate::simulator::tiingo::Request;
use crate::upstream::{Chart, Fault, binance, tiingo};

/// Half past seven in the evening in New York: today's row is there and not final yet.
const FRIDAY_EVENING: &str = "2026-11-21T00:30:00Z";

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn now(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

/// The real provider's reading of the simulator's answer.
fn read_tiingo(world: &World, name: &str, at: &str, has_token: bool) -> Result<Chart, Fault> {
    let answer = world.tiingo(Request {
        ticker: name,
        query: &pairs("startDate=1990-01-01&endDate=2026-11-20"),
        has_token,
        now_s: now(at).as_second(),
    });
    let symbol = Symbol::try_new(name).unwrap();
    let asked = tiingo::Asked {
        symbol: &symbol,
        from: date(1990, 1, 1),
        until: date(2026, 11, 20),
    };
    tiingo::read(answer.status, &answer.body, &asked, now(at))
}

#[test]
fn raw_rows_of_tiingo_give_the_markets_own_series_back_exactly() {
    let world = World::load(1).unwrap();
    let (mut splits, mut dividends, mut compared) = (0, 0, 0);
    for number in 0..60 {
        let name = format!("S{number}");
        let chart = read_tiingo(&world, &name, FRIDAY_EVENING, true).unwrap();
        assert!(chart.rejected.is_empty() && chart.null_rows == 0);
        splits += chart.splits.len();
        dividends += chart.dividends.len();
        let market = world.markets.of(&name);
        let moment = market.at(now(FRIDAY_EVENING).as_second());
        let history = world.cache.history(1, &name, market, moment.newest);
        let first = market.session_from(crate::simulator::market::day_number(date(1990, 1, 1)));
        let days: Vec<_> = history.days(first, moment.newest).collect();
        assert_eq!(days.len(), chart.bars.len(), "{name}");
        let round = |price| significant(price, 10);
        for (bar, (session, day)) in chart.bars.iter().zip(days) {
            assert_eq!(
                (bar.open, bar.high, bar.low, bar.close),
                (
                    round(day.open),
                    round(day.high),
                    round(day.low),
                    round(day.close)
                ),
                "{name} {session}"
            );
            let off = bar.volume.unwrap() - i64::try_from(day.volume).unwrap();
            assert!(
                off.abs() <= 50,
                "{name} {session}: whole shares, by at most half the ratio"
            );
            compared += 1;
        }
    }
    assert!(splits > 10 && dividends > 500 && compared > 100_000);
}

#[test]
fn tiingo_has_us_shares_only_wants_a_token_and_publishes_in_the_evening() {
    let world = World::load(1).unwrap();
    let fault = |name, has_token| {
        let read = read_tiingo(&world, name, FRIDAY_EVENING, has_token);
        read.map(|_| ()).map_err(|fault| fault.class)
    };
    assert_eq!(fault("AAPL", true), Ok(()));
    assert_eq!(fault("AAPL", false), Err(FaultClass::Blocked));
    for name in ["^GSPC", "EURUSD=X", "BTC-USD", "005930.KS", "NOTFOUND1"] {
        assert_eq!(fault(name, true), Err(FaultClass::NotFound), "{name}");
    }
    assert_eq!(fault("DEAD1", true), Err(FaultClass::NoData));
    let noon = read_tiingo(&world, "AAPL", FRIDAY_NOON, true).unwrap();
    let evening = read_tiingo(&world, "AAPL", FRIDAY_EVENING, true).unwrap();
    assert_eq!(noon.bars.last().unwrap().trading_date, date(2026, 11, 19));
    let newest = evening.bars.last().unwrap();
    assert_eq!(
        (newest.trading_date, newest.is_final),
        (date(2026, 11, 20), false)
    );
}

#[test]
fn klines_of_binance_are_the_days_of_the_pair_in_dollars() {
    let world = World::load(1).unwrap();
    let at = now(FRIDAY_NOON);
    let ask = |query: &str| {
        let answer = world.klines(&pairs(query), at.as_second());
        binance::read(answer.status, &answer.body)
    };
    let start = now("2026-11-01T00:00:00Z").as_millisecond();
    let window = format!("symbol=BTCUSDT&interval=1d&startTime={start}");
    let klines = ask(&window).unwrap();
    assert_eq!(klines.len(), 20, "the 20th is going on");
    let market = world.markets.of("BTC-USD");
    let moment = market.at(at.as_second());
    let history = world.cache.history(1, "BTC-USD", market, moment.newest);
    let days = history.days(moment.newest - 19, moment.newest - 1);
    for (kline, (_, day)) in klines.iter().zip(days) {
        assert_eq!(kline.prices, [day.open, day.high, day.low, day.close]);
    }
    assert_eq!(ask(&format!("{window}&limit=3")).unwrap(), klines[..3]);
    let newest = ask("symbol=BTCUSDT&interval=1d&limit=2").unwrap();
    assert_eq!(newest, klines[18..]);
    let class = |query: &str| ask(query).unwrap_err().class;
    assert_eq!(class("symbol=AAPL&interval=1d"), FaultClass::NotFound);
    assert_eq!(
        class("symbol=NOTFOUNDUSDT&interval=1d"),
        FaultClass::NotFound
    );
    assert_eq!(class("symbol=BTCUSDT&interval=1h"), FaultClass::BadRequest);
    assert_eq!(ask("symbol=DEADUSDT&interval=1d").unwrap(), []);
}

#[test]
fn spark_tells_up_to_twenty_prices_and_leaves_out_whom_it_does_not_know() {
    let world = World::load(1).unwrap();
    let at = now(FRIDAY_NOON).as_second();
    let answer = world.spark("AAPL,NOTFOUND1,^GSPC", at);
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let result = json["spark"]["result"].as_array().unwrap();
    let names: Vec<_> = result
        .iter()
        .map(|one| one["symbol"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["^GSPC", "AAPL"]);
    assert!(result[0]["response"][0]["meta"]["regularMarketPrice"].is_number());
    let many = vec!["A"; 21].join(",");
    assert_eq!(world.spark(&many, at).kind, Kind::BadRequest);
    assert_eq!(world.spark("A,B/C", at).status, 400);
}
