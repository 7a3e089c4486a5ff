//! However many symbols a run has, few states are held at once, and none afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use finstage::domain::{IndicatorChoice, IndicatorParameters, Symbol};
use finstage::jobs::{Assignment, COMPUTATIONS, IndicatorPlan, Perform as _, Services};
use finstage::store::Store;
use finstage::upstream::Budget;
use futures_util::StreamExt as _;

use super::desk::{Desk, NOW, walk};
use crate::support::values::{answer, at, symbol};

const SYMBOLS: usize = 60;

/// More than there may be computations.
const IN_FLIGHT: usize = 16;

async fn save(store: &Store, symbols: &[Symbol], count: usize) {
    let mut bars = walk(1, 401);
    bars.truncate(count);
    for symbol in symbols {
        let known = store.known(symbol, 12).await.unwrap();
        let answer = answer(&bars, None);
        let saved = store.save(symbol, &answer, &known, at(NOW)).await;
        saved.unwrap();
    }
}

/// All symbols at once; gives the rows written and the most states seen at once.
async fn run(services: &Services, plan: IndicatorPlan, symbols: &[Symbol]) -> (u64, usize) {
    let is_over = Arc::new(AtomicBool::new(false));
    let watch = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(plan.states());
                std::thread::yield_now();
            }
            most
        }
    });
    let minute = std::time::Duration::from_mins(1);
    let tasks = futures_util::stream::iter(symbols).map(|symbol| async move {
        let budget = Budget::starting_now(minute, Arc::default());
        let done = services.perform(Assignment::Indicators(plan), symbol, &budget);
        done.await.unwrap().rows_written
    });
    let rows: Vec<u64> = tasks.buffer_unordered(IN_FLIGHT).collect().await;
    is_over.store(true, Ordering::Relaxed);
    (rows.iter().sum(), watch.join().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_holds_few_states_at_once_and_keeps_none() {
    // A plan is shared by all who want the same: this one nobody else wants.
    let choice = IndicatorChoice {
        parameters: IndicatorParameters {
            sma: vec![7, 77],
            ..IndicatorParameters::default()
        },
        ..IndicatorChoice::default()
    };
    let desk = Desk::new(&choice).await;
    let (services, _) = desk.twin().await;
    let plan = IndicatorPlan::of(&choice);
    let symbols: Vec<Symbol> = (0..SYMBOLS).map(|n| symbol(&format!("S{n}"))).collect();
    // From the first bar, and from where it stood.
    for bars in [400, 401] {
        save(&desk.store, &symbols, bars).await;
        let (rows, most) = run(&services, plan, &symbols).await;
        assert!(rows >= SYMBOLS as u64, "{bars}: {rows}");
        // A single bar may be done before anybody looks.
        let least = usize::from(bars == 400);
        assert!((least..=COMPUTATIONS).contains(&most), "{bars}: {most}");
        assert_eq!(plan.states(), 0, "{bars}");
    }
}
