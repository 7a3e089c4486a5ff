//! The same series from each provider.

use std::sync::Arc;
use std::time::Duration;

use finstage::domain::{DailyBar, FaultClass};
use finstage::simulator::{Fault, Options};
use finstage::upstream::{Budget, CallCounts, Chart, ChartRequest, MarketData};

use super::{Market, SATURDAY};
use crate::support::values::{at, symbol};

async fn ask(upstream: &dyn MarketData, name: &str, from: &str) -> Chart {
    let request = ChartRequest {
        symbol: symbol(name),
        from: at(from),
        to: at(SATURDAY),
    };
    let counts = Arc::<CallCounts>::default();
    let budget = Budget::starting_now(Duration::from_secs(30), counts);
    upstream.chart(&request, &budget).await.unwrap()
}

/// Yahoo's prices are float32: seven digits.
fn alike(one: f64, other: f64) -> bool {
    (one / other - 1.0).abs() < 1e-6
}

#[tokio::test]
async fn tiingo_tells_the_series_yahoo_tells_over_its_splits_and_dividends() {
    let market = Market::open(Options::default()).await;
    let (yahoo, tiingo) = (market.yahoo(), market.tiingo());
    let mut splits = 0;
    for number in 0..12 {
        let name = format!("S{number}");
        let mut theirs = ask(&yahoo, &name, "1990-01-01T00:00:00Z").await;
        theirs.splits.sort_by_key(|split| split.0);
        theirs.dividends.sort_by_key(|paid| paid.0);
        let ours = ask(&tiingo, &name, "1990-01-01T00:00:00Z").await;
        assert_eq!(ours.splits, theirs.splits, "{name}");
        assert_eq!(ours.dividends.len(), theirs.dividends.len(), "{name}");
        for (one, other) in ours.dividends.iter().zip(&theirs.dividends) {
            assert!(
                one.0 == other.0 && alike(one.1, other.1),
                "{one:?} {other:?}"
            );
        }
        splits += ours.splits.len();
        // Yahoo has rows without prices now and then, Tiingo has none.
        assert_eq!(ours.bars.len(), theirs.bars.len() + theirs.null_rows);
        let mut found = ours.bars.iter();
        for theirs in &theirs.bars {
            let same_day = |bar: &&DailyBar| bar.trading_date == theirs.trading_date;
            let ours = found.find(same_day).unwrap();
            assert!(
                alike(ours.open, theirs.open)
                    && alike(ours.high, theirs.high)
                    && alike(ours.low, theirs.low)
                    && alike(ours.close, theirs.close)
                    && alike(ours.adj_close.unwrap(), theirs.adj_close.unwrap())
                    && ours.is_final == theirs.is_final,
                "{name} {ours:?} {theirs:?}"
            );
        }
    }
    assert!(splits > 2, "{splits}");
    let lone = ask(&tiingo, "BRK-B", "2026-11-10T05:00:00Z").await;
    assert_eq!((lone.source, lone.bars.len()), ("tiingo", 9));
}

#[tokio::test]
async fn binance_tells_years_page_by_page() {
    let market = Market::open(Options::default()).await;
    let (yahoo, binance) = (market.yahoo(), market.binance());
    let from = "2014-01-01T00:00:00Z";
    let theirs = ask(&yahoo, "BTC-USD", from).await;
    let ours = ask(&binance, "BTC-USD", from).await;
    assert_eq!(ours.currency.as_deref(), Some("USDT"));
    assert!(ours.bars.len() > 4_000);
    assert_eq!(market.binance.stats().requests, 5, "a thousand days a page");
    assert_eq!(ours.bars.len(), theirs.bars.len() + theirs.null_rows);
    let by_date = |bar: &DailyBar| bar.trading_date;
    for theirs in &theirs.bars {
        let at = ours
            .bars
            .binary_search_by_key(&theirs.trading_date, by_date);
        let ours = &ours.bars[at.unwrap()];
        assert!(alike(ours.close, theirs.close) && alike(ours.high, theirs.high));
        assert_eq!(ours.volume, theirs.volume, "{ours:?}");
    }
}

#[tokio::test]
async fn what_a_provider_cannot_have_costs_no_request() {
    let market = Market::open(Options::default()).await;
    let (tiingo, binance) = (market.tiingo(), market.binance());
    for (upstream, name) in [
        (&tiingo as &dyn MarketData, "^GSPC"),
        (&tiingo, "BTC-USD"),
        (&tiingo, "005930.KS"),
        (&binance, "AAPL"),
        (&binance, "BRK-B"),
    ] {
        let request = ChartRequest {
            symbol: symbol(name),
            from: at("2026-11-01T00:00:00Z"),
            to: at(SATURDAY),
        };
        let budget = Budget::starting_now(Duration::from_secs(5), Arc::default());
        let fault = upstream.chart(&request, &budget).await.unwrap_err();
        assert_eq!(fault.class, FaultClass::NotFound, "{name}");
        assert!(!upstream.can_have(&request.symbol));
    }
    assert_eq!(
        market.tiingo.stats().requests + market.binance.stats().requests,
        0
    );
}

#[tokio::test]
async fn every_fault_of_the_simulator_is_survived_in_every_format() {
    let faulty = Options {
        fault_rate: 0.4,
        faults: Fault::ALL
            .into_iter()
            .filter(|fault| *fault != Fault::Slow)
            .collect(),
        ..Options::default()
    };
    let clock = finstage::clock::Clock::starting_at(at(SATURDAY));
    let simulator = finstage::simulator::Simulator::start(faulty, clock.clone())
        .await
        .unwrap();
    let mut settings = super::fast(&simulator.base_url());
    settings.retry.max_attempts = 20;
    let meter = finstage::telemetry::Meter::default;
    let key = finstage::config::Secret::new("made-up".to_owned());
    let tiingo =
        finstage::upstream::Tiingo::new(&settings, Some(&key), clock.clone(), meter()).unwrap();
    let binance = finstage::upstream::Binance::new(&settings, clock, meter()).unwrap();
    for number in 0..20 {
        let name = format!("S{number}");
        let chart = ask(&tiingo, &name, "2026-01-02T05:00:00Z").await;
        assert_eq!(chart.bars.len(), 224, "{name}");
        let name = format!("C{number}-USD");
        let chart = ask(&binance, &name, "2026-11-01T00:00:00Z").await;
        assert_eq!(chart.bars.len(), 21, "{name}");
    }
    assert!(simulator.stats().faults > 10, "{:?}", simulator.stats());
}
