//! Schedules with more than one provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use finstage::domain::JobKind::DailyBars;
use finstage::domain::Provider::{Binance, Tiingo, Yahoo};
use finstage::domain::{FaultClass, Providers};
use finstage::simulator::Options;
use finstage::upstream::{Budget, Chain, Chart, ChartRequest, Fault, MarketData};
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Market, SATURDAY, World, told, unreachable};
use crate::faults::log::Heard;
use crate::support::values::{at, day, symbol};

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

/// A provider whose history begins late.
struct Late<M> {
    inner: M,
    begins: Date,
    whole: std::sync::Mutex<usize>,
}

#[async_trait::async_trait]
impl<M: MarketData> MarketData for Late<M> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn origin(&self) -> String {
        self.inner.origin()
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let mut chart = self.inner.chart(request, budget).await?;
        let rows = chart.bars.len();
        chart.bars.retain(|bar| bar.trading_date >= self.begins);
        *self.whole.lock().unwrap() += usize::from(chart.bars.len() < rows);
        Ok(chart)
    }
}

#[tokio::test]
async fn a_provider_that_does_not_go_back_far_enough_fills_and_is_not_asked_for_all_each_time() {
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    let late = Arc::new(Late {
        inner: market.binance(),
        begins: day("2020-01-01"),
        whole: std::sync::Mutex::default(),
    });
    let chain = Arc::new(Chain::new(vec![
        (Yahoo, Arc::new(market.yahoo())),
        (Binance, Arc::clone(&late) as Arc<dyn MarketData>),
    ]));
    let symbols = ["BTC-USD"];
    world.run(&chain, DailyBars, &[Yahoo], &symbols).await;
    let (_, before) = world.sources("BTC-USD").await;
    market.clock.step(SignedDuration::from_hours(48));
    let order = [Binance, Yahoo];
    for runs in 1..=3 {
        let tasks = world.run_on(&chain, DailyBars, &order, &symbols).await;
        assert_eq!(told(&tasks), ["BTC-USD succeeded"]);
        let (sources, bars) = world.sources("BTC-USD").await;
        assert_eq!(sources, ["binance", "yahoo"]);
        // The two days, and what the other one had no price for.
        assert!(bars >= before + 2, "{bars} of {before}");
        assert_eq!(*late.whole.lock().unwrap(), 1, "run {runs}");
        market.clock.step(SignedDuration::from_mins(10));
    }
    market.clock.step(SignedDuration::from_hours(7 * 24));
    world.run_on(&chain, DailyBars, &order, &symbols).await;
    assert_eq!(
        *late.whole.lock().unwrap(),
        2,
        "after a week it is tried again"
    );
}

#[tokio::test]
async fn providers_that_name_an_instruments_currency_differently_fill_one_series() {
    let market = Market::open(Options::default()).await;
    let world = World::new(&market.clock).await;
    let chain = Arc::new(market.chain(market.yahoo()));
    let symbols = ["BTC-USD"];
    world.run(&chain, DailyBars, &[Yahoo], &symbols).await;
    let down = Arc::new(market.chain(unreachable(&market.clock)));
    let order = [Yahoo, Binance];
    // Dollars, then Tether: filled once, and again when both are in the series.
    for days in 1..=2 {
        market.clock.step(SignedDuration::from_hours(24));
        let tasks = world.run(&down, DailyBars, &order, &symbols).await;
        assert_eq!(told(&tasks), ["BTC-USD succeeded"], "day {days}");
    }
    assert_eq!(world.sources("BTC-USD").await.0, ["binance", "yahoo"]);
    let tasks = world.run(&chain, DailyBars, &order, &symbols).await;
    assert_eq!(told(&tasks), ["BTC-USD succeeded"], "and the first again");
    let name = crate::support::values::symbol("BTC-USD");
    let known = world.store.known(&name, 1).await.unwrap();
    assert_eq!(known.instrument.unwrap().currency.as_deref(), Some("USD"));
}

/// Answers, without prices, while it is well.
struct Ailing {
    name: &'static str,
    is_well: AtomicBool,
}

impl Ailing {
    fn new(name: &'static str, is_well: bool) -> Arc<Self> {
        let is_well = AtomicBool::new(is_well);
        Arc::new(Self { name, is_well })
    }
}

#[async_trait::async_trait]
impl MarketData for Ailing {
    fn name(&self) -> &'static str {
        self.name
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        if self.is_well.load(Ordering::Relaxed) {
            let symbol = request.symbol.as_str();
            return Ok(Chart::empty(self.name, symbol, TimeZone::UTC));
        }
        Err(Fault::new(FaultClass::Outage, "out of order"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_falls_ill_and_recovers_is_told_of_once_each() {
    let (first, second) = (Ailing::new("yahoo", false), Ailing::new("tiingo", true));
    let chain = Chain::new(vec![
        (Yahoo, Arc::clone(&first) as Arc<dyn MarketData>),
        (Tiingo, second as Arc<dyn MarketData>),
    ]);
    let heard = Heard::from_now_on();
    let request = ChartRequest {
        symbol: symbol("AAPL"),
        from: at(SATURDAY) - SignedDuration::from_hours(240),
        to: at(SATURDAY),
    };
    let ask = async || {
        let order = Providers::try_new(&[Yahoo, Tiingo]).unwrap();
        let budget = Budget::starting_now(Duration::from_secs(40), Arc::default()).asking(order);
        chain.chart(&request, &budget).await.unwrap().source
    };
    let told = || [heard.lines("FS4021").len(), heard.lines("FS4022").len()];
    for tasks in 1..=6 {
        assert_eq!(ask().await, "tiingo");
        assert_eq!(told(), [usize::from(tasks >= 3), 0], "{:#?}", heard.all());
    }
    first.is_well.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(ask().await, "yahoo");
        assert_eq!(told(), [1, 1], "{:#?}", heard.all());
    }
}
