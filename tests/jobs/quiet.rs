//! How much a run of thousands of symbols says: a summary, and not a line for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use finstage::clock::{self, Clock};
use finstage::domain::{FaultClass, JobKind, RunState};
use finstage::telemetry::events::catalogue;
use finstage::upstream::{
    Budget, Chart, ChartRequest, Fault, LatestPrice, LatestRequest, MarketData,
};
use jiff::tz::TimeZone;

use super::world::{SATURDAY, World};
use crate::faults::log::Heard;
use crate::support::tally::setting;
use crate::support::values::at;

/// Symbols of the run; `just crowd` takes the 5,000 of a minute we promise, and the time to store
/// them.
const SYMBOLS: u64 = 1_000;

/// One of so many cannot be had.
const FAILS: u64 = 20;

/// Lines of a run at INFO and above, and of its daemon in a minute.
const LINES: usize = 10;

/// Has a price for every symbol but those that begin with F, whose faults differ.
struct Crowd;

#[async_trait::async_trait]
impl MarketData for Crowd {
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
        let symbol = request.symbol.as_str();
        (!symbol.starts_with('F')).then(|| Chart {
            price: Some(LatestPrice {
                price: 100.0,
                market_time: at("2026-11-20T20:00:00Z"),
                day_high: None,
                day_low: None,
                day_volume: None,
                previous_close: None,
            }),
            ..Chart::empty("yahoo", symbol, TimeZone::UTC)
        })
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        use FaultClass::{BadPayload, NoData, NotFound, Outage, Timeout};
        let classes = [NotFound, Outage, BadPayload, NoData, Timeout];
        let number: u64 = request.symbol.as_str()[1..].parse().unwrap();
        let class = classes[usize::try_from(number / FAILS).unwrap() % classes.len()];
        Err(Fault::new(class, format!("{class} of {}", request.symbol)))
    }
}

#[tokio::test]
async fn a_run_of_thousands_of_symbols_is_a_handful_of_lines_though_one_in_twenty_fails() {
    let symbols = setting("FINSTAGE_CROWD", SYMBOLS);
    let names: Vec<String> = (0..symbols)
        .map(|n| format!("{}{n}", if n % FAILS == 0 { 'F' } else { 'S' }))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = World::new(Arc::new(Crowd), Clock::starting_at(at(SATURDAY))).await;
    let heard = Heard::from_now_on();
    let begun = clock::monotonic();
    let run = world.run(JobKind::Quotes, &names).await;
    assert_eq!(run.end.state, RunState::PartlyFailed);
    let totals = run.end.totals;
    let tasks = (
        u64::from(totals.tasks_total),
        u64::from(totals.tasks_failed),
    );
    assert_eq!(tasks, (symbols, symbols / FAILS));
    let mut loud: BTreeMap<&str, usize> = BTreeMap::new();
    for event in catalogue().filter(|event| event.level_name() != "debug") {
        let lines = heard.lines(event.code).len();
        if lines > 0 {
            loud.insert(event.code, lines);
        }
    }
    eprintln!("{symbols} symbols in {:?}: {loud:?}", begun.elapsed());
    assert_eq!(loud.get("FS3003"), Some(&1), "its summary: {loud:?}");
    assert!(loud.values().sum::<usize>() <= LINES, "{loud:?}");
    let failed = heard.lines("FS3101").len() as u64;
    assert_eq!(
        failed,
        symbols / FAILS,
        "whoever wants every line has them at DEBUG"
    );
}
