//! Upstreams with a limit nobody has told us: found, kept to, and tried again only now and then.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use finstage::domain::FaultClass;
use tokio::task::JoinSet;

use super::{Upstream, settings};
use crate::support::values::symbol;

/// What the upstreams here take, in requests a second.
const LIMIT: f64 = 20.0;

/// The time until the pace must have settled.
const SETTLING: Duration = Duration::from_mins(1);

/// How long they are asked.
const LENGTH: Duration = Duration::from_mins(6);

/// Whether a request so long after the start is let in.
type Limit = Box<dyn FnMut(Duration) -> bool + Send>;

/// Tokens that come at the limit's pace; at most `most` are saved up.
fn bucket(most: f64) -> Limit {
    let (mut tokens, mut last) = (most, Duration::ZERO);
    Box::new(move |at| {
        tokens = (tokens + at.saturating_sub(last).as_secs_f64() * LIMIT).min(most);
        last = at;
        let is_in = tokens >= 1.0;
        tokens -= f64::from(u8::from(is_in));
        is_in
    })
}

/// No more than the limit within any second.
fn sliding() -> Limit {
    let mut recent: VecDeque<Duration> = VecDeque::new();
    Box::new(move |at| {
        recent.retain(|earlier| *earlier + Duration::from_secs(1) > at);
        let is_in = recent.len() < 20;
        if is_in {
            recent.push_back(at);
        }
        is_in
    })
}

/// No more than the limit within each second of the clock, refused ones counted.
fn fixed() -> Limit {
    let (mut second, mut count) = (0, 0);
    Box::new(move |at| {
        if at.as_secs() != second {
            (second, count) = (at.as_secs(), 0);
        }
        count += 1;
        count <= 20
    })
}

fn upstream(limit: Limit) -> Upstream {
    let mut settings = settings();
    settings.max_rps = 100.0;
    settings.concurrency = 10;
    let limit = Mutex::new(limit);
    Upstream::new(&settings, move |at| {
        if (limit.lock().unwrap())(at) {
            Ok(())
        } else {
            Err(FaultClass::RateLimited)
        }
    })
}

/// Asks for 500 symbols over and over; every single question must be answered.
async fn drive(upstream: &Upstream, length: Duration) {
    let mut symbols = JoinSet::new();
    for number in 0..500 {
        let (upstream, symbol) = (upstream.clone(), symbol(&format!("S{number}")));
        symbols.spawn(async move {
            while upstream.started.elapsed() < length {
                let asked = upstream.ask(symbol.clone(), Duration::from_secs(1)).await;
                assert_eq!(asked.outcome, Ok(()), "{symbol}");
            }
        });
    }
    symbols.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_limit_is_found_and_kept_to_with_hardly_a_refusal() {
    let limits: [(&str, Limit); 5] = [
        ("bucket of 3", bucket(3.0)),
        ("bucket of 5", bucket(5.0)),
        ("bucket of 20", bucket(20.0)),
        ("sliding second", sliding()),
        ("fixed second", fixed()),
    ];
    for (name, limit) in limits {
        let upstream = upstream(limit);
        drive(&upstream, LENGTH).await;
        let requests = upstream.requests();
        let refused = requests.iter().filter(|(_, told)| told.is_err()).count();
        let settled = requests
            .iter()
            .filter(|(at, told)| told.is_ok() && (SETTLING..LENGTH).contains(at))
            .count();
        let ideal = LIMIT * LENGTH.saturating_sub(SETTLING).as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let (part, refused_part) = (
            settled as f64 / ideal,
            refused as f64 / requests.len() as f64,
        );
        assert!(part >= 0.9, "{name}: {part:.3} of the ideal rate");
        assert!(refused_part <= 0.01, "{name}: {refused_part:.4} refused");
        assert!(!upstream.gate.is_refusing());
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_lifted_is_noticed_and_the_configured_pace_comes_back() {
    let lifted = Duration::from_mins(2);
    let mut limit = sliding();
    let upstream = upstream(Box::new(move |at| at >= lifted || limit(at)));
    drive(&upstream, lifted).await;
    assert!(upstream.gate.pace_rps() < 21.0);
    drive(&upstream, Duration::from_mins(7)).await;
    assert_eq!(upstream.gate.pace_rps(), 100.0);
}

#[tokio::test(start_paused = true)]
async fn refusals_at_random_slow_us_down_to_the_floor_and_no_further() {
    let mut state = 1_u64;
    let upstream = upstream(Box::new(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        !(state >> 33).is_multiple_of(4)
    }));
    let asked = upstream.ask_many(60, Duration::from_secs(1)).await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    assert!((0.1..1.0).contains(&upstream.gate.pace_rps()));
}
