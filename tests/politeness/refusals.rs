//! Refusals: everybody stops, one tries, nobody is failed for it.

use std::time::Duration;

use finstage::domain::FaultClass;
use tokio::task::JoinSet;

use super::{LATENCY, Upstream, settings};
use crate::support::values::symbol;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_is_sat_out_with_probes_only_and_nobody_is_failed() {
    let (from, until) = (Duration::from_secs(5), Duration::from_secs(5) + 3 * MINUTE);
    let upstream = Upstream::new(&settings(), move |at| {
        if at >= from && at < until {
            Err(FaultClass::RateLimited)
        } else {
            Ok(())
        }
    });
    let asked = upstream.ask_many(300, Duration::from_secs(2)).await;
    for asked in &asked {
        assert_eq!(asked.outcome, Ok(()));
    }
    let requests = upstream.requests();
    let refused: Vec<Duration> = requests
        .iter()
        .filter(|(_, verdict)| verdict.is_err())
        .map(|(at, _)| *at)
        .collect();
    // The first answer tells; whatever was sent before it came could not know.
    let known = refused[0] + LATENCY;
    let unaware = refused.iter().filter(|at| **at < known).count();
    assert!(unaware <= 5, "{unaware} in flight");
    let probes: Vec<u64> = refused[unaware..]
        .iter()
        .map(|at| at.saturating_sub(known).as_secs())
        .collect();
    // The cool-downs last 60 s and 120 s; the second probe finds the storm over.
    assert_eq!(probes, [60]);
    let rate_limited: u32 = asked.iter().map(|asked| asked.counts.rate_limited()).sum();
    assert_eq!(usize::try_from(rate_limited).unwrap(), refused.len());
    let calls: u32 = asked.iter().map(|asked| asked.counts.calls()).sum();
    assert_eq!(usize::try_from(calls).unwrap(), requests.len());
    let retries: u32 = asked.iter().map(|asked| asked.counts.retries()).sum();
    assert_eq!(usize::try_from(retries).unwrap(), refused.len());
}

#[tokio::test(start_paused = true)]
async fn after_a_cooldown_the_pace_is_kept_again() {
    let upstream = Upstream::new(&settings(), |at| {
        if at < Duration::from_secs(1) {
            Err(FaultClass::RateLimited)
        } else {
            Ok(())
        }
    });
    upstream.ask_many(100, Duration::from_secs(2)).await;
    let after: Vec<Duration> = upstream
        .starts()
        .into_iter()
        .filter(|at| *at > Duration::from_secs(30))
        .collect();
    assert_eq!(after.len(), 100);
    for window in after.windows(20 + 2 + 1) {
        let span = window[window.len() - 1].saturating_sub(window[0]);
        assert!(span >= Duration::from_secs(1), "23 starts within {span:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_blocked_cools_down_too_but_is_not_counted_as_a_429() {
    let upstream = Upstream::new(&settings(), |at| {
        if at < Duration::from_secs(30) {
            Err(FaultClass::Blocked)
        } else {
            Ok(())
        }
    });
    let asked = upstream.ask(symbol("A"), Duration::from_secs(2)).await;
    assert_eq!(asked.outcome, Ok(()));
    let counts = &asked.counts;
    assert_eq!(
        (counts.calls(), counts.retries(), counts.rate_limited()),
        (2, 1, 0)
    );
    assert!(asked.ended >= MINUTE, "{:?}", asked.ended);
}

#[tokio::test(start_paused = true)]
async fn a_question_refused_for_hours_fails_as_rate_limited_in_the_end() {
    let upstream = Upstream::new(&settings(), |_| Err(FaultClass::RateLimited));
    let asked = upstream.ask(symbol("A"), Duration::from_secs(2)).await;
    assert_eq!(asked.outcome.unwrap_err().class, FaultClass::RateLimited);
    let counts = &asked.counts;
    assert_eq!(
        (counts.calls(), counts.retries(), counts.rate_limited()),
        (9, 8, 9)
    );
    let gaps: Vec<u64> = upstream
        .starts()
        .windows(2)
        .map(|pair| (pair[1].saturating_sub(pair[0])).as_secs())
        .collect();
    assert_eq!(gaps, [60, 120, 240, 480, 960, 1_800, 1_800, 1_800]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cancelled_lets_another_one_try() {
    let upstream = Upstream::new(&settings(), |at| {
        if at < Duration::from_secs(10) {
            Err(FaultClass::RateLimited)
        } else {
            Ok(())
        }
    });
    let mut first = JoinSet::new();
    let (asking, name) = (upstream.clone(), symbol("A"));
    first.spawn(async move { asking.ask(name, Duration::from_secs(2)).await });
    upstream.sent(2).await;
    // Its probe is on the way now.
    let patience = Duration::from_secs(1);
    first.shutdown().await;
    let second = upstream.ask(symbol("B"), Duration::from_secs(2));
    let second = tokio::time::timeout(patience, second).await;
    assert_eq!(second.expect("nobody probed").outcome, Ok(()));
}
