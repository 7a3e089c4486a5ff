//! Quotes in batches (`quotes.batch = "spark"`).

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::Clock;
use finstage::domain::FaultClass;
use finstage::domain::JobKind::{DailyBars, Quotes};
use finstage::domain::Provider::Yahoo as ByYahoo;
use finstage::simulator::Options;
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, ChartRequest, LatestRequest, MarketData as _, Said, Yahoo};
use tokio::task::JoinSet;

use super::{Market, World, told};
use crate::support::answering::Answering;
use crate::support::values::{at, symbol};

#[tokio::test]
async fn known_symbols_are_quoted_twenty_a_request_and_unknown_ones_by_their_chart() {
    crate::support::lines::listen();
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    let chain = Arc::new(market.chain(market.yahoo().with_spark()));
    let names: Vec<String> = (0..40).map(|number| format!("S{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The first time nobody knows in which zone they trade, and batches do not tell.
    let first = world.run(&chain, Quotes, &[ByYahoo], &names).await;
    assert!(told(&first).iter().all(|one| one.ends_with("succeeded")));
    let after_first = market.yahoo.stats().requests;
    assert!(
        after_first >= 42,
        "40 charts, at least two batches: {after_first}"
    );
    let charted = world
        .store
        .known(&symbol("S7"), 1)
        .await
        .unwrap()
        .quote
        .unwrap();

    let mut with_unknown = names.clone();
    with_unknown.push("NOTFOUND1");
    let second = world.run(&chain, Quotes, &[ByYahoo], &with_unknown).await;
    let failed: Vec<String> = told(&second)
        .into_iter()
        .filter(|one| !one.ends_with("succeeded"))
        .collect();
    assert_eq!(failed, ["NOTFOUND1 not_found"], "told by its chart");
    let requests = market.yahoo.stats().requests - after_first;
    assert!(
        (4..=8).contains(&requests),
        "three batches and a chart: {requests}"
    );
    let batched = world
        .store
        .known(&symbol("S7"), 1)
        .await
        .unwrap()
        .quote
        .unwrap();
    assert_eq!(
        (batched.price, batched.market_time, batched.trading_date),
        (charted.price, charted.market_time, charted.trading_date)
    );
    assert_eq!(batched.currency.as_deref(), Some("USD"));
    assert!(batched.previous_close.is_some());
}

#[tokio::test]
async fn a_batch_leaves_bars_alone() {
    crate::support::lines::listen();
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    let chain = Arc::new(market.chain(market.yahoo().with_spark()));
    world.run(&chain, DailyBars, &[ByYahoo], &["AAPL"]).await;
    let before = world.store.known(&symbol("AAPL"), 20).await.unwrap();
    let tasks = world.run(&chain, Quotes, &[ByYahoo], &["AAPL"]).await;
    assert_eq!(told(&tasks), ["AAPL succeeded"]);
    let after = world.store.known(&symbol("AAPL"), 20).await.unwrap();
    assert_eq!(after.bars, before.bars);
    assert_eq!(after.high, before.high);
    assert_eq!(after.instrument, before.instrument);
    let quote = after.quote.unwrap();
    let stored = before.quote.unwrap().previous_close;
    assert_eq!(quote.previous_close, stored, "of the stored bars");
}

/// A price for each symbol of a batch.
fn prices(path: &str) -> (u16, String) {
    let one = |name: &str| {
        format!(
            r#"{{"symbol":"{name}","response":[{{"meta":{{"exchangeTimezoneName":"UTC",
            "regularMarketPrice":7.5,"regularMarketTime":1795000000}}}}]}}"#
        )
    };
    let all: Vec<String> = names(path).map(one).collect();
    let all = all.join(",");
    (
        200,
        format!(r#"{{"spark":{{"result":[{all}],"error":null}}}}"#),
    )
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    let symbols = path.split("symbols=").nth(1).unwrap_or_default();
    symbols.split('&').next().unwrap().split(',')
}

fn refused(status: u16, holder: &str, code: &str) -> (u16, String) {
    let error = format!(r#"{{"code":"{code}","description":"as told"}}"#);
    let body = format!(r#"{{"{holder}":{{"result":null,"error":{error}}}}}"#);
    (status, body)
}

/// A client that asks in batches.
fn asking(server: &Answering) -> Arc<Yahoo> {
    let clock = Clock::starting_at(at(super::SATURDAY));
    let yahoo = Yahoo::new(&super::fast(&server.base_url), clock, Meter::default());
    Arc::new(yahoo.unwrap().with_spark())
}

/// The latest price of `name` for a task that may take so long, and what it heard.
async fn latest(
    yahoo: Arc<Yahoo>,
    name: &'static str,
    allowed: Duration,
) -> (&'static str, Option<f64>, Vec<(&'static str, Said)>) {
    let request = LatestRequest {
        symbol: symbol(name),
        zone: None,
    };
    let budget = Budget::starting_now(allowed, Arc::default());
    let chart = yahoo.latest(&request, &budget).await;
    let price = chart.and_then(|chart| chart.price);
    (name, price.map(|price| price.price), budget.heard())
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_refused_batch_is_halved_until_the_culprit_is_alone() {
    crate::support::lines::listen();
    let server = Answering::start(|_, path| {
        let is_bad = names(path).any(|name| name == "BAD");
        Some(if is_bad {
            refused(400, "spark", "Bad Request")
        } else {
            prices(path)
        })
    })
    .await;
    let yahoo = asking(&server);
    let mut tasks = JoinSet::new();
    for name in ["A", "B", "C", "D", "E", "BAD", "F", "G"] {
        tasks.spawn(latest(Arc::clone(&yahoo), name, LONG));
    }
    for (name, price, heard) in tasks.join_all().await {
        let is_bad = name == "BAD";
        assert_eq!(price, (!is_bad).then_some(7.5), "{name}");
        let known = [("yahoo", Said::Known)];
        assert_eq!(
            heard,
            if is_bad { &known[..0] } else { &known[..] },
            "{name}"
        );
    }
    let asked: Vec<usize> = server
        .batches()
        .iter()
        .map(|all| all.split(',').count())
        .collect();
    assert_eq!(asked.iter().sum::<usize>(), 8 + 8 + 4 + 2, "{asked:?}");
}

#[tokio::test]
async fn a_batch_that_is_not_found_is_nobodys_fault() {
    crate::support::lines::listen();
    let server = Answering::start(|_, path| {
        let holder = if path.starts_with("/v7") {
            "spark"
        } else {
            "chart"
        };
        Some(refused(404, holder, "Not Found"))
    })
    .await;
    let yahoo = asking(&server);
    for _ in 0..5 {
        let (_, price, heard) = latest(Arc::clone(&yahoo), "A", LONG).await;
        assert_eq!((price, heard), (None, vec![]));
    }
    let chart = |name| {
        let request = ChartRequest {
            symbol: symbol(name),
            from: at(super::SATURDAY),
            to: at(super::SATURDAY),
        };
        let yahoo = Arc::clone(&yahoo);
        async move {
            let budget = Budget::starting_now(LONG, Arc::default());
            (yahoo.chart(&request, &budget).await, budget.calls())
        }
    };
    let (outcome, calls) = chart("A").await;
    assert_eq!(outcome.unwrap_err().class, FaultClass::NotFound);
    assert_eq!(calls, 1, "its chart is asked for all the same");
}

#[tokio::test]
async fn a_shelved_symbol_neither_joins_nor_stops_a_batch() {
    crate::support::lines::listen();
    let server = Answering::start(|_, path| {
        let is_batch = path.starts_with("/v7");
        Some(if is_batch {
            prices(path)
        } else {
            refused(404, "chart", "Not Found")
        })
    })
    .await;
    let yahoo = asking(&server);
    let request = ChartRequest {
        symbol: symbol("GONE"),
        from: at(super::SATURDAY),
        to: at(super::SATURDAY),
    };
    for _ in 0..3 {
        let budget = Budget::starting_now(LONG, Arc::default());
        yahoo.chart(&request, &budget).await.unwrap_err();
        assert_eq!(budget.heard(), [("yahoo", Said::Unknown)]);
    }
    let mut tasks = JoinSet::new();
    for name in ["GONE", "A", "B"] {
        tasks.spawn(latest(Arc::clone(&yahoo), name, LONG));
    }
    let mut told = tasks.join_all().await;
    told.sort_by_key(|one| one.0);
    let told: Vec<_> = told
        .into_iter()
        .map(|(name, price, _)| (name, price))
        .collect();
    assert_eq!(told, [("A", Some(7.5)), ("B", Some(7.5)), ("GONE", None)]);
    assert_eq!(server.batches(), ["A,B"]);
}

#[tokio::test]
async fn whoever_sends_a_batch_may_go_away_or_run_out_of_time() {
    crate::support::lines::listen();
    // The first two requests are never answered.
    let server = Answering::start(|before, path| (before >= 2).then(|| prices(path))).await;
    let yahoo = asking(&server);
    let mut tasks = JoinSet::new();
    let doomed = tasks.spawn(latest(Arc::clone(&yahoo), "GOES", LONG));
    tasks.spawn(latest(
        Arc::clone(&yahoo),
        "LATE",
        Duration::from_millis(200),
    ));
    for name in ["A", "B"] {
        tasks.spawn(latest(Arc::clone(&yahoo), name, LONG));
    }
    server.has_come(1).await;
    doomed.abort();
    let mut told = Vec::new();
    while let Some(one) = tasks.join_next().await {
        told.extend(one.ok().map(|(name, price, _)| (name, price)));
    }
    assert_eq!(told, [("LATE", None), ("A", Some(7.5)), ("B", Some(7.5))]);
    assert_eq!(server.batches(), ["GOES,LATE,A,B", "LATE,A,B", "A,B"]);
}
