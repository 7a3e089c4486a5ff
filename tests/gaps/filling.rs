//! Who asks again, when, and what becomes of it.

use finstage::domain::RunOrigin;
use finstage::domain::{FaultClass, GapState};
use finstage::jobs::Assignment;
use jiff::civil::Date;

use super::market::Holey;
use super::world::World;
use crate::support::values::{day, symbol};

const SYMBOLS: [&str; 3] = ["A", "B", "C"];

#[tokio::test]
async fn a_gap_climbs_the_ladder_with_one_request_a_rung_and_is_then_a_day_without_trade() {
    let clock = World::saturday();
    let upstream = Holey::new("XNYS", "NYQ", clock.clone());
    upstream.lose("B", &["2026-11-16", "2026-11-18"]);
    let world = World::new(upstream.clone(), clock).await;
    world.bars(&SYMBOLS).await;
    upstream.take_asked();
    for (rung, wait) in [1, 6, 24, 72, 168, 720].into_iter().enumerate() {
        world.pass(wait - 1);
        let early = world.fill(&SYMBOLS).await;
        assert_eq!((early.tasks_total, early.state.as_str()), (0, "succeeded"));
        assert_eq!(upstream.take_asked(), [], "rung {rung}: too early");
        world.pass(1);
        let run = world.fill(&SYMBOLS).await;
        assert_eq!((run.tasks_total, run.rows_written), (1, 0), "only B");
        let asked = upstream.take_asked();
        assert_eq!(asked.len(), 1, "both gaps in one request");
        assert_eq!(asked[0].symbol, symbol("B"));
        let gaps = world.store.gaps(Some("B"), false).await.unwrap();
        let count = i32::try_from(rung).unwrap() + 1;
        assert!(gaps.iter().all(|gap| gap.asked == count), "{gaps:?}");
        let is_last = rung == 5;
        assert!(gaps.iter().all(|gap| gap.next_ask_at.is_none() == is_last));
    }
    let closed = world.gaps("B", GapState::ConfirmedNoTrade).await;
    assert_eq!(closed, ["2026-11-16", "2026-11-18"]);
    world.pass(10_000);
    assert_eq!(world.fill(&SYMBOLS).await.tasks_total, 0, "never again");
    upstream.find_all();
    let (from, to) = (day("2026-11-16"), day("2026-11-18"));
    world.run(Assignment::Backfill { from, to }, &["B"]).await;
    let filled = world.gaps("B", GapState::Filled).await;
    assert_eq!(filled, ["2026-11-16", "2026-11-18"], "but a bar is a bar");
}

#[tokio::test]
async fn a_bar_that_comes_fills_its_gap_and_touches_nothing_else() {
    let clock = World::saturday();
    let upstream = Holey::new("XNYS", "NYQ", clock.clone());
    upstream.lose("A", &["2026-02-10", "2026-11-18"]);
    let world = World::new(upstream.clone(), clock).await;
    world.bars(&["A"]).await;
    let before = all(&world).await;
    upstream.take_asked();
    upstream.find_all();
    upstream.change("2026-02-11");
    world.pass(1);
    let run = world.fill(&["A"]).await;
    assert_eq!((run.tasks_succeeded, run.tasks_total), (1, 1));
    let asked = upstream.take_asked();
    assert_eq!(asked.len(), 1, "one request for both");
    assert!(asked[0].from.to_string().starts_with("2026-02-0"));
    let filled = world.gaps("A", GapState::Filled).await;
    assert_eq!(filled, ["2026-02-10", "2026-11-18"]);
    let after = all(&world).await;
    assert_eq!(after.len(), before.len() + 2);
    let is_old = |bar: &&(Date, f64)| before.contains(bar);
    assert_eq!(after.iter().filter(is_old).count(), before.len());
    let again = world.fill(&["A"]).await;
    assert_eq!((again.tasks_total, again.rows_written), (0, 0));
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_climbs_the_ladder_as_any_other() {
    let clock = World::saturday();
    let upstream = Holey::new("XNYS", "NYQ", clock.clone());
    upstream.lose("A", &["2026-11-18"]);
    let world = World::new(upstream.clone(), clock).await;
    world.bars(&["A"]).await;
    let rungs = [
        (1, FaultClass::BadPayload),
        (6, FaultClass::NotFound),
        (24, FaultClass::BadPayload),
        (72, FaultClass::BadPayload),
        (168, FaultClass::BadPayload),
        (720, FaultClass::BadPayload),
    ];
    for (rung, (wait, class)) in rungs.into_iter().enumerate() {
        upstream.say(Some(class));
        world.pass(wait);
        let run = world.fill(&["A"]).await;
        assert_eq!(
            (run.tasks_failed, run.rows_written),
            (1, 0),
            "told as it is"
        );
        assert_eq!(world.fill(&["A"]).await.tasks_total, 0, "not asked at once");
        let gaps = world.store.gaps(Some("A"), false).await.unwrap();
        assert_eq!(gaps[0].asked, i32::try_from(rung).unwrap() + 1);
    }
    let closed = world.gaps("A", GapState::ConfirmedNoTrade).await;
    assert_eq!(closed, ["2026-11-18"], "not asked for ever");
}

#[tokio::test]
async fn an_outage_counts_as_no_ask_and_a_person_may_ask_too() {
    let clock = World::saturday();
    let upstream = Holey::new("XNYS", "NYQ", clock.clone());
    upstream.lose("A", &["2026-11-18"]);
    let world = World::new(upstream.clone(), clock).await;
    world.bars(&["A"]).await;
    world.pass(1);
    upstream.set_down(true);
    assert_eq!(world.fill(&["A"]).await.tasks_failed, 1);
    let gaps = world.store.gaps(Some("A"), true).await.unwrap();
    assert_eq!(gaps[0].asked, 0);
    upstream.set_down(false);
    upstream.find_all();
    let job = Assignment::Job(finstage::domain::JobKind::FillGaps);
    let run = world.run_by(RunOrigin::Manual, job, &["A", "B"]).await;
    assert_eq!((run.tasks_total, run.rows_written > 0), (1, true));
    assert_eq!(world.gaps("A", GapState::Filled).await, ["2026-11-18"]);
}

#[tokio::test]
async fn an_answer_on_another_scale_is_left_to_the_ordinary_way() {
    let clock = World::saturday();
    let upstream = Holey::new("XNYS", "NYQ", clock.clone());
    upstream.lose("A", &["2026-03-10"]);
    let world = World::new(upstream.clone(), clock).await;
    world.bars(&["A"]).await;
    let before = all(&world).await;
    upstream.find_all();
    upstream.rescale(0.5);
    world.pass(1);
    world.fill(&["A"]).await;
    let after = all(&world).await;
    assert_eq!(after.len(), before.len() + 1);
    for (date, close) in before {
        let now = after.iter().find(|(other, _)| *other == date).unwrap().1;
        assert!((now / close - 0.5).abs() < 1e-6, "{date}: {close} to {now}");
    }
    assert_eq!(world.gaps("A", GapState::Filled).await, ["2026-03-10"]);
}

async fn all(world: &World) -> Vec<(Date, f64)> {
    let (from, to) = (day("2000-01-01"), day("2100-01-01"));
    let bars = world.store.bars(&symbol("A"), from, to).await.unwrap();
    bars.iter()
        .map(|bar| (bar.trading_date, bar.close))
        .collect()
}
