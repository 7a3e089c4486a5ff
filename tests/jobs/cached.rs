//! Runs with a shared cache in front of the upstream: it may die, and no task does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::cache::{Backend, RemoteSettings, Settings};
use finstage::clock::Clock;
use finstage::domain::{JobKind, RunState, Symbol};
use finstage::simulator::{Options, Simulator};
use finstage::telemetry::Meter;
use finstage::upstream::{Answers, Budget, Chart, ChartRequest, Fault, MarketData, Yahoo, yahoo};

use super::world::{SATURDAY, World, fast};
use crate::support::redis::RedisServer;
use crate::support::values::at;

/// Another process on the same upstream and Redis, with a database of its own.
async fn process(simulator: &Simulator, remote: RemoteSettings, clock: &Clock) -> (World, Answers) {
    let settings = Settings {
        backend: Backend::Redis(remote),
        ttl: Duration::from_mins(1),
        ..Settings::default()
    };
    let answers = Answers::new(&settings, clock.clone()).unwrap();
    let upstream = fast(simulator.base_url());
    let yahoo = Yahoo::new(&upstream, clock.clone(), Meter::default()).unwrap();
    let yahoo = yahoo.with_answers(Some(answers.clone()));
    (World::new(Arc::new(yahoo), clock.clone()).await, answers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_fails_while_redis_is_killed_hung_and_started_again() {
    let mut server = RedisServer::start();
    let clock = Clock::starting_at(at(SATURDAY));
    let options = Options::default();
    let simulator = Simulator::start(options, clock.clone()).await.unwrap();
    let names: Vec<String> = (0..10).map(|number| format!("S{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let count = names.len() as u64;

    let (one, _) = process(&simulator, server.settings(), &clock).await;
    let run = one.run(JobKind::Quotes, &names).await;
    assert_eq!(
        (run.end.state, simulator.stats().requests),
        (RunState::Succeeded, count)
    );
    // A second process asks the upstream nothing.
    let (two, answers) = process(&simulator, server.settings(), &clock).await;
    let run = two.run(JobKind::Quotes, &names).await;
    assert_eq!(
        (run.end.state, simulator.stats().requests),
        (RunState::Succeeded, count)
    );
    assert_eq!((run.run.calls, answers.counts().hits), (0, count));

    for trouble in ["hung", "killed"] {
        let (mut world, answers) = process(&simulator, server.usual(), &clock).await;
        // Connected, so that it is cut off in the middle of its work.
        world.run(JobKind::Quotes, &["BEFORE"]).await;
        match trouble {
            "hung" => server.hang(),
            _ => server.kill(),
        }
        for job in [JobKind::Quotes, JobKind::DailyBars] {
            let begun = finstage::clock::monotonic();
            let run = world.run(job, &names).await;
            assert_eq!(
                run.end.state,
                RunState::Succeeded,
                "{trouble}: {:?}",
                run.told()
            );
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{:?}",
                begun.elapsed()
            );
            world.forget();
        }
        assert!(answers.counts().backend_errors > 0, "{trouble}");
        match trouble {
            "hung" => server.go_on(),
            _ => server.restart(),
        }
    }

    // And it is used again.
    let (last, _) = process(&simulator, server.settings(), &clock).await;
    last.run(JobKind::DailyBars, &names).await;
    let sent = simulator.stats().requests;
    let (after, answers) = process(&simulator, server.settings(), &clock).await;
    let run = after.run(JobKind::DailyBars, &names).await;
    assert_eq!(run.end.state, RunState::Succeeded);
    assert_eq!(
        (simulator.stats().requests, answers.counts().hits),
        (sent, count)
    );
    simulator.stop().await;
}

/// A series of twelve days that is halved from its second answer on.
#[derive(Default)]
struct Restating(Mutex<Vec<&'static str>>);

#[async_trait::async_trait]
impl MarketData for Restating {
    fn name(&self) -> &'static str {
        "restating"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    fn forget(&self, _: &Symbol) {
        self.0.lock().unwrap().push("forget");
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        let asked = {
            let mut deeds = self.0.lock().unwrap();
            deeds.push("ask");
            deeds.iter().filter(|deed| **deed == "ask").count()
        };
        let parts = if asked == 1 { 1 } else { 2 };
        let stamps: Vec<i64> = (0..12).map(|day| 1_794_182_400 + day * 86_400).collect();
        let prices: Vec<i64> = (50..62).map(|price| price * 2 / parts).collect();
        let body = format!(
            r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{}","dataGranularity":"1d",
            "exchangeTimezoneName":"UTC"}},"timestamp":{stamps:?},"indicators":{{"quote":[
            {{"open":{prices:?},"high":{prices:?},"low":{prices:?},"close":{prices:?},
            "volume":{prices:?}}}]}}}}],"error":null}}}}"#,
            request.symbol
        );
        yahoo::read(200, body.as_bytes(), request, request.to)
    }
}

#[tokio::test]
async fn a_restated_series_is_fetched_again_past_the_cache() {
    let upstream = Arc::new(Restating::default());
    let clock = Clock::starting_at(at(SATURDAY));
    let mut world = World::new(Arc::clone(&upstream) as Arc<dyn MarketData>, clock).await;
    world.run(JobKind::DailyBars, &["AAPL"]).await;
    assert_eq!(*upstream.0.lock().unwrap(), ["ask"]);
    world.forget();
    let run = world.run(JobKind::DailyBars, &["AAPL"]).await;
    assert_eq!(run.end.state, RunState::Succeeded, "{:?}", run.told());
    assert_eq!(*upstream.0.lock().unwrap(), ["ask", "ask", "forget", "ask"]);
    let closes: Vec<f64> = world
        .bars("AAPL")
        .await
        .iter()
        .map(|bar| bar.close)
        .collect();
    assert_eq!((closes.len(), closes[0]), (12, 50.0));
}
