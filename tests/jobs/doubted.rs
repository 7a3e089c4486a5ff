//! Answers that are not believed: a quote of a batch leads to the chart, and what broke a rule is
//! asked for anew.

use std::sync::{Arc, Mutex};

use finstage::cache::Settings;
use finstage::clock::Clock;
use finstage::domain::{JobKind, RunState, Symbol};
use finstage::telemetry::Meter;
use finstage::upstream::{
    Answers, Budget, Chart, ChartRequest, Fault, LatestPrice, LatestRequest, MarketData, Yahoo,
    yahoo,
};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::world::{SATURDAY, World, fast};
use crate::support::answering::Answering;
use crate::support::values::{at, symbol};

/// Twelve days until Friday; the highs are `high` above the opens, the latest price is of `hour`.
fn body(name: &str, hour: i64, high: i64) -> String {
    let close = 100;
    let stamps: Vec<i64> = (0..12).map(|day| 1_794_182_400 + day * 86_400).collect();
    let last = stamps[11] + hour * 3_600;
    let price = |price: i64| vec![price; 12];
    let (low, high) = (price(close), price(close + high));
    format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{name}","dataGranularity":"1d",
        "regularMarketPrice":{close},"regularMarketTime":{last},
        "exchangeTimezoneName":"UTC"}},"timestamp":{stamps:?},"indicators":{{"quote":[
        {{"open":{low:?},"high":{high:?},"low":{low:?},"close":{low:?},"volume":{low:?}}}]}}}}],
        "error":null}}}}"#
    )
}

/// Says one price in batches and another in charts.
struct Batched {
    quoted: Mutex<f64>,
    deeds: Mutex<Vec<&'static str>>,
}

impl Batched {
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.deeds.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl MarketData for Batched {
    fn name(&self) -> &'static str {
        "yahoo"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    fn forget(&self, _: &Symbol) {
        self.deeds.lock().unwrap().push("forget");
    }

    fn gives_latest(&self, _: &Budget) -> bool {
        true
    }

    async fn latest(&self, request: &LatestRequest, _: &Budget) -> Option<Chart> {
        self.deeds.lock().unwrap().push("batch");
        Some(Chart {
            price: Some(LatestPrice {
                price: *self.quoted.lock().unwrap(),
                market_time: at("2026-11-20T20:00:00Z"),
                day_high: None,
                day_low: None,
                day_volume: None,
                previous_close: None,
            }),
            ..Chart::empty("yahoo", request.symbol.as_str(), TimeZone::UTC)
        })
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        self.deeds.lock().unwrap().push("chart");
        // A first chart that is older than the first quote, then newer ones.
        let is_first = *self.quoted.lock().unwrap() == 101.0;
        let hour = if is_first { 19 } else { 21 };
        let body = body(request.symbol.as_str(), hour, 1);
        yahoo::read(200, body.as_bytes(), request, request.to)
    }
}

#[tokio::test]
async fn a_quote_of_a_batch_that_is_far_from_the_bars_is_replaced_by_the_charts() {
    let upstream = Arc::new(Batched {
        quoted: Mutex::new(101.0),
        deeds: Mutex::default(),
    });
    let clock = Clock::starting_at(at(SATURDAY));
    let mut world = World::new(Arc::clone(&upstream) as Arc<dyn MarketData>, clock).await;
    world.run(JobKind::DailyBars, &["A"]).await;
    assert_eq!(upstream.take(), ["chart"]);
    let price = async |world: &World| {
        let known = world.store.known(&symbol("A"), 1).await.unwrap();
        known.quote.unwrap().price
    };
    for (quoted, deeds, stored) in [
        (101.0, &["batch"][..], 101.0),
        // A tenth, half, and a price no bar is near to.
        (10.0, &["batch", "forget", "chart"], 100.0),
        (50.0, &["batch", "forget", "chart"], 100.0),
        (2_000.0, &["batch", "forget", "chart"], 100.0),
    ] {
        *upstream.quoted.lock().unwrap() = quoted;
        world.forget();
        let run = world.run(JobKind::Quotes, &["A"]).await;
        assert_eq!(run.end.state, RunState::Succeeded, "{:?}", run.told());
        assert_eq!(upstream.take(), deeds, "{quoted}");
        assert_eq!(price(&world).await, stored, "{quoted}");
    }
}

#[tokio::test]
async fn a_kept_answer_that_broke_a_rule_is_asked_for_anew_and_a_good_one_is_not() {
    // `BAD` has its highs below its lows the first time.
    let server = Answering::start(|before, path| {
        let is_bad = path.contains("/BAD?") && before == 0;
        let name = if path.contains("/BAD?") {
            "BAD"
        } else {
            "GOOD"
        };
        Some((200, body(name, 20, if is_bad { -1 } else { 1 })))
    })
    .await;
    let clock = Clock::starting_at(at(SATURDAY));
    let answers = Answers::new(&Settings::default(), clock.clone());
    let yahoo = Yahoo::new(
        &fast(server.base_url.clone()),
        clock.clone(),
        Meter::default(),
    );
    let yahoo = Arc::new(yahoo.unwrap().with_answers(answers));
    let mut world = World::new(yahoo, clock.clone()).await;
    for name in ["BAD", "BAD", "BAD", "GOOD", "GOOD"] {
        world.forget();
        world.run(JobKind::Quotes, &[name]).await;
        clock.step(SignedDuration::from_secs(1));
    }
    let of = |name: &str| {
        let asked = server.asked();
        asked.iter().filter(|path| path.contains(name)).count()
    };
    assert_eq!((of("/BAD?"), of("/GOOD?")), (2, 1));
}
