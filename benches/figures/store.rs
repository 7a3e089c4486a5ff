//! Upserted rows a second, beside `sqlite3 .import` of the same rows into the same table.

use std::fmt::Write as _;
use std::time::Instant;

use finstage::clock::Clock;
use finstage::domain::{DailyBar, Symbol};
use finstage::store::{Answer, Covers, Instrument, Known, Store};
use finstage::telemetry::Meter;
use jiff::ToSpan as _;

use crate::support::{self, Figures, sqlite, thousands};

const SYMBOLS: usize = 100;
const BARS: i32 = 2_520;

pub(crate) fn measure(figures: &mut Figures) {
    let directory = tempfile::tempdir().unwrap();
    let symbols = support::symbols(SYMBOLS);
    let answer = Answer {
        bars: (0..BARS).map(bar).collect(),
        quote: None,
        instrument: Instrument {
            timezone: "America/New_York".into(),
            ..Instrument::default()
        },
        source: "yahoo",
        covers: Covers::FromFirstBar,
        ..Answer::default()
    };
    let rows = SYMBOLS as f64 * f64::from(BARS);
    let config = support::configuration(directory.path(), "http://127.0.0.1:1", &symbols, 1.0, 1);
    let seconds = support::runtime().block_on(async {
        let store = Store::open(&config.store, Meter::default()).await.unwrap();
        store.migrate().await.unwrap();
        let start = Instant::now();
        for symbol in &symbols {
            let now = Clock::system().now();
            store
                .save(symbol, &answer, &Known::default(), now)
                .await
                .unwrap();
        }
        start.elapsed().as_secs_f64()
    });
    let ours = rows / seconds;
    let theirs = rows / import_seconds(directory.path(), &symbols, &answer.bars);
    figures.add(
        "store 252,000 bars, one transaction a symbol",
        format!("{} rows/s", thousands(ours)),
        "(none)",
        format!(
            "{} rows/s by `sqlite3 .import`: {:.2} of it",
            thousands(theirs),
            ours / theirs
        ),
    );
}

/// Rows read by their key: through the pool, and over a connection of its own each time.
pub(crate) fn measure_pool(figures: &mut Figures) {
    const READS: usize = 5_000;
    const OPENED: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let symbols = support::symbols(1);
    let config = support::configuration(directory.path(), "http://127.0.0.1:1", &symbols, 1.0, 1);
    let symbol = &symbols[0];
    let open = async || Store::open(&config.store, Meter::default()).await.unwrap();
    let (pooled, opened) = support::runtime().block_on(async {
        let store = open().await;
        store.migrate().await.unwrap();
        store.health(symbol).await.unwrap();
        let start = Instant::now();
        for _ in 0..READS {
            store.health(symbol).await.unwrap();
        }
        let pooled = start.elapsed().as_secs_f64() / READS as f64;
        let start = Instant::now();
        for _ in 0..OPENED {
            let store = open().await;
            store.health(symbol).await.unwrap();
            store.close().await;
        }
        (pooled, start.elapsed().as_secs_f64() / OPENED as f64)
    });
    figures.add(
        "a row by its key, through the pool",
        format!("{:.0} µs", pooled * 1e6),
        "(none)",
        format!("{:.0} µs with a connection opened for it", opened * 1e6),
    );
}

fn bar(day: i32) -> DailyBar {
    let close = 100.0 + f64::from(day % 97) / 8.0;
    DailyBar {
        trading_date: jiff::civil::date(2016, 1, 1).saturating_add(day.days()),
        open: close - 0.25,
        high: close + 1.125,
        low: close - 1.5,
        close,
        adj_close: Some(close * 0.875),
        volume: Some(1_000_000 + i64::from(day)),
        is_final: true,
    }
}

/// The same rows through the command-line tool: into a copy of the migrated schema, same pragmas.
fn import_seconds(directory: &std::path::Path, symbols: &[Symbol], bars: &[DailyBar]) -> f64 {
    let mut csv = String::new();
    for symbol in symbols {
        for bar in bars {
            let adjusted = bar.adj_close.unwrap_or_default();
            let volume = bar.volume.unwrap_or_default();
            let _ = writeln!(
                csv,
                "{symbol},{},{},{},{},{},{adjusted},{volume},yahoo,split_adjusted,1,0,\
                 2026-11-22T00:00:00+00:00",
                bar.trading_date, bar.open, bar.high, bar.low, bar.close
            );
        }
    }
    let file = directory.join("bars.csv");
    std::fs::write(&file, csv).unwrap();
    let source = directory.join("finstage.db");
    let target = directory.join("import.db");
    let schema = sqlite(
        &source,
        "SELECT sql FROM sqlite_master WHERE name = 'daily_bars'",
    );
    sqlite(&target, &format!("PRAGMA journal_mode=WAL; {schema};"));
    let script = directory.join("import.sql");
    let import = format!(
        "PRAGMA synchronous=NORMAL;\n.mode csv\n.import {} daily_bars\n",
        file.display()
    );
    std::fs::write(&script, import).unwrap();
    let start = Instant::now();
    sqlite(&target, &format!(".read {}", script.display()));
    let seconds = start.elapsed().as_secs_f64();
    let count = sqlite(&target, "SELECT count(*) FROM daily_bars");
    assert_eq!(count.trim(), (symbols.len() * bars.len()).to_string());
    seconds
}
