//! Who is asked, in which order, and what a task is told when nobody could answer.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::config::{Cooldown, UpstreamSettings};
use crate::domain::{Providers, Retry};
use crate::upstream::Gate;
use FaultClass::{BadPayload, BadRequest, Blocked, NoData, NotFound, Outage, RateLimited, Timeout};
use Provider::{Tiingo, Yahoo};

/// What a provider says to each question: nothing wrong, a fault, or never anything.
#[derive(Clone, Copy)]
enum Says {
    Chart,
    Fault(FaultClass),
    Nothing,
    /// A cool-down of a minute that whoever is patient waits for.
    Cooling,
    /// Nothing, for want of a key.
    Keyless,
}

struct Scripted {
    name: &'static str,
    says: Mutex<Says>,
    /// Symbols that begin with this cannot be had.
    cannot: &'static str,
    asked: Mutex<HashMap<String, u32>>,
}

impl Scripted {
    fn asked(&self) -> u32 {
        self.asked.lock().unwrap().values().sum()
    }

    fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }
}

#[async_trait::async_trait]
impl MarketData for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    fn can_have(&self, symbol: &Symbol) -> bool {
        !symbol.as_str().starts_with(self.cannot)
    }

    fn lacks(&self) -> Option<Fault> {
        let is_keyless = matches!(*self.says.lock().unwrap(), Says::Keyless);
        is_keyless.then(|| Fault::new(Blocked, "no key"))
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let symbol = request.symbol.as_str().to_owned();
        *self.asked.lock().unwrap().entry(symbol).or_default() += 1;
        let says = *self.says.lock().unwrap();
        match says {
            Says::Chart => Ok(chart(self.name)),
            Says::Fault(class) => Err(Fault::new(class, format!("{class} as told"))),
            Says::Keyless => unreachable!("asked without a key"),
            Says::Nothing => {
                tokio::time::sleep_until(budget.deadline()).await;
                Err(Fault::new(Timeout, "no time left"))
            }
            Says::Cooling => {
                let minute = Duration::from_mins(1);
                if budget.patience().is_some_and(|patience| patience < minute) {
                    return Err(Fault::new(RateLimited, "refused for a minute"));
                }
                tokio::time::sleep(minute).await;
                budget.add_wait(minute);
                Ok(chart(self.name))
            }
        }
    }
}

/// Two requests a second, one try, a cool-down of a minute.
fn settings() -> UpstreamSettings {
    let second = Duration::from_secs(1);
    UpstreamSettings {
        base_url: "http://127.0.0.1".to_owned(),
        max_rps: 2.0,
        burst: 1,
        concurrency: 2,
        user_agent: "tests".to_owned(),
        connect_timeout: second,
        request_timeout: second * 20,
        cooldown: Cooldown {
            initial: second * 60,
            max: second * 60,
        },
        retry: Retry {
            max_attempts: 1,
            initial_interval: second,
            multiplier: 1.0,
            max_interval: second,
            randomization_factor: 0.0,
        },
    }
}

fn chart(source: &'static str) -> Chart {
    Chart::empty(source, "X", TimeZone::UTC)
}

struct Stage {
    yahoo: Arc<Scripted>,
    tiingo: Arc<Scripted>,
    chain: Chain,
}

fn stage(yahoo: Says, tiingo: Says) -> Stage {
    let scripted = |name, says, cannot| {
        Arc::new(Scripted {
            name,
            says: Mutex::new(says),
            cannot,
            asked: Mutex::default(),
        })
    };
    let (yahoo, tiingo) = (
        scripted("yahoo", yahoo, "~"),
        scripted("tiingo", tiingo, "^"),
    );
    let chain = Chain::new(vec![
        (Yahoo, Arc::clone(&yahoo) as Arc<dyn MarketData>),
        (Tiingo, Arc::clone(&tiingo) as Arc<dyn MarketData>),
    ]);
    Stage {
        yahoo,
        tiingo,
        chain,
    }
}

impl Stage {
    async fn ask(&self, symbol: &str, days: i64, order: &[Provider]) -> Result<Chart, Fault> {
        let to = Timestamp::from_second(1_790_000_000).unwrap();
        let request = ChartRequest {
            symbol: Symbol::try_new(symbol).unwrap(),
            from: to - SignedDuration::from_hours(24 * days),
            to,
        };
        let budget = Budget::starting_now(Duration::from_secs(40), Arc::default())
            .asking(Providers::try_new(order).unwrap());
        self.chain.chart(&request, &budget).await
    }

    /// `SOURCE` or `CLASS`, and how often each provider was asked.
    async fn told(&self, symbol: &str, days: i64) -> (String, u32, u32) {
        let outcome = self.ask(symbol, days, &[Yahoo, Tiingo]).await;
        let word = match outcome {
            Ok(chart) => chart.source.to_owned(),
            Err(fault) => fault.class.to_string(),
        };
        (word, self.yahoo.asked(), self.tiingo.asked())
    }
}

#[tokio::test(start_paused = true)]
async fn each_answer_of_the_first_provider_leads_where_the_table_says() {
    use Says::{Chart, Cooling, Keyless, Nothing};
    let fault = Says::Fault;
    // First and second provider, days of the window: who answers or the class, how often asked.
    for (first, second, days, expected) in [
        (Chart, Chart, 10, ("yahoo", 1, 0)),
        (fault(Outage), Chart, 10, ("tiingo", 1, 1)),
        (fault(Blocked), Chart, 10, ("tiingo", 1, 1)),
        (fault(BadPayload), Chart, 10, ("tiingo", 1, 1)),
        (fault(NotFound), Chart, 10, ("tiingo", 1, 1)),
        (Nothing, Chart, 10, ("tiingo", 1, 1)),
        (Cooling, Chart, 10, ("tiingo", 1, 1)),
        (fault(NoData), Chart, 10, ("no_data", 1, 0)),
        (fault(NoData), Chart, 3_650, ("tiingo", 1, 1)),
        (fault(BadRequest), Chart, 10, ("bad_request", 1, 0)),
        (fault(NotFound), fault(NotFound), 10, ("not_found", 1, 1)),
        (fault(NotFound), fault(Outage), 10, ("outage", 1, 1)),
        (fault(Outage), fault(NotFound), 10, ("outage", 1, 1)),
        (fault(Blocked), fault(Outage), 10, ("blocked", 1, 1)),
        (fault(Outage), fault(NoData), 10, ("outage", 1, 1)),
        // Nobody else can: the cool-down is waited for after all.
        (Cooling, fault(NotFound), 10, ("yahoo", 2, 1)),
        (fault(NotFound), Cooling, 10, ("tiingo", 1, 2)),
        (Nothing, Nothing, 10, ("timeout", 1, 1)),
        // One that lacks its key has no say.
        (fault(NotFound), Keyless, 10, ("not_found", 1, 0)),
        (Keyless, fault(NotFound), 10, ("not_found", 0, 1)),
        (Keyless, Chart, 10, ("tiingo", 0, 1)),
        (Keyless, Keyless, 10, ("blocked", 0, 0)),
    ] {
        let (word, yahoo, tiingo) = stage(first, second).told("AAPL", days).await;
        assert_eq!((word.as_str(), yahoo, tiingo), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_not_asked_for_a_symbol_it_cannot_have() {
    let stage = stage(Says::Fault(Outage), Says::Chart);
    assert_eq!(stage.told("^GSPC", 10).await, ("outage".to_owned(), 1, 0));
    let fault = stage.ask("^GSPC", 10, &[Tiingo]).await.unwrap_err();
    assert_eq!(fault.class, NotFound);
    assert!(fault.message.contains("(tiingo)"), "{fault}");
    assert_eq!(stage.tiingo.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_schedules_order_counts_and_who_is_not_named_is_not_asked() {
    let stage = stage(Says::Chart, Says::Chart);
    let source = |outcome: Result<Chart, Fault>| outcome.unwrap().source;
    assert_eq!(source(stage.ask("A", 10, &[Tiingo, Yahoo]).await), "tiingo");
    assert_eq!(source(stage.ask("A", 10, &[Yahoo]).await), "yahoo");
    stage.yahoo.say(Says::Fault(Outage));
    let alone = stage.ask("A", 10, &[Yahoo]).await.unwrap_err();
    assert_eq!((alone.class, stage.tiingo.asked()), (Outage, 1));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_passed_over_and_tried_again_by_one_task() {
    let stage = stage(Says::Fault(Outage), Says::Chart);
    for name in ["A", "B", "C", "D", "E", "F"] {
        let chart = stage.ask(name, 10, &[Yahoo, Tiingo]).await.unwrap();
        assert_eq!(chart.source, "tiingo");
    }
    assert_eq!(stage.yahoo.asked(), 3, "then it rested");
    stage.yahoo.say(Says::Chart);
    tokio::time::advance(Duration::from_secs(31)).await;
    let told = stage.told("A", 10).await;
    assert_eq!(told, ("yahoo".to_owned(), 4, 6));
    assert_eq!(stage.told("B", 10).await.0, "yahoo", "it is back");
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_leaves_its_share_of_the_time_to_the_next() {
    let stage = stage(Says::Nothing, Says::Chart);
    let started = clock::monotonic();
    let chart = stage.ask("A", 10, &[Yahoo, Tiingo]).await.unwrap();
    assert_eq!(chart.source, "tiingo");
    assert_eq!(started.elapsed(), Duration::from_secs(20), "half of 40 s");
}

#[tokio::test(start_paused = true)]
async fn when_nobody_answers_all_of_them_are_quoted() {
    let stage = stage(Says::Fault(NotFound), Says::Fault(Blocked));
    let fault = stage.ask("A", 10, &[Yahoo, Tiingo]).await.unwrap_err();
    assert_eq!(
        fault.message,
        "yahoo: not_found as told; tiingo: blocked as told"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_told_with_the_verdict_of_the_others() {
    let stage = stage(Says::Fault(NotFound), Says::Keyless);
    let fault = stage.ask("A", 10, &[Yahoo, Tiingo]).await.unwrap_err();
    assert_eq!(fault.message, "not_found as told; tiingo: no key");
    stage.yahoo.say(Says::Chart);
    assert!(stage.ask("A", 10, &[Yahoo, Tiingo]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_share_does_not_wait_for_a_cooldown_that_outlasts_it_and_the_whole_does() {
    let second = Duration::from_secs(1);
    let settings = UpstreamSettings {
        max_rps: 100.0,
        burst: 10,
        ..settings()
    };
    let gate = Gate::new("tests", &settings, crate::telemetry::Meter::default());
    let symbol = Symbol::try_new("A").unwrap();
    let whole = Budget::starting_now(Duration::from_secs(40), Arc::default());
    let refused = || async { Err::<(), _>(Fault::new(RateLimited, "429")) };
    let started = clock::monotonic();
    let share = whole.share(2);
    let fault = gate.ask(&symbol, "tests", &share, refused).await;
    assert_eq!(fault.unwrap_err().class, RateLimited);
    let fine = || async { Ok(()) };
    let fault = gate.ask(&symbol, "tests", &whole.share(1), fine).await;
    assert!(
        fault
            .unwrap_err()
            .message
            .contains("refuses us for another")
    );
    assert!(
        started.elapsed() <= second * 3,
        "waited for more than the brake"
    );
    gate.ask(&symbol, "tests", &whole, fine).await.unwrap();
    assert!(
        started.elapsed() >= second * 60,
        "alone it is worth waiting"
    );
    assert!(
        whole.deadline() >= started + second * 100,
        "and costs no time"
    );
}

/// A provider behind a gate of its own that refuses one request.
struct Gated {
    gate: Gate,
    /// How many requests went out before the one that is refused.
    refuses: u32,
    /// For how long, as its answer says.
    retry_after: Duration,
    sent: AtomicU32,
}

#[async_trait::async_trait]
impl MarketData for Gated {
    fn name(&self) -> &'static str {
        "yahoo"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let send = || async {
            if self.sent.fetch_add(1, Ordering::Relaxed) == self.refuses {
                return Err(Fault {
                    retry_after: Some(self.retry_after),
                    ..Fault::new(RateLimited, "429")
                });
            }
            Ok(chart("yahoo"))
        };
        self.gate.ask(&request.symbol, "tests", budget, send).await
    }
}

/// Who answers a queue of sixty of whom one is refused for so long. The queue alone takes thirty
/// seconds, and a task of sixty has a share of thirty.
async fn queue(retry_after: Duration) -> (usize, usize) {
    let gated = Gated {
        gate: Gate::new("yahoo", &settings(), crate::telemetry::Meter::default()),
        refuses: 5,
        retry_after,
        sent: AtomicU32::new(0),
    };
    let next = stage(Says::Chart, Says::Chart).tiingo;
    let chain = Arc::new(Chain::new(vec![
        (Yahoo, Arc::new(gated) as Arc<dyn MarketData>),
        (Tiingo, next as Arc<dyn MarketData>),
    ]));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60 {
        let chain = Arc::clone(&chain);
        tasks.spawn(async move {
            let to = Timestamp::from_second(1_790_000_000).unwrap();
            let request = ChartRequest {
                symbol: Symbol::try_new(&format!("S{number}")).unwrap(),
                from: to - SignedDuration::from_hours(240),
                to,
            };
            let budget = Budget::starting_now(Duration::from_mins(1), Arc::default())
                .asking(Providers::try_new(&[Yahoo, Tiingo]).unwrap());
            chain.chart(&request, &budget).await.unwrap().source
        });
    }
    let sources = tasks.join_all().await;
    let of = |name| sources.iter().filter(|source| **source == name).count();
    (of("yahoo"), of("tiingo"))
}

#[tokio::test(start_paused = true)]
async fn a_brake_does_not_send_the_queue_to_the_next_provider_and_a_block_does() {
    assert_eq!(queue(Duration::from_secs(5)).await, (60, 0));
    let (yahoo, tiingo) = queue(Duration::from_mins(10)).await;
    assert_eq!((yahoo, tiingo), (5, 55), "nobody waits ten minutes");
}
