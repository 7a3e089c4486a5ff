//! A symbol that is gone is told once, asked for once a week, and comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::{Cooldown, Secret, UpstreamSettings};
use finstage::domain::{JobKind, Provider, Providers, Retry, RunOrigin, Symbol, SymbolHealth};
use finstage::jobs::Assignment;
use finstage::simulator::{Options, Simulator};
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, Chain, Chart, ChartRequest, Fault, MarketData, Tiingo, Yahoo};
use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::heard::Ear;
use super::world::World;
use crate::support::values::{at, day, symbol};

/// Monday, in the session.
const MONDAY: &str = "2026-11-16T15:00:00Z";

const BARS: Assignment = Assignment::Job(JobKind::DailyBars);

/// No pace, no second try.
pub(super) fn settings(simulator: &Simulator) -> UpstreamSettings {
    UpstreamSettings {
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
    }
}

/// A new process's client: it remembers nothing.
fn client(simulator: &Simulator, clock: &Clock) -> Arc<dyn MarketData> {
    let settings = settings(simulator);
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
async fn without_a_witness_nobody_is_blamed_and_a_weekend_is_no_trading_day_of_its_own() {
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
    let told = (health.not_found_count, health.not_found_on);
    assert_eq!(told, (1, Some(day("2026-11-20"))), "it is Friday's");
    simulator.stop().await;
}

#[tokio::test]
async fn a_schedule_of_sundays_finds_a_symbol_gone_after_five_of_them() {
    let (ear, _guard) = Ear::listen();
    let (simulator, mut world) = world().await;
    world.pass(6 * 24);
    assert_eq!(world.clock.now().strftime("%A").to_string(), "Sunday");
    for sunday in 1..=5 {
        world.run(BARS, &["AAPL", "NOTFOUND1"]).await;
        let health = world.store.health(&symbol("NOTFOUND1")).await.unwrap();
        assert_eq!(
            (health.not_found_count, health.not_found_days),
            (sunday, sunday)
        );
        let told = ear.heard("data.symbol_delisted").len();
        assert_eq!(
            (health.delisted_at.is_some(), told == 1),
            (sunday == 5, sunday == 5)
        );
        world.pass(7 * 24);
        world.restart(client(&simulator, &world.clock));
    }
    simulator.stop().await;
}

#[tokio::test]
async fn a_pair_that_trades_every_day_has_its_weekend_even_if_only_quoted() {
    let (simulator, mut world) = world().await;
    let (quotes, pair) = (Assignment::Job(JobKind::Quotes), symbol("BTC-USD"));
    world.run(quotes, &["BTC-USD"]).await;
    assert_eq!(world.store.health(&pair).await.unwrap().calendar, None);
    // Friday to Sunday, and it is gone.
    world.pass(4 * 24);
    for gone in 1..=3 {
        world.restart(Arc::new(Without {
            upstream: client(&simulator, &world.clock),
            gone: pair.clone(),
        }));
        world.run(quotes, &["AAPL", "BTC-USD"]).await;
        let health = world.store.health(&pair).await.unwrap();
        assert_eq!(
            (health.not_found_count, health.not_found_days),
            (gone, gone)
        );
        world.pass(24);
    }
    simulator.stop().await;
}

/// An upstream that one symbol is gone from.
struct Without {
    upstream: Arc<dyn MarketData>,
    gone: Symbol,
}

#[async_trait::async_trait]
impl MarketData for Without {
    fn name(&self) -> &'static str {
        self.upstream.name()
    }

    fn origin(&self) -> String {
        self.upstream.origin()
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let mut request = request.clone();
        if request.symbol == self.gone {
            request.symbol = symbol("NOTFOUND1");
        }
        self.upstream.chart(&request, budget).await
    }
}

#[tokio::test]
async fn the_witness_is_one_of_the_same_provider() {
    let (simulator, mut world) = world().await;
    let tiingo = Simulator::start(Options::default(), world.clock.clone())
        .await
        .unwrap();
    let chain = |world: &World| -> Arc<dyn MarketData> {
        let key = Secret::new("made-up".to_owned());
        let (settings, clock) = (settings(&tiingo), world.clock.clone());
        let tiingo = Tiingo::new(&settings, Some(&key), clock, Meter::default()).unwrap();
        Arc::new(Chain::new(vec![
            (Provider::Yahoo, client(&simulator, &world.clock)),
            (Provider::Tiingo, Arc::new(tiingo)),
        ]))
    };
    world.providers = Providers::try_new(&[Provider::Yahoo, Provider::Tiingo]).unwrap();
    let gone = symbol("NOTFOUND1");
    // Yahoo knows nobody who was asked for; that Tiingo answers says nothing about Yahoo.
    world.restart(chain(&world));
    world.run(BARS, &["NOTFOUND1", "NOTFOUND2"]).await;
    world.providers = Providers::only(Provider::Tiingo);
    world.run(BARS, &["AAPL"]).await;
    let health = world.store.health(&gone).await.unwrap();
    assert_eq!(health.not_found_count, 0, "{health:?}");
    world.providers = Providers::only(Provider::Yahoo);
    world.run(BARS, &["AAPL"]).await;
    let health = world.store.health(&gone).await.unwrap();
    assert_eq!(health.not_found_count, 1, "it waited for Yahoo's");
    simulator.stop().await;
    tiingo.stop().await;
}

#[tokio::test]
async fn a_missing_key_of_a_fallback_hides_no_symbol_that_is_gone() {
    let (simulator, mut world) = world().await;
    let mut outside = settings(&simulator);
    outside.base_url = "https://api.tiingo.invalid".to_owned();
    let keyless = Tiingo::new(&outside, None, world.clock.clone(), Meter::default()).unwrap();
    let chain = Chain::new(vec![
        (Provider::Yahoo, client(&simulator, &world.clock)),
        (Provider::Tiingo, Arc::new(keyless)),
    ]);
    world.restart(Arc::new(chain));
    world.providers = Providers::try_new(&[Provider::Yahoo, Provider::Tiingo]).unwrap();
    world.run(BARS, &["NOTFOUND1", "AAPL"]).await;
    let health = world.store.health(&symbol("NOTFOUND1")).await.unwrap();
    assert_eq!(health.not_found_count, 1, "{health:?}");
    simulator.stop().await;
}

#[tokio::test]
async fn of_two_who_note_something_at_once_neither_is_lost() {
    let (simulator, world) = world().await;
    let (gone, now) = (symbol("GONE"), world.clock.now());
    let mut tasks = JoinSet::new();
    for number in 0..20_i8 {
        let (store, gone) = (world.store.clone(), gone.clone());
        tasks.spawn(async move {
            let change = |health: &SymbolHealth| match number {
                7 => SymbolHealth {
                    calendar: Some("XNYS".to_owned()),
                    ..health.clone()
                },
                _ => SymbolHealth {
                    not_found_count: health.not_found_count + 1,
                    ..health.clone()
                },
            };
            store.change_health(&gone, now, change).await.unwrap();
        });
    }
    tasks.join_all().await;
    let health = world.store.health(&gone).await.unwrap();
    assert_eq!(
        (health.not_found_count, health.calendar.as_deref()),
        (19, Some("XNYS"))
    );
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
        .change_health(&apple, now, |_| delisted.clone())
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
