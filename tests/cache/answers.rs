//! The provider with its answers kept: one request for a question, and none for it within its time.

use std::sync::Arc;
use std::time::Duration;

use finstage::cache::{Backend, RemoteSettings, Settings};
use finstage::clock::Clock;
use finstage::config::{Cooldown, UpstreamSettings};
use finstage::domain::{FaultClass, Retry};
use finstage::simulator::{Options, Simulator};
use finstage::telemetry::Meter;
use finstage::upstream::{Answers, Budget, Chart, ChartRequest, Fault, MarketData, Yahoo};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::faults::log::Heard;
use crate::support::redis::RedisServer;
use crate::support::values::{at, symbol};

/// A Wednesday in the middle of New York's session, which ends at 21:00 UTC.
const WEDNESDAY: &str = "2026-01-21T20:00:00Z";

/// Yahoo's part played by the simulator, with a cache in front.
struct World {
    simulator: Simulator,
    yahoo: Arc<Yahoo>,
    answers: Answers,
    clock: Clock,
}

impl World {
    async fn at(now: &str, settings: &Settings) -> Self {
        crate::support::lines::listen();
        let clock = Clock::starting_at(at(now));
        let options = Options::default();
        let simulator = Simulator::start(options, clock.clone()).await.unwrap();
        let (yahoo, answers) = provider(&simulator, settings, &clock);
        Self {
            simulator,
            yahoo,
            answers,
            clock,
        }
    }

    fn requests(&self) -> u64 {
        self.simulator.stats().requests
    }

    /// The last days of `name`, until now.
    async fn ask(&self, name: &str) -> Result<Chart, Fault> {
        ask(&self.yahoo, name, self.clock.now()).await
    }
}

fn provider(simulator: &Simulator, settings: &Settings, clock: &Clock) -> (Arc<Yahoo>, Answers) {
    let answers = Answers::new(settings, clock.clone()).unwrap();
    let upstream = upstream(simulator.base_url());
    let yahoo = Yahoo::new(&upstream, clock.clone(), Meter::default()).unwrap();
    (Arc::new(yahoo.with_answers(Some(answers.clone()))), answers)
}

async fn ask(yahoo: &Yahoo, name: &str, now: Timestamp) -> Result<Chart, Fault> {
    let budget = Budget::starting_now(Duration::from_secs(20), Arc::default());
    let request = ChartRequest {
        symbol: symbol(name),
        from: now - SignedDuration::from_hours(16 * 24),
        to: now,
    };
    yahoo.chart(&request, &budget).await
}

fn upstream(base_url: String) -> UpstreamSettings {
    UpstreamSettings {
        base_url,
        max_rps: 5_000.0,
        burst: 100,
        concurrency: 8,
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
            multiplier: 2.0,
            max_interval: Duration::from_millis(10),
            randomization_factor: 0.5,
        },
    }
}

#[tokio::test]
async fn the_same_question_of_many_within_its_time_is_one_request() {
    let world = World::at(WEDNESDAY, &Settings::default()).await;
    let mut readers = JoinSet::new();
    for number in 0..192 {
        let (yahoo, now) = (Arc::clone(&world.yahoo), world.clock.now());
        // The window's ends move with the asking.
        let now = now + SignedDuration::from_millis(10 * number);
        readers.spawn(async move { ask(&yahoo, "AAPL", now).await.unwrap() });
    }
    let charts = readers.join_all().await;
    assert_eq!(world.requests(), 1);
    for chart in &charts {
        assert_eq!(
            (&chart.bars, chart.price),
            (&charts[0].bars, charts[0].price)
        );
    }
    let counts = world.answers.counts();
    assert_eq!((counts.loads, counts.hits + counts.shared), (1, 191));
    world.ask("MSFT").await.unwrap();
    assert_eq!(world.requests(), 2, "another symbol is another question");
    world.simulator.stop().await;
}

#[tokio::test]
async fn an_answer_from_the_cache_is_what_the_upstream_would_have_sent() {
    let world = World::at(WEDNESDAY, &Settings::default()).await;
    let (bare, _) = provider(&world.simulator, &Settings::default(), &world.clock);
    for name in ["AAPL", "^GSPC", "005930.KS", "EURUSD=X", "BADROW1"] {
        world.ask(name).await.unwrap();
        let kept = world.ask(name).await.unwrap();
        let sent = ask(&bare, name, world.clock.now()).await.unwrap();
        assert_eq!(
            (kept.bars, kept.rejected),
            (sent.bars, sent.rejected),
            "{name}"
        );
        assert_eq!((kept.symbol, kept.currency), (sent.symbol, sent.currency));
    }
    assert_eq!(world.answers.counts().hits, 5);
    world.simulator.stop().await;
}

#[tokio::test]
async fn an_unknown_symbol_is_asked_for_once_and_no_other_fault_is_kept() {
    let world = World::at(WEDNESDAY, &Settings::default()).await;
    for _ in 0..5 {
        let fault = world.ask("NOTFOUND1").await.unwrap_err();
        assert_eq!(fault.class, FaultClass::NotFound);
        assert!(!fault.message.is_empty());
    }
    assert_eq!(world.requests(), 1);
    assert_eq!(world.answers.counts().negative_hits, 4);
    for _ in 0..3 {
        let fault = world.ask("DEAD1").await.unwrap_err();
        assert_eq!(fault.class, FaultClass::NoData);
    }
    assert_eq!(world.requests(), 4);
    world.simulator.stop().await;
}

#[tokio::test]
async fn the_final_bar_never_comes_from_an_answer_of_before_the_session_settled() {
    // The session settles half an hour after its close: in five seconds.
    let world = World::at("2026-01-21T21:29:55Z", &Settings::default()).await;
    let forming = world.ask("AAPL").await.unwrap();
    let last = forming.bars.last().unwrap();
    assert_eq!(
        (last.trading_date, last.is_final),
        ("2026-01-21".parse().unwrap(), false)
    );
    // Another reader gets the same, and is told the same about it.
    let kept = world.ask("AAPL").await.unwrap();
    assert_eq!(
        (kept.bars.last(), kept.settles_at),
        (Some(last), forming.settles_at)
    );
    assert_eq!(world.requests(), 1);
    // The answer is a few seconds old and would be good for as long again.
    world.clock.step(SignedDuration::from_secs(5));
    let settled = world.ask("AAPL").await.unwrap();
    assert_eq!(world.requests(), 2);
    assert!(settled.bars.last().unwrap().is_final && settled.settles_at.is_none());
    world.simulator.stop().await;
}

#[tokio::test]
async fn after_a_restatement_the_same_window_is_asked_for_anew() {
    let world = World::at(WEDNESDAY, &Settings::default()).await;
    for name in ["AAPL", "MSFT"] {
        world.ask(name).await.unwrap();
    }
    world.yahoo.forget(&symbol("AAPL"));
    world.ask("AAPL").await.unwrap();
    assert_eq!(world.requests(), 3);
    for name in ["AAPL", "MSFT"] {
        world.ask(name).await.unwrap();
    }
    assert_eq!(
        world.requests(),
        3,
        "what came since is good, and so are other symbols"
    );
    world.simulator.stop().await;
}

#[tokio::test]
async fn when_allowed_an_old_answer_stands_in_for_a_dead_upstream_as_of_its_own_time() {
    for stale_if_error in [Duration::ZERO, Duration::from_mins(10)] {
        let settings = Settings {
            stale_if_error,
            // Old at once.
            ttl: Duration::ZERO,
            ..Settings::default()
        };
        let world = World::at(WEDNESDAY, &settings).await;
        let first = world.ask("AAPL").await.unwrap();
        world.simulator.stop().await;
        let later = ask(&world.yahoo, "AAPL", world.clock.now()).await;
        match later {
            Ok(old) => {
                assert!(!stale_if_error.is_zero());
                assert_eq!((old.price, old.bars), (first.price, first.bars));
            }
            Err(fault) => {
                assert!(stale_if_error.is_zero(), "{fault}");
                assert_eq!(fault.class, FaultClass::Outage);
            }
        }
    }
}

#[tokio::test]
async fn old_answers_that_stand_in_are_told_once_and_once_more_when_they_no_longer_do() {
    let settings = Settings {
        stale_if_error: Duration::from_mins(10),
        ttl: Duration::ZERO,
        ..Settings::default()
    };
    let world = World::at(WEDNESDAY, &settings).await;
    let heard = Heard::from_now_on();
    let told = || [heard.lines("FS4503").len(), heard.lines("FS4504").len()];
    for name in ["AAPL", "MSFT"] {
        ask(&world.yahoo, name, world.clock.now()).await.unwrap();
    }
    assert_eq!(told(), [0, 0]);
    let address = world.simulator.base_url().replace("http://", "");
    world.simulator.stop().await;
    for name in ["AAPL", "MSFT", "AAPL"] {
        ask(&world.yahoo, name, world.clock.now()).await.unwrap();
    }
    assert_eq!(told(), [1, 0], "{:#?}", heard.all());
    let options = Options {
        listen: address.parse().unwrap(),
        ..Options::default()
    };
    let back = Simulator::start(options, world.clock.clone()).await;
    let back = back.unwrap();
    for name in ["AAPL", "MSFT", "AAPL"] {
        ask(&world.yahoo, name, world.clock.now()).await.unwrap();
    }
    assert_eq!(told(), [1, 1], "{:#?}", heard.all());
    back.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_read_is_asked_for_anew() {
    let server = RedisServer::start();
    let settings = with(server.settings());
    let world = World::at(WEDNESDAY, &settings).await;
    world.ask("AAPL").await.unwrap();
    let keys = server.cli(&["KEYS", "finstage:1/chart/*"]);
    let key = keys.trim();
    assert_eq!(key.lines().count(), 1, "{keys}");
    // Damage the content and leave the header as it is.
    server.cli(&["SETRANGE", key, "60", "###"]);
    let (other, _) = provider(&world.simulator, &settings, &world.clock);
    let chart = ask(&other, "AAPL", world.clock.now()).await.unwrap();
    assert!(!chart.bars.is_empty());
    assert_eq!(world.requests(), 2);
    // And what was damaged is good again.
    let (third, _) = provider(&world.simulator, &settings, &world.clock);
    ask(&third, "AAPL", world.clock.now()).await.unwrap();
    assert_eq!(world.requests(), 2);
    world.simulator.stop().await;
}

fn with(remote: RemoteSettings) -> Settings {
    Settings {
        backend: Backend::Redis(remote),
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_prices_of_another_upstream_are_not_taken_for_ours() {
    let server = RedisServer::start();
    let settings = with(server.settings());
    let one = World::at(WEDNESDAY, &settings).await;
    let other = World::at(WEDNESDAY, &settings).await;
    one.ask("AAPL").await.unwrap();
    other.ask("AAPL").await.unwrap();
    assert_eq!((one.requests(), other.requests()), (1, 1));
    one.simulator.stop().await;
    other.simulator.stop().await;
}
