//! The work whose instructions are counted: small, and the same each time.

use std::path::Path;
use std::sync::Arc;

use finstage::config::{self, Environment};
use finstage::domain::{DailyBar, Schedule, Symbol};
use finstage::indicators::{Bar, IndicatorSet, Indicators};
use finstage::scheduler::Plan;
use finstage::store::{Answer, Known, Store, StoreError, Written};
use finstage::telemetry::Meter;
use finstage::upstream::yahoo;
use jiff::{Timestamp, ToSpan as _};
use tokio::runtime::Runtime;

use crate::support::database::settings;
use crate::support::random::Random;
use crate::support::values::{answer, at, day, symbol};

/// What is counted, each by a function `counted_NAME`, in order of name.
pub(super) const NAMES: [&str; 4] = ["indicators", "parse", "plan", "upsert"];

/// Bars whose indicators are computed: all averages are full after 300.
const BARS: usize = 400;
/// Bars of a symbol that are stored: so many that it does not count how often the threads that
/// hand statements over had to wait for each other, the only thing that differs between two runs.
const STORED: usize = 500;
/// Fires that are taken out of the plan.
const FIRES: usize = 200;

const STORE: &str = "[store]\nurl = \"sqlite://counted.db?mode=rwc\"\n";

/// One schedule of each kind of trigger, over two changes of the clock.
const SCHEDULES: &str = r#"[schedules.minutes]
cron = "*/5 9-16 * * MON-FRI"
timezone = "America/New_York"
[schedules.night]
cron = "30 2 * * *"
timezone = "Europe/Berlin"
[schedules.month]
cron = "0 18 L * *"
timezone = "Asia/Tokyo"
[schedules.period]
every = "7h"
offset = "5m"
[schedules.close]
at = "close+35m"
calendar = "XNYS"
"#;

/// Makes the database that the counted process stores into.
pub(super) fn prepare(folder: &Path) {
    runtime().block_on(async {
        let store = open(folder).await;
        store.migrate().await.unwrap();
        store.close().await;
    });
}

/// Does all the work, each after a first time that is not counted: what is read once in the life of
/// a process (time zones, the schema) is no part of it.
pub(super) fn perform(folder: &Path) {
    let now = at("2026-11-22T00:00:00Z");
    let body = include_bytes!("../data/yahoo/chart_AAPL_1d_6mo_last_bar_ts_is_market_time.json");
    assert!(yahoo::parse(200, body, now).is_ok());
    counted_parse(body, now);

    let schedules = schedules(folder);
    let since = at("2026-10-20T00:00:00Z");
    plan(&schedules, since);
    counted_plan(&schedules, since);

    let bars = walk(STORED);
    let fresh = Indicators::new(&IndicatorSet::default());
    let held: Vec<Bar> = bars.iter().take(BARS).map(held).collect();
    counted_indicators(&mut fresh.sibling(), &held);

    let runtime = runtime();
    let store = runtime.block_on(open(folder));
    let answer = answer(&bars, None);
    let mut first = answer.clone();
    first.bars.truncate(1);
    let (one, other) = (symbol("AAPL"), symbol("MSFT"));
    upsert(&runtime, &store, (&one, &first), now).unwrap();
    let written = counted_upsert(&runtime, &store, (&other, &answer), now).unwrap();
    assert_eq!(written.bars, STORED as u64);
    runtime.block_on(store.close());
}

#[inline(never)]
fn counted_parse(body: &[u8], now: Timestamp) {
    yahoo::parse(200, body, now).unwrap();
}

#[inline(never)]
fn counted_plan(schedules: &[Arc<Schedule>], since: Timestamp) {
    plan(schedules, since);
}

#[inline(never)]
fn counted_indicators(state: &mut Indicators, bars: &[Bar]) {
    for bar in bars {
        state.push(bar).unwrap();
    }
}

#[inline(never)]
fn counted_upsert(
    runtime: &Runtime,
    store: &Store,
    what: (&Symbol, &Answer),
    now: Timestamp,
) -> Result<Written, StoreError> {
    upsert(runtime, store, what, now)
}

/// Plans, and takes fires out as the planner does, with a look ahead after each.
fn plan(schedules: &[Arc<Schedule>], since: Timestamp) {
    let latest = schedules
        .iter()
        .map(|schedule| (schedule.id.clone(), since));
    let mut plan = Plan::new(schedules, &latest.collect(), since);
    let mut fires = 0;
    while fires < FIRES {
        let now = plan.next_dispatch().unwrap();
        for due in plan.take_due(now, usize::MAX) {
            fires += due.fires.len();
            plan.decided(&due);
        }
        while plan.look_ahead() {}
    }
}

fn upsert(
    runtime: &Runtime,
    store: &Store,
    (symbol, answer): (&Symbol, &Answer),
    now: Timestamp,
) -> Result<Written, StoreError> {
    runtime.block_on(store.save(symbol, answer, &Known::default(), now))
}

fn schedules(folder: &Path) -> Vec<Arc<Schedule>> {
    let environment = Environment::in_directory(folder);
    let each = "]\njob = \"quotes\"\nsymbols = [\"AAPL\"]\n";
    let (tables, store) = (SCHEDULES.replace("]\n", each), STORE);
    let text = format!("{store}{tables}");
    let (config, _) = config::parse(Path::new("counted.toml"), &text, &environment)
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    config.schedules
}

async fn open(folder: &Path) -> Store {
    let settings = settings(&folder.join("counted.db"));
    Store::open(&settings, Meter::default()).await.unwrap()
}

/// One thread beside SQLite's own: the fewer, the more alike two runs are.
fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// A walk to the cent, a bar a day.
fn walk(count: usize) -> Vec<DailyBar> {
    let mut random = Random::named(1, "performance");
    let mut close = 100.0_f64;
    let mut trading_date = day("2022-01-03");
    let mut bars = Vec::new();
    for _ in 0..count {
        let open = close;
        #[allow(clippy::cast_precision_loss, reason = "a few hundreds")]
        let step = random.between(-150, 150) as f64 / 100.0;
        close = (close + step).max(5.0);
        trading_date = trading_date.checked_add(1.days()).unwrap();
        bars.push(DailyBar {
            trading_date,
            open,
            high: open.max(close) + 0.5,
            low: open.min(close) - 0.5,
            close,
            adj_close: Some(close / 2.0),
            volume: Some(random.between(1_000, 90_000)),
            is_final: true,
        });
    }
    bars
}

fn held(bar: &DailyBar) -> Bar {
    Bar {
        at: bar.trading_date.in_tz("UTC").unwrap().timestamp(),
        session: bar.trading_date,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
    }
}
