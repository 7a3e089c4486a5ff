//! A symbol that is gone is told once, asked for once a week, and comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::{Cooldown, UpstreamSettings};
use finstage::domain::{Retry, RunOrigin, SymbolHealth};
use finstage::jobs::Assignment;
use finstage::simulator::{Options, Simulator};
use finstage::telemetry::Meter;
use finstage::upstream::{MarketData, Yahoo};
use jiff::SignedDuration;

use super::heard::Ear;
use super::world::World;
use crate::support::values::{at, symbol};

/// Monday, in the session.
const MONDAY: &str = "2026-11-16T15:00:00Z";

const BARS: Assignment = Assignment::Job(finstage::domain::JobKind::DailyBars);

/// A new process's client: it remembers nothing.
fn client(simulator: &Simulator, clock: &Clock) -> Arc<dyn MarketData> {
    let settings = UpstreamSettings {
        base_url: simulator.base_url(),
        max_rps: 5_000.0,
        burst: 100,
        concurrency: 1,
        user_agent: "finstage tests".to_owned(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        cooldown: Cooldown {
            initial: Duration::from_millis(2),
            max: Duration::from_millis(10),
        },
        retry: Retry {
            max_attempts: 1,
            initial_interval: Duration::from_millis(1),
            multiplier: 1.0,
            max_interval: Duration::from_millis(1),
            randomization_factor: 0.0,
        },
    };
    Arc::new(Yahoo::new(&settings, clock.clone(), Meter::default()).unwrap())
}

async fn world() -> (Simulator, World) {
    let clock = Clock::starting_at(at(MONDAY));
    let simulator = Simulator::start(Options::default(), clock.clone())
        .await
        .unwrap();
    let world = World::new(client(&simulator, &clock), clock).await;
    (simulator, world)
}

#[tokio::test]
async fn five_not_found_on_three_days_beside_a_witness_is_delisted_and_then_asked_weekly() {
    let (ear, _guard) = Ear::listen();
    let (simulator, mut world) = world().await;
    let gone = symbol("NOTFOUND1");
    for (runs, is_delisted) in [(2, false), (2, false), (1, true)] {
        for _ in 0..runs {
            let run = world.run(BARS, &["NOTFOUND1", "AAPL"]).await;
            assert_eq!((run.tasks_failed, run.tasks_succeeded), (1, 1));
        }
        let health = world.store.health(&gone).await.unwrap();
        assert_eq!(health.delisted_at.is_some(), is_delisted, "{health:?}");
        world.pass(24);
        world.restart(client(&simulator, &world.clock));
    }
    let told = ear.heard("data.symbol_delisted");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["task.symbol"], "NOTFOUND1");
    assert_eq!(
        (&*told[0]["not_found"], &*told[0]["trading_days"]),
        ("5", "3")
    );
    let run = world.run(BARS, &["NOTFOUND1", "AAPL"]).await;
    assert_eq!(
        (run.tasks_total, run.state.as_str()),
        (1, "succeeded"),
        "left alone"
    );
    let manual = world.run_by(RunOrigin::Manual, BARS, &["NOTFOUND1"]).await;
    assert_eq!(manual.tasks_total, 1, "but a person is obeyed");
    world.pass(8 * 24);
    let run = world.run(BARS, &["NOTFOUND1", "AAPL"]).await;
    assert_eq!(run.tasks_total, 2, "a week later");
    let run = world.run(BARS, &["NOTFOUND1", "AAPL"]).await;
    assert_eq!(run.tasks_total, 1, "once");
    assert_eq!(ear.heard("data.symbol_delisted").len(), 1);
    simulator.stop().await;
}

#[tokio::test]
async fn without_a_witness_or_on_a_weekend_nobody_is_blamed() {
    let (simulator, mut world) = world().await;
    for _ in 0..6 {
        world.run(BARS, &["NOTFOUND1"]).await;
        world.pass(24);
        world.restart(client(&simulator, &world.clock));
    }
    let health = world.store.health(&symbol("NOTFOUND1")).await.unwrap();
    assert_eq!(health, SymbolHealth::default(), "nobody else answered");
    assert_eq!(world.clock.now().strftime("%A").to_string(), "Sunday");
    world.run(BARS, &["AAPL", "NOTFOUND1"]).await;
    let health = world.store.health(&symbol("NOTFOUND1")).await.unwrap();
    assert_eq!(health.not_found_count, 0, "no trading day");
    simulator.stop().await;
}

#[tokio::test]
async fn a_symbol_that_answers_again_is_as_new() {
    let (ear, _guard) = Ear::listen();
    let (simulator, world) = world().await;
    let now = world.clock.now();
    let long_ago = now - SignedDuration::from_hours(24 * 9);
    let delisted = SymbolHealth {
        not_found_count: 5,
        not_found_days: 3,
        not_found_since: Some(long_ago),
        delisted_at: Some(long_ago),
        asked_at: Some(long_ago),
        ..SymbolHealth::default()
    };
    let apple = symbol("AAPL");
    world
        .store
        .save_health(&apple, &delisted, now)
        .await
        .unwrap();
    let run = world.run(BARS, &["AAPL"]).await;
    assert_eq!(run.tasks_succeeded, 1);
    let health = world.store.health(&apple).await.unwrap();
    let well = SymbolHealth {
        calendar: Some("XNYS".to_owned()),
        ..SymbolHealth::default()
    };
    assert_eq!(health, well);
    assert_eq!(ear.heard("data.symbol_returned").len(), 1);
    simulator.stop().await;
}
