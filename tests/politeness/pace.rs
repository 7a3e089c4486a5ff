//! The pace: as fast as allowed, in order, and waiting costs a task nothing.

use std::time::Duration;

use finstage::domain::FaultClass;
use tokio::task::JoinSet;

use super::{LATENCY, Upstream, settings};
use crate::support::values::symbol;

#[tokio::test(start_paused = true)]
async fn five_hundred_symbols_take_no_longer_than_the_pace_allows_and_no_second_is_too_full() {
    let upstream = Upstream::new(&settings(), |_| Ok(()));
    let asked = upstream.ask_many(500, Duration::from_secs(1)).await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    assert!(asked.iter().all(|asked| asked.counts.calls() == 1));
    let took = upstream.started.elapsed();
    let ideal = Duration::from_secs(500 / 20);
    assert!(took <= ideal * 105 / 100, "{took:?} instead of {ideal:?}");
    let starts = upstream.starts();
    assert_eq!(starts.len(), 500);
    // A second that holds rate + burst + 1 starts would be too full.
    for window in starts.windows(20 + 2 + 1) {
        let span = window[window.len() - 1].saturating_sub(window[0]);
        assert!(span >= Duration::from_secs(1), "23 starts within {span:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_allowed_number_is_in_flight_however_slow_the_answers() {
    let mut settings = settings();
    settings.max_rps = 1_000.0;
    settings.burst = 1_000;
    let upstream = Upstream::new(&settings, |_| Ok(()));
    upstream.ask_many(100, Duration::from_secs(1)).await;
    let starts = upstream.starts();
    for window in starts.windows(5 + 1) {
        let span = window[5].saturating_sub(window[0]);
        assert!(span >= LATENCY, "6 in flight within {span:?}");
    }
    assert!(
        upstream.started.elapsed() <= LATENCY * 21,
        "places stood empty"
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_pace_does_not_use_up_the_tasks_own_time() {
    let mut settings = settings();
    settings.max_rps = 0.1;
    settings.burst = 1;
    let upstream = Upstream::new(&settings, |_| Ok(()));
    let asked = upstream.ask_many(30, LATENCY * 2).await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    let last = asked.iter().map(|asked| asked.ended).max().unwrap();
    assert!(
        last > Duration::from_secs(280),
        "{last:?}: there was no queue"
    );
}

#[tokio::test(start_paused = true)]
async fn the_answer_itself_does_use_up_the_tasks_time() {
    let upstream = Upstream::new(&settings(), |_| Ok(()));
    let asked = upstream.ask(symbol("A"), LATENCY / 2).await;
    assert_eq!(asked.outcome.unwrap_err().class, FaultClass::Timeout);
    assert_eq!(asked.ended, LATENCY / 2);
    assert_eq!((asked.counts.calls(), asked.counts.retries()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn tasks_cancelled_in_the_queue_neither_block_the_others_nor_cost_a_turn() {
    let upstream = Upstream::new(&settings(), |_| Ok(()));
    let mut doomed = JoinSet::new();
    for number in 0..200 {
        let (upstream, symbol) = (upstream.clone(), symbol(&format!("D{number}")));
        doomed.spawn(async move { upstream.ask(symbol, Duration::from_secs(1)).await });
    }
    // Some are in flight, some wait for a place, one waits for the pace.
    tokio::time::advance(Duration::from_millis(120)).await;
    tokio::task::yield_now().await;
    let before = upstream.starts().len();
    doomed.shutdown().await;
    let asked = upstream.ask_many(40, Duration::from_secs(1)).await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    assert_eq!(
        upstream.starts().len(),
        before + 40,
        "the dead were asked for"
    );
    let took = upstream.started.elapsed();
    assert!(took <= Duration::from_millis(120 + 2_000 + 200), "{took:?}");
}
