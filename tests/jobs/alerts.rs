//! Alerts at the end of the way a price takes: from the upstream, past the store, to the rows.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::clock::Clock;
use finstage::domain::{AlertKind, AlertRule, AlertRules, JobKind};
use finstage::simulator::Options;
use finstage::store::AlertFilter;
use finstage::upstream::{
    Budget, Chart, ChartRequest, Fault, LatestPrice, LatestRequest, MarketData, yahoo,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::world::{SATURDAY, World, simulated};
use crate::faults::log::Heard;
use crate::support::values::{at, symbol};

/// Every kind, at thresholds any price is past on one side or the other.
fn everything() -> AlertRules {
    let rules = AlertKind::ALL.map(|kind| AlertRule {
        kind,
        threshold_pct: match kind {
            AlertKind::Rise | AlertKind::Drop | AlertKind::DropFromHigh => 1e-6,
            _ => 0.0,
        },
    });
    AlertRules {
        name: "all".to_owned(),
        rules: rules.to_vec(),
        cool_off: Duration::ZERO,
        cool_off_highs: Duration::ZERO,
        // The simulated world stands still on a Saturday.
        max_age: Duration::from_hours(48),
    }
}

#[tokio::test]
async fn a_stored_price_is_judged_by_the_session_before_it_and_told_once() {
    let (simulator, mut world) = simulated(Options::default()).await;
    let names = ["AAPL", "MSFT", "NVDA", "^GSPC"];
    world.watch(&names, everything());
    world.run(JobKind::DailyBars, &names).await;
    let filter = AlertFilter {
        limit: 100,
        ..AlertFilter::default()
    };
    let told = world.store.alerts(&filter).await.unwrap();
    for name in names {
        let bars = world.bars(name).await;
        let [.., before, last] = bars.as_slice() else {
            unreachable!()
        };
        let of_symbol = told.iter().filter(|told| told.symbol == symbol(name));
        let kinds: Vec<AlertKind> = of_symbol.clone().map(|told| told.alert.kind).collect();
        let expected = [
            (AlertKind::Rise, last.close > before.close),
            (AlertKind::Drop, last.close < before.close),
            (AlertKind::BreakHigh, last.close > before.high),
            (AlertKind::BreakLow, last.close < before.low),
        ];
        for (kind, holds) in expected {
            assert_eq!(kinds.contains(&kind), holds, "{name} {kind}");
        }
        for told in of_symbol.filter(|told| !told.alert.kind.is_about_high()) {
            assert_eq!(told.alert.reference_date, before.trading_date);
            assert_eq!(told.alert.price, last.close);
        }
    }
    world.forget();
    world.run(JobKind::Quotes, &names).await;
    world.forget();
    world.run(JobKind::DailyBars, &names).await;
    assert_eq!(
        world.store.alerts(&filter).await.unwrap(),
        told,
        "told again"
    );
    simulator.stop().await;
}

/// Twelve sessions until Friday that all open and close at 100, between 99 and 101; the highest,
/// 103, was the third. The latest price is ours to choose.
struct Quoted(Mutex<(f64, Timestamp)>);

impl Quoted {
    fn at(price: f64, time: &str) -> (f64, Timestamp) {
        (price, at(time))
    }
}

#[async_trait::async_trait]
impl MarketData for Quoted {
    fn name(&self) -> &'static str {
        "yahoo"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    fn gives_latest(&self, _: &Budget) -> bool {
        true
    }

    async fn latest(&self, request: &LatestRequest, _: &Budget) -> Option<Chart> {
        let (price, market_time) = *self.0.lock().unwrap();
        Some(Chart {
            price: Some(LatestPrice {
                price,
                market_time,
                day_high: None,
                day_low: None,
                day_volume: None,
                previous_close: None,
            }),
            ..Chart::empty("yahoo", request.symbol.as_str(), TimeZone::UTC)
        })
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        let stamps: Vec<i64> = (0..12).map(|day| 1_794_182_400 + day * 86_400).collect();
        let [close, low, mut high] = [100, 99, 101].map(|price| vec![price; 12]);
        high[2] = 103;
        let body = format!(
            r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{}","dataGranularity":"1d",
            "exchangeTimezoneName":"UTC"}},"timestamp":{stamps:?},"indicators":{{"quote":[
            {{"open":{close:?},"high":{high:?},"low":{low:?},"close":{close:?},
            "volume":{close:?}}}]}}}}],"error":null}}}}"#,
            request.symbol
        );
        yahoo::read(200, body.as_bytes(), request, request.to)
    }
}

/// The upstream, and a world that holds its bars and is told everything.
async fn quoted() -> (Arc<Quoted>, World) {
    let upstream = Arc::new(Quoted(Mutex::new(Quoted::at(100.0, SATURDAY))));
    let clock = Clock::starting_at(at(SATURDAY));
    let mut world = World::new(Arc::clone(&upstream) as Arc<dyn MarketData>, clock).await;
    world.run(JobKind::DailyBars, &["A"]).await;
    world.watch(&["A"], everything());
    world.forget();
    (upstream, world)
}

#[tokio::test]
async fn each_kind_is_told_of_a_price_that_crosses_it_by_an_event_of_its_own() {
    let (upstream, mut world) = quoted().await;
    let heard = Heard::from_now_on();
    let codes = ["FS5101", "FS5102", "FS5103", "FS5104", "FS5105", "FS5106"];
    // Friday is compared with Thursday, and with the high of the third session.
    for (price, time, expected) in [
        (98.5, "2026-11-20T20:00:00Z", ["FS5102", "FS5104", "FS5106"]),
        (
            103.5,
            "2026-11-20T20:10:00Z",
            ["FS5101", "FS5103", "FS5105"],
        ),
    ] {
        let before = codes.map(|code| heard.lines(code).len());
        *upstream.0.lock().unwrap() = Quoted::at(price, time);
        world.run(JobKind::Quotes, &["A"]).await;
        world.forget();
        let told: Vec<&str> = codes
            .into_iter()
            .zip(before)
            .filter(|(code, before)| heard.lines(code).len() > *before)
            .map(|(code, _)| code)
            .collect();
        assert_eq!(told, expected, "{price}: {:#?}", heard.all());
    }
    let high = &heard.lines("FS5103")[0];
    for part in [
        "price=103.5 ",
        "reference_price=103.0 ",
        "reference_date=2026-11-11 ",
    ] {
        assert!(high.contains(part), "{part} in {high}");
    }
}

#[tokio::test]
async fn a_price_whose_alerts_cannot_be_looked_up_is_stored_and_the_next_one_is_told() {
    let (upstream, mut world) = quoted().await;
    let heard = Heard::from_now_on();
    let rename = |from: &str, to: &str| {
        let shell = Command::new("sqlite3")
            .arg(world.database_file())
            .arg(format!("ALTER TABLE {from} RENAME TO {to}"))
            .status();
        assert!(shell.unwrap().success());
    };
    rename("price_alerts", "away");
    *upstream.0.lock().unwrap() = Quoted::at(103.5, "2026-11-20T20:00:00Z");
    let run = world.run(JobKind::Quotes, &["A"]).await;
    assert_eq!(run.told(), ["A succeeded"]);
    let known = world.store.known(&symbol("A"), 1).await.unwrap();
    assert_eq!(known.quote.unwrap().price, 103.5);
    assert_eq!(heard.lines("FS5107").len(), 1, "{:#?}", heard.all());
    assert!(heard.lines("FS5101").is_empty());
    rename("away", "price_alerts");
    world.forget();
    *upstream.0.lock().unwrap() = Quoted::at(103.4, "2026-11-20T20:01:00Z");
    world.run(JobKind::Quotes, &["A"]).await;
    assert_eq!(heard.lines("FS5101").len(), 1, "{:#?}", heard.all());
}
