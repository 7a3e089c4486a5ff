//! Schedules with more than one provider.

use std::sync::Arc;

use finstage::domain::JobKind::DailyBars;
use finstage::domain::Provider::{Binance, Tiingo, Yahoo};
use finstage::simulator::Options;

use super::{Market, World, told, unreachable};

#[tokio::test]
async fn while_the_first_is_down_the_others_keep_the_series_and_it_takes_them_back() {
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    let order = [Yahoo, Tiingo, Binance];
    let symbols = ["AAPL", "BRK-B", "BTC-USD", "^GSPC"];
    let down = Arc::new(market.chain(unreachable(&market.clock)));
    let tasks = world.run(&down, DailyBars, &order, &symbols).await;
    assert_eq!(
        told(&tasks),
        [
            "AAPL succeeded",
            "BRK-B succeeded",
            "BTC-USD succeeded",
            "^GSPC outage"
        ]
    );
    let (sources, bars) = world.sources("AAPL").await;
    assert_eq!(sources, ["tiingo"]);
    assert!(bars > 2_500, "{bars}");
    assert_eq!(world.sources("BTC-USD").await.0, ["binance"]);
    assert_eq!(market.yahoo.stats().requests, 0);

    let up = Arc::new(market.chain(market.yahoo()));
    let tasks = world.run(&up, DailyBars, &order, &symbols).await;
    assert!(
        told(&tasks).iter().all(|one| one.ends_with("succeeded")),
        "{:?}",
        told(&tasks)
    );
    // Ten years of Yahoo's, and what Yahoo has no price for stays with whom it came from.
    let (sources, after) = world.sources("AAPL").await;
    assert_eq!(after, bars, "no session is lost or doubled");
    assert!(sources.contains(&"yahoo".to_owned()), "{sources:?}");
    let rows = world
        .store
        .known(&crate::support::values::symbol("AAPL"), 5_000)
        .await;
    let rows = rows.unwrap().sources;
    let yahoos = rows.iter().filter(|source| *source == "yahoo").count();
    // Older sessions on which both say exactly the same keep the name they came with.
    assert!(yahoos * 100 > rows.len() * 97, "{yahoos} of {}", rows.len());
    assert!(rows.iter().rev().take(12).all(|source| source == "yahoo"));

    let before = market.yahoo.stats().requests;
    let again = world.run(&up, DailyBars, &order, &symbols).await;
    // Crypto trades at weekends, too.
    let resting = again.iter().filter(|task| task.symbol != "BTC-USD");
    let written: i64 = resting.map(|task| task.rows_written).sum();
    assert_eq!(written, 0, "the same answer changes nothing");
    let requests = market.yahoo.stats().requests - before;
    assert_eq!(requests, 4, "it is taken over once, not each time");
}

#[tokio::test]
async fn a_fallback_fills_and_never_touches_a_final_bar_of_the_first() {
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    let order = [Yahoo, Tiingo];
    let up = Arc::new(market.chain(market.yahoo()));
    world.run(&up, DailyBars, &order, &["AAPL"]).await;
    let name = crate::support::values::symbol("AAPL");
    let before = world.store.known(&name, 5_000).await.unwrap();
    let down = Arc::new(market.chain(unreachable(&market.clock)));
    let tasks = world.run(&down, DailyBars, &order, &["AAPL"]).await;
    assert_eq!(told(&tasks), ["AAPL succeeded"]);
    assert_eq!(market.tiingo.stats().requests, 1);
    let after = world.store.known(&name, 5_000).await.unwrap();
    assert_eq!(after.instrument, before.instrument);
    for (bar, source) in before.bars.iter().zip(&before.sources) {
        let at = after
            .bars
            .iter()
            .position(|held| held.trading_date == bar.trading_date);
        let at = at.expect("a bar is gone");
        assert_eq!((&after.bars[at], &after.sources[at]), (bar, source));
    }
}

#[tokio::test]
async fn a_symbol_the_first_does_not_know_is_served_by_the_next_that_does() {
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    // Yahoo's simulator is asked for nobody's market; Tiingo's does not know this one either.
    let up = Arc::new(market.chain(market.yahoo()));
    let tasks = world
        .run(&up, DailyBars, &[Yahoo, Tiingo], &["NOTFOUND1", "AAPL"])
        .await;
    assert_eq!(told(&tasks), ["AAPL succeeded", "NOTFOUND1 not_found"]);
    let message = tasks[1].message.clone().unwrap_or_default();
    assert!(
        message.contains("yahoo:") && message.contains("tiingo:"),
        "{message}"
    );
    assert_eq!(market.tiingo.stats().not_found, 1);
    // Only providers that cannot have it: told at once, nobody is asked.
    let before = market.tiingo.stats().requests;
    let tasks = world
        .run(&up, DailyBars, &[Tiingo, Binance], &["^GSPC"])
        .await;
    assert_eq!(told(&tasks), ["^GSPC not_found"]);
    assert_eq!(market.tiingo.stats().requests, before);
}

#[tokio::test]
async fn a_provider_without_a_key_is_passed_over_and_told_of() {
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    // To the outside a key is needed; nothing is sent without one.
    let settings = super::fast("https://api.tiingo.invalid");
    let meter = finstage::telemetry::Meter::default();
    let keyless = finstage::upstream::Tiingo::new(&settings, None, market.clock.clone(), meter);
    let chain = Arc::new(finstage::upstream::Chain::new(vec![
        (Tiingo, Arc::new(keyless.unwrap())),
        (Yahoo, Arc::new(market.yahoo())),
    ]));
    let tasks = world
        .run(&chain, DailyBars, &[Tiingo, Yahoo], &["AAPL"])
        .await;
    assert_eq!(told(&tasks), ["AAPL succeeded"]);
    let tasks = world.run(&chain, DailyBars, &[Tiingo], &["MSFT"]).await;
    assert_eq!(told(&tasks), ["MSFT blocked"]);
    assert!(
        tasks[0]
            .message
            .as_deref()
            .unwrap_or_default()
            .contains("TIINGO_API_KEY")
    );
}
