//! What each kind of job leaves behind.

use finstage::domain::{AllTimeHigh, DailyBar, JobKind, RunState};
use finstage::jobs::Assignment;
use finstage::simulator::Options;

use super::world::simulated;
use crate::support::values::{day, symbol};

const SHARES: [&str; 3] = ["AAPL", "BRK-B", "^GSPC"];

#[tokio::test]
async fn the_first_daily_bars_are_ten_years_and_the_second_run_writes_nothing() {
    let (simulator, mut world) = simulated(Options::default()).await;
    let first = world.run(JobKind::DailyBars, &SHARES).await;
    assert_eq!(first.end.state, RunState::Succeeded);
    for name in SHARES {
        let bars = world.bars(name).await;
        assert!(
            (2_495..=2_515).contains(&bars.len()),
            "{name}: {}",
            bars.len()
        );
        assert!(
            bars[0].trading_date <= day("2016-11-24"),
            "{name}: {:?}",
            bars[0]
        );
        assert_eq!(bars.last().unwrap().trading_date, day("2026-11-20"));
        assert!(bars.iter().all(|bar| bar.is_final && bar.check().is_ok()));
    }
    let at_once = world.run(JobKind::DailyBars, &SHARES).await;
    assert_eq!(
        at_once.run.calls, 0,
        "within ten seconds the answer would be the same"
    );
    world.forget();
    let second = world.run(JobKind::DailyBars, &SHARES).await;
    assert_eq!(
        second.told(),
        ["AAPL succeeded", "BRK-B succeeded", "^GSPC succeeded"]
    );
    assert_eq!(second.run.rows_written, 0);
    assert_eq!(simulator.stats().requests, 6, "one a symbol and run");
    simulator.stop().await;
}

#[tokio::test]
async fn one_request_a_symbol_serves_bars_quote_snapshot_and_high() {
    let (simulator, world) = simulated(Options::default()).await;
    world.run(JobKind::DailyBars, &SHARES).await;
    let snapshots = world.run(JobKind::PriceSnapshots, &SHARES).await;
    assert_eq!(
        simulator.stats().requests,
        3,
        "the second job lives on the first one's"
    );
    assert_eq!(snapshots.run.calls, 0);
    assert_eq!(snapshots.run.rows_written, 0, "nothing was left to write");
    for name in SHARES {
        let bars = world.bars(name).await;
        let known = world.store.known(&symbol(name), 1).await.unwrap();
        let [before, last] = bars[bars.len() - 2..] else {
            unreachable!()
        };
        let quote = known.quote.unwrap();
        assert_eq!(quote.trading_date, last.trading_date);
        assert_eq!(quote.previous_close, Some(before.close), "{name}");
        let snapshots = world.store.snapshots(&symbol(name)).await.unwrap();
        let snapshot = snapshots.last().unwrap();
        assert_eq!(snapshot.trading_date, last.trading_date);
        assert_eq!(
            (snapshot.close, snapshot.high, snapshot.low),
            (last.close, last.high, last.low)
        );
        assert_eq!(known.high, Some(highest(&bars)), "{name}");
    }
    simulator.stop().await;
}

fn highest(bars: &[DailyBar]) -> AllTimeHigh {
    // The last of equals by max_by is the first of the reversed.
    let best = bars
        .iter()
        .rev()
        .max_by(|a, b| a.high.total_cmp(&b.high))
        .unwrap();
    AllTimeHigh {
        price: best.high,
        trading_date: best.trading_date,
        covered_from: bars[0].trading_date,
    }
}

#[tokio::test]
async fn a_quote_of_a_symbol_without_kept_bars_leaves_no_bars() {
    let (simulator, world) = simulated(Options::default()).await;
    let quotes = world.run(JobKind::Quotes, &["MSFT"]).await;
    assert_eq!(quotes.end.state, RunState::Succeeded);
    assert_eq!(quotes.run.rows_written, 2, "quote and instrument");
    assert!(world.bars("MSFT").await.is_empty());
    let known = world.store.known(&symbol("MSFT"), 1).await.unwrap();
    let early = known.quote.unwrap();
    assert_eq!(known.instrument.unwrap().timezone, "America/New_York");
    // Once bars are kept, the same numbers.
    world.run(JobKind::DailyBars, &["MSFT"]).await;
    let bars = world.bars("MSFT").await;
    let [before, last] = bars[bars.len() - 2..] else {
        unreachable!()
    };
    assert_eq!(early.previous_close, Some(before.close));
    assert_eq!((early.price, early.day_high), (last.close, Some(last.high)));
    assert_eq!(
        world.run(JobKind::Quotes, &["MSFT"]).await.run.rows_written,
        0
    );
    simulator.stop().await;
}

#[tokio::test]
async fn a_snapshot_job_alone_fetches_what_it_needs() {
    let (simulator, world) = simulated(Options::default()).await;
    let run = world.run(JobKind::PriceSnapshots, &SHARES).await;
    assert_eq!(run.end.state, RunState::Succeeded);
    for name in SHARES {
        let snapshots = world.store.snapshots(&symbol(name)).await.unwrap();
        let snapshot = snapshots.last().unwrap();
        assert_eq!(snapshot.trading_date, day("2026-11-20"));
    }
    assert_eq!(simulator.stats().requests, 3);
    simulator.stop().await;
}

#[tokio::test]
async fn the_all_time_high_is_of_the_whole_history_and_is_fetched_once() {
    let (simulator, world) = simulated(Options::default()).await;
    world.run(JobKind::DailyBars, &["AAPL"]).await;
    let ten_years = world.bars("AAPL").await.len();
    world.run(JobKind::AllTimeHigh, &["AAPL"]).await;
    let bars = world.bars("AAPL").await;
    assert!(bars.len() > ten_years, "{} of {ten_years}", bars.len());
    let known = world.store.known(&symbol("AAPL"), 1).await.unwrap();
    assert_eq!(known.high, Some(highest(&bars)));
    let first_trade = known.instrument.unwrap().first_trade_date.unwrap();
    let gap = bars[0].trading_date.since(first_trade).unwrap().get_days();
    assert!((0..=10).contains(&gap), "{gap} days without bars");
    assert_eq!(simulator.stats().requests, 2);
    let again = world.run(JobKind::AllTimeHigh, &["AAPL"]).await;
    assert_eq!((again.run.calls, again.run.rows_written), (0, 0));
    simulator.stop().await;
}

#[tokio::test]
async fn a_backfill_stores_its_window_and_nothing_else() {
    let (simulator, world) = simulated(Options::default()).await;
    let window = Assignment::Backfill {
        from: day("2020-03-02"),
        to: day("2020-03-13"),
    };
    for _ in 0..2 {
        let spec = world.spec(window, &["AAPL", "005930.KS"]).await;
        assert_eq!(world.finish(spec).await.end.state, RunState::Succeeded);
        for name in ["AAPL", "005930.KS"] {
            let bars = world.bars(name).await;
            let (first, last) = (bars[0].trading_date, bars[bars.len() - 1].trading_date);
            assert!((8..=10).contains(&bars.len()), "{name}: {}", bars.len());
            assert!(
                first >= day("2020-03-02") && last <= day("2020-03-13"),
                "{name}"
            );
        }
    }
    simulator.stop().await;
}
