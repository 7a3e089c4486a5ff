//! Quotes in batches (`quotes.batch = "spark"`).

use std::sync::Arc;

use finstage::domain::JobKind::{DailyBars, Quotes};
use finstage::domain::Provider::Yahoo;
use finstage::simulator::Options;

use super::{Market, World, told};
use crate::support::values::symbol;

#[tokio::test]
async fn known_symbols_are_quoted_twenty_a_request_and_unknown_ones_by_their_chart() {
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    let chain = Arc::new(market.chain(market.yahoo().with_spark()));
    let names: Vec<String> = (0..40).map(|number| format!("S{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The first time nobody knows in which zone they trade, and batches do not tell.
    let first = world.run(&chain, Quotes, &[Yahoo], &names).await;
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
    let second = world.run(&chain, Quotes, &[Yahoo], &with_unknown).await;
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
    world.run(&chain, DailyBars, &[Yahoo], &["AAPL"]).await;
    let before = world.store.known(&symbol("AAPL"), 20).await.unwrap();
    let tasks = world.run(&chain, Quotes, &[Yahoo], &["AAPL"]).await;
    assert_eq!(told(&tasks), ["AAPL succeeded"]);
    let after = world.store.known(&symbol("AAPL"), 20).await.unwrap();
    assert_eq!(after.bars, before.bars);
    assert_eq!(after.high, before.high);
    assert_eq!(after.instrument, before.instrument);
    let quote = after.quote.unwrap();
    let stored = before.quote.unwrap().previous_close;
    assert_eq!(quote.previous_close, stored, "of the stored bars");
}
