//! A provider that publishes in the evening lacks nothing in the afternoon.

use std::sync::Arc;

use finstage::clock::Clock;
use finstage::config::Secret;
use finstage::domain::{GapState, Provider, Providers};
use finstage::simulator::{Options, Simulator};
use finstage::telemetry::Meter;
use finstage::upstream::{Chain, Tiingo, Yahoo};

use super::heard::Ear;
use super::presence::settings;
use super::world::World;
use crate::support::values::at;

/// Thursday, half past five in the afternoon in New York: Yahoo's bars are final.
const THURSDAY: &str = "2026-11-19T22:30:00Z";

const SHARES: [&str; 4] = ["AAPL", "MSFT", "BRK-B", "SPY"];

#[tokio::test]
async fn no_gap_is_seen_before_the_evening_in_which_the_bar_is_published() {
    let (ear, _guard) = Ear::listen();
    let clock = Clock::starting_at(at(THURSDAY));
    let simulator = Simulator::start(Options::default(), clock.clone())
        .await
        .unwrap();
    let (settings, key) = (settings(&simulator), Secret::new("made-up".to_owned()));
    let yahoo = Yahoo::new(&settings, clock.clone(), Meter::default()).unwrap();
    let tiingo = Tiingo::new(&settings, Some(&key), clock.clone(), Meter::default()).unwrap();
    let chain = Arc::new(Chain::new(vec![
        (Provider::Yahoo, Arc::new(yahoo)),
        (Provider::Tiingo, Arc::new(tiingo)),
    ]));
    let mut world = World::new(chain.clone(), clock).await;
    world.bars(&SHARES).await;
    let before = open(&world).await;
    // Yahoo is away from now on.
    world.providers = Providers::only(Provider::Tiingo);
    for (now, has_friday) in [
        ("2026-11-20T21:31:00Z", false),
        ("2026-11-20T22:45:00Z", false),
        ("2026-11-21T00:59:00Z", false),
        ("2026-11-21T01:29:00Z", true),
        ("2026-11-21T01:31:00Z", true),
    ] {
        world.clock.step(at(now).duration_since(world.clock.now()));
        world.restart(chain.clone());
        let run = world.bars(&SHARES).await;
        assert_eq!(run.tasks_failed, 0, "{now}");
        assert_eq!(open(&world).await, before, "{now}");
        let (from, to) = (at(THURSDAY).to_zoned(jiff::tz::TimeZone::UTC).date(), day());
        let apple = crate::support::values::symbol("AAPL");
        let finals = world.store.final_sessions(&apple, from, to).await.unwrap();
        assert_eq!(finals.contains(&day()), has_friday, "{now}");
    }
    assert_eq!(ear.heard("data.systemic_gap"), []);
    simulator.stop().await;
}

/// The Friday.
fn day() -> jiff::civil::Date {
    crate::support::values::day("2026-11-20")
}

async fn open(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for name in SHARES {
        let gaps = world.gaps(name, GapState::Open).await;
        all.extend(gaps.into_iter().map(|session| format!("{name} {session}")));
    }
    all
}
