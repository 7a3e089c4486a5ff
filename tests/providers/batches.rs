//! Quotes in batches (`quotes.batch = "spark"`).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::clock::Clock;
use finstage::domain::JobKind::{DailyBars, Quotes};
use finstage::domain::Provider::Yahoo as ByYahoo;
use finstage::simulator::Options;
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, LatestRequest, MarketData as _, Yahoo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Market, World, told};
use crate::support::values::{at, symbol};

#[tokio::test]
async fn known_symbols_are_quoted_twenty_a_request_and_unknown_ones_by_their_chart() {
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

/// Answers each connection once: 400 when `BAD` is among the symbols, else a price for each.
async fn refuses_bad(listener: TcpListener, asked: Arc<Mutex<Vec<usize>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let request = String::from_utf8(request).unwrap().replace("%2C", ",");
        let symbols = request.split("symbols=").nth(1).unwrap();
        let names: Vec<&str> = symbols.split('&').next().unwrap().split(',').collect();
        asked.lock().unwrap().push(names.len());
        let (status, body) = if names.contains(&"BAD") {
            let error = r#"{"code":"Bad Request","description":"invalid symbol"}"#;
            (
                400,
                format!(r#"{{"spark":{{"result":null,"error":{error}}}}}"#),
            )
        } else {
            let one = |name: &&str| {
                format!(
                    r#"{{"symbol":"{name}","response":[{{"meta":{{"exchangeTimezoneName":"UTC",
                    "regularMarketPrice":7.5,"regularMarketTime":1795000000}}}}]}}"#
                )
            };
            let all: Vec<String> = names.iter().map(one).collect();
            (
                200,
                format!(
                    r#"{{"spark":{{"result":[{}],"error":null}}}}"#,
                    all.join(",")
                ),
            )
        };
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_batch_is_halved_until_the_culprit_is_alone() {
    crate::support::lines::listen();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<usize>>> = Arc::default();
    let mut server = JoinSet::new();
    server.spawn(refuses_bad(listener, Arc::clone(&asked)));
    let clock = Clock::starting_at(at(super::SATURDAY));
    let yahoo = Yahoo::new(&super::fast(&base), clock, Meter::default())
        .unwrap()
        .with_spark();
    let yahoo = Arc::new(yahoo);
    let mut tasks = JoinSet::new();
    for name in ["A", "B", "C", "D", "E", "BAD", "F", "G"] {
        let yahoo = Arc::clone(&yahoo);
        tasks.spawn(async move {
            let request = LatestRequest {
                symbol: symbol(name),
                zone: None,
            };
            let budget = Budget::starting_now(Duration::from_secs(10), Arc::default());
            let chart = yahoo.latest(&request, &budget).await;
            (
                name,
                chart.and_then(|chart| chart.price).map(|price| price.price),
            )
        });
    }
    for (name, price) in tasks.join_all().await {
        let expected = (name != "BAD").then_some(7.5);
        assert_eq!(
            price, expected,
            "{name}: the culprit is asked for by its chart"
        );
    }
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.iter().sum::<usize>(), 8 + 8 + 4 + 2, "{asked:?}");
}
