//! A quote read again within its time, beside a fetch over loopback in the same run.

use std::time::{Duration, Instant};

use finstage::cache::Settings;
use finstage::clock::Clock;
use finstage::domain::Symbol;
use finstage::simulator::Simulator;
use finstage::telemetry::Meter;
use finstage::upstream::{Answers, Budget, ChartRequest, MarketData, Yahoo};
use jiff::SignedDuration;

use crate::support::{self, Figures, thousands};

/// A quick upstream; Yahoo takes several times as long.
const LATENCY: Duration = Duration::from_millis(20);

/// Fetches measured, each of another symbol.
const FETCHES: usize = 100;

/// Reads measured.
const READS: usize = 5_000;

/// Readers at once, and how often each reads.
const READERS: usize = 192;
const READS_EACH: usize = 100;

/// Quotes look at this many days.
const DAYS: i64 = 16;

pub(crate) fn measure(figures: &mut Figures) {
    let runtime = support::runtime();
    runtime.block_on(async {
        let (near, far) = (Side::new(Duration::ZERO).await, Side::new(LATENCY).await);
        let symbols = support::symbols(FETCHES);
        let loopback = each(&near.bare, &symbols).await;
        let fetch = each(&far.bare, &symbols).await;

        ask(&far.kept, &symbols[0]).await;
        let hit = each(&far.kept, &vec![symbols[0].clone(); READS]).await;
        let before = far.simulator.stats().requests;
        let crowd = crowd(&far.kept, &symbols[1]).await;
        let loads = far.simulator.stats().requests - before;
        figures.add(
            "a quote read again within its time, parsed",
            format!("{:.1} µs: 1/{:.0} of a fetch", hit * 1e6, fetch / hit),
            "≤ 1/100 of a fetch",
            format!(
                "{:.1} ms a fetch from {} ms away, {:.0} µs over bare loopback: 1/{:.0}",
                fetch * 1e3,
                LATENCY.as_millis(),
                loopback * 1e6,
                loopback / hit
            ),
        );
        figures.add(
            "192 readers of one quote",
            format!("{}/s, {loads} request", thousands(crowd)),
            "1 request",
            format!("{} fetches/s one after another", thousands(1.0 / fetch)),
        );
        near.simulator.stop().await;
        far.simulator.stop().await;
    });
}

/// An upstream so far away, asked with and without a cache.
struct Side {
    simulator: Simulator,
    bare: Yahoo,
    kept: Yahoo,
}

impl Side {
    async fn new(latency: Duration) -> Self {
        let simulator = support::simulator(latency, None).await;
        let directory = tempfile::tempdir().unwrap();
        let (base_url, symbols) = (simulator.base_url(), support::symbols(1));
        let config = support::configuration(directory.path(), &base_url, &symbols, 9_999.0, 8);
        // Nothing may run out while it is measured.
        let settings = Settings {
            ttl: Duration::from_hours(1),
            ..Settings::default()
        };
        let answers = Answers::new(&settings, Clock::system());
        let yahoo = || Yahoo::new(&config.yahoo, Clock::system(), Meter::default()).unwrap();
        Self {
            simulator,
            bare: yahoo(),
            kept: yahoo().with_answers(answers),
        }
    }
}

async fn ask(yahoo: &Yahoo, symbol: &Symbol) {
    let budget = Budget::starting_now(Duration::from_mins(1), std::sync::Arc::default());
    let now = Clock::system().now();
    let request = ChartRequest {
        symbol: symbol.clone(),
        from: now - SignedDuration::from_hours(24 * DAYS),
        to: now,
    };
    let chart = yahoo.chart(&request, &budget).await.unwrap();
    assert!(chart.price.is_some());
}

/// Seconds a question takes, one after another.
async fn each(yahoo: &Yahoo, symbols: &[Symbol]) -> f64 {
    let start = Instant::now();
    for symbol in symbols {
        ask(yahoo, symbol).await;
    }
    start.elapsed().as_secs_f64() / symbols.len() as f64
}

/// Reads a second of many at once.
async fn crowd(yahoo: &Yahoo, symbol: &Symbol) -> f64 {
    let start = Instant::now();
    let readers = (0..READERS).map(|_| async {
        for _ in 0..READS_EACH {
            ask(yahoo, symbol).await;
        }
    });
    futures_util::future::join_all(readers).await;
    (READERS * READS_EACH) as f64 / start.elapsed().as_secs_f64()
}
