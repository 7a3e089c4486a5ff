//! The real provider, gate, jobs and store against an upstream that does everything wrong.

mod alone;
mod book;
mod log;
pub(crate) mod memory;
mod mixed;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::UpstreamSettings;
use finstage::domain::JobKind;
use finstage::jobs::Assignment;
use finstage::store::TaskRow;
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, Chart, ChartRequest, Fault as Failure, MarketData, Yahoo};

use crate::jobs::world::{Left, SATURDAY, World, fast};
use crate::support::fault_upstream::bytes::{NAN_ROWS, Row, rows};
use crate::support::fault_upstream::{Fault, FaultUpstream, Plan};
use crate::support::values::at;

/// Time of one symbol, and how much later its task has ended at the latest.
const TASK_TIMEOUT: Duration = Duration::from_secs(20);
const SLACK: Duration = Duration::from_secs(1);

/// Time of one request where its end is the point.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Time of one request where it is not: megabytes must have come in, on a busy machine, too.
const AMPLE_TIMEOUT: Duration = Duration::from_secs(3);

const ATTEMPTS: u32 = 3;

fn settings(base_url: String) -> UpstreamSettings {
    let mut settings = fast(base_url);
    settings.connect_timeout = REQUEST_TIMEOUT / 2;
    settings.request_timeout = REQUEST_TIMEOUT;
    settings.retry.max_attempts = ATTEMPTS;
    settings
}

fn yahoo(settings: &UpstreamSettings) -> Yahoo {
    let clock = Clock::starting_at(at(SATURDAY));
    Yahoo::new(settings, clock, Meter::default()).unwrap()
}

/// One fault for a victim and, before its name is known, for everybody who connects.
struct Always {
    fault: Option<Fault>,
    victim: String,
}

impl Plan for Always {
    fn at_accept(&self, _: u64) -> Option<Fault> {
        self.fault.filter(|fault| fault.is_at_accept())
    }

    fn at_request(&self, symbol: &str, nth: u32) -> Option<Fault> {
        self.fault
            .filter(|fault| symbol == self.victim && nth < fault.times())
    }
}

/// Sends each symbol's questions to the provider its name begins with: `NAME` or `NAME.X`.
struct Router(HashMap<String, Yahoo>);

impl Router {
    fn of(&self, symbol: &str) -> &Yahoo {
        &self.0[symbol.split('.').next().unwrap()]
    }
}

#[async_trait::async_trait]
impl MarketData for Router {
    fn name(&self) -> &'static str {
        "yahoo"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Failure> {
        let provider = self.of(request.symbol.as_str());
        provider.chart(request, budget).await
    }
}

async fn world(upstream: impl MarketData + 'static) -> World {
    World::new(Arc::new(upstream), Clock::starting_at(at(SATURDAY))).await
}

/// Fetches the daily bars of `symbols`, so many at a time.
async fn fetch(world: &World, symbols: &[String], concurrency: usize) -> Left {
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let mut spec = world
        .spec(Assignment::Job(JobKind::DailyBars), &names)
        .await;
    let schedule = Arc::make_mut(&mut spec.schedule);
    schedule.concurrency = concurrency;
    schedule.task_timeout = TASK_TIMEOUT;
    world.finish(spec).await
}

/// What is stored of a symbol.
async fn stored(world: &World, symbol: &str) -> Vec<Row> {
    let bars = world.bars(symbol).await;
    assert!(bars.iter().all(|bar| bar.is_final), "{symbol}");
    let row = |bar: &finstage::domain::DailyBar| {
        let adjusted = bar.adj_close.unwrap();
        let volume = bar.volume.unwrap();
        let prices = (bar.open, bar.high, bar.low, bar.close);
        let (open, high, low, close) = prices;
        (bar.trading_date, open, high, low, close, adjusted, volume)
    };
    bars.iter().map(row).collect()
}

/// What must be stored of a symbol after good answers, and `faults` that are stored.
fn right(symbol: &str, has_nan_rows: bool) -> Vec<Row> {
    let mut rows = rows(symbol);
    if has_nan_rows {
        for row in NAN_ROWS.iter().rev() {
            rows.remove(*row);
        }
    }
    rows
}

/// What holds for every task, whatever was done to it.
fn check_task(task: &TaskRow) -> Result<(), String> {
    let told = |what: &str| Err(format!("{}: {what}: {task:?}", task.symbol));
    let limit = i64::try_from((TASK_TIMEOUT + SLACK).as_millis()).unwrap();
    if task.duration_ms > limit {
        return told("ended too late");
    }
    let message = task.message.as_deref().unwrap_or_default();
    if (task.outcome == "failed") == message.is_empty() {
        return told("failed without a reason, or the other way round");
    }
    if message.len() > 450 || message.contains(char::is_control) {
        return told("a message that is no short line");
    }
    if ["http:", "127.0.0.1", "/v8/", "period1", "SECRET"]
        .iter()
        .any(|part| message.contains(part))
    {
        return told("a message with an address");
    }
    Ok(())
}
