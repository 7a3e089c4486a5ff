//! One line for all jobs: live work first, and a backfill that is never starved.

use std::time::Duration;

use finstage::upstream::Lane;
use tokio::task::JoinSet;

use super::{Upstream, settings};
use crate::support::values::symbol;

/// Asks for `live` and `backfill` symbols at the same time, the backfill first.
fn ask(upstream: &Upstream, backfill: usize, live: usize) -> JoinSet<()> {
    let mut questions = JoinSet::new();
    let lanes = [(Lane::Backfill, "B", backfill), (Lane::Live, "L", live)];
    for (lane, name, count) in lanes {
        for number in 0..count {
            let (upstream, symbol) = (upstream.clone(), symbol(&format!("{name}{number}")));
            questions.spawn(async move {
                let asked = upstream.ask_in(lane, symbol, Duration::from_secs(1)).await;
                assert_eq!(asked.outcome, Ok(()));
            });
        }
    }
    questions
}

#[tokio::test(start_paused = true)]
async fn live_runs_go_before_a_backfill_that_gets_every_tenth_turn() {
    let upstream = Upstream::new(&settings(), |_| Ok(()));
    ask(&upstream, 100, 180).join_all().await;
    let names = upstream.names();
    assert_eq!(names.len(), 280);
    // Those that went before the live ones had come, the burst, do not count.
    let begin = names.iter().position(|name| name == "L0").unwrap();
    for (place, name) in names[begin..begin + 200].iter().enumerate() {
        let is_backfill = name.starts_with('B');
        assert_eq!(is_backfill, place % 10 == 9, "{name} at {place}");
    }
    for lane in ["B", "L"] {
        let numbers = names.iter().filter_map(|name| name.strip_prefix(lane));
        let numbers: Vec<u32> = numbers.map(|number| number.parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "not first come, first served");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backfill_alone_is_as_fast_as_anything_else() {
    let upstream = Upstream::new(&settings(), |_| Ok(()));
    ask(&upstream, 200, 0).join_all().await;
    let took = upstream.started.elapsed();
    assert!(took <= Duration::from_millis(10_500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_live_question_goes_before_a_backfill_that_is_about_to() {
    let mut settings = settings();
    settings.max_rps = 0.1;
    settings.burst = 1;
    let upstream = Upstream::new(&settings, |_| Ok(()));
    let mut questions = ask(&upstream, 3, 0);
    upstream.sent(1).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    let live = upstream.clone();
    questions.spawn(async move {
        let asked = live.ask(symbol("L"), Duration::from_secs(1)).await;
        assert_eq!(asked.outcome, Ok(()));
    });
    questions.join_all().await;
    assert_eq!(upstream.names(), ["B0", "L", "B1", "B2"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_cancelled_while_it_is_next_hands_on_its_turn() {
    let mut settings = settings();
    settings.max_rps = 1.0;
    settings.burst = 1;
    let upstream = Upstream::new(&settings, |_| Ok(()));
    let mut doomed = ask(&upstream, 0, 2);
    upstream.sent(1).await;
    let rest = ask(&upstream, 3, 0);
    tokio::time::advance(Duration::from_millis(500)).await;
    doomed.shutdown().await;
    rest.join_all().await;
    assert_eq!(upstream.names(), ["L0", "B0", "B1", "B2"]);
    let took = upstream.started.elapsed();
    assert!(took < Duration::from_millis(3_200), "{took:?}");
}
