//! Refusals: everybody stops, one tries, nobody is failed for it.

use std::time::Duration;

use finstage::domain::FaultClass;
use finstage::upstream::Fault;
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
    let asked = upstream.ask_many(600, Duration::from_secs(2)).await;
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
    // A brake of 1 s, then cool-downs of 60 s and 120 s; the third probe finds the storm over.
    assert_eq!(probes, [1, 61]);
    let back = requests.iter().find(|(at, _)| *at >= until).unwrap().0;
    assert!(back < until + Duration::from_secs(5), "{back:?}");
    let pace = upstream.gate.pace_rps();
    assert!(pace >= 0.95 * 20.0, "it has not recovered: {pace}");
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
        .filter(|at| *at >= Duration::from_secs(1))
        .collect();
    assert_eq!(after.len(), 100);
    for window in after.windows(20 + 2 + 1) {
        let span = window[window.len() - 1].saturating_sub(window[0]);
        assert!(span >= Duration::from_secs(1), "23 starts within {span:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_among_answers_is_a_short_brake_and_half_the_pace() {
    let upstream = Upstream::new(&settings(), |at| {
        if (5_000..5_050).contains(&at.as_millis()) {
            Err(FaultClass::RateLimited)
        } else {
            Ok(())
        }
    });
    let mut asking = JoinSet::new();
    let all = upstream.clone();
    asking.spawn(async move { all.ask_many(110, Duration::from_secs(2)).await });
    upstream.sent(105).await;
    let asked = asking.join_next().await.unwrap().unwrap();
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    let starts = upstream.starts();
    let longest = starts
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .max();
    let brake = Duration::from_secs(1);
    assert!(
        (brake..brake + 2 * LATENCY).contains(&longest.unwrap()),
        "{longest:?}"
    );
    assert_eq!(upstream.gate.pace_rps(), 10.0);
    assert!(!upstream.gate.is_refusing(), "it was no block");
}

#[tokio::test(start_paused = true)]
async fn answers_to_requests_that_the_pace_did_not_hold_back_do_not_raise_it() {
    let upstream = Upstream::new(&settings(), |at| {
        if at.is_zero() {
            Err(FaultClass::RateLimited)
        } else {
            Ok(())
        }
    });
    let allowed = Duration::from_secs(2);
    for _ in 0..200 {
        assert_eq!(upstream.ask(symbol("A"), allowed).await.outcome, Ok(()));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(upstream.gate.pace_rps(), 10.0);
    upstream.ask_many(200, allowed).await;
    assert!(upstream.gate.pace_rps() >= 17.0);
}

#[tokio::test(start_paused = true)]
async fn the_probe_is_of_a_symbol_that_has_been_answered_for_before() {
    let mut settings = settings();
    settings.concurrency = 1;
    let upstream = Upstream::new(&settings, |at| {
        if (1..50).contains(&at.as_secs()) {
            Err(FaultClass::RateLimited)
        } else {
            Ok(())
        }
    });
    let allowed = Duration::from_secs(2);
    upstream.ask(symbol("GOOD"), allowed).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut asking = JoinSet::new();
    for name in ["NEW1", "NEW2", "NEW3", "GOOD", "NEW4"] {
        let (upstream, symbol) = (upstream.clone(), symbol(name));
        asking.spawn(async move { upstream.ask(symbol, allowed).await });
    }
    let asked = asking.join_all().await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    let expected = [
        "GOOD", "NEW1", "GOOD", "GOOD", "NEW1", "NEW2", "NEW3", "NEW4",
    ];
    assert_eq!(
        upstream.names(),
        expected,
        "two probes, then in order of arrival"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_good_symbol_whoever_is_next_probes() {
    let upstream = Upstream::new(&settings(), |at| {
        if at.is_zero() {
            Err(FaultClass::RateLimited)
        } else {
            Ok(())
        }
    });
    let asked = upstream.ask_many(3, Duration::from_secs(2)).await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    // The first two were refused; the first of them is in front again.
    assert_eq!(upstream.names(), ["S0", "S1", "S2", "S0", "S1"]);
    let brake = Duration::from_secs(1);
    assert!(upstream.starts()[3] >= brake, "nobody waited");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_waited_for() {
    for (after, cause) in [(7, "a brake"), (600, "a block")] {
        let after = Duration::from_secs(after);
        let upstream = Upstream::with(&settings(), move |_, at| {
            if at >= Duration::from_secs(5) && at < Duration::from_secs(5) + after {
                Err(Fault {
                    retry_after: Some(after),
                    ..Fault::new(FaultClass::RateLimited, "as told")
                })
            } else {
                Ok(())
            }
        });
        let asked = upstream.ask_many(120, Duration::from_secs(2)).await;
        assert!(asked.iter().all(|asked| asked.outcome.is_ok()), "{cause}");
        let starts = upstream.starts();
        let longest = starts
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]))
            .max();
        assert!(longest.unwrap() >= after, "{cause}: {longest:?}");
        let refused = upstream.requests();
        let refused = refused.iter().filter(|(_, verdict)| verdict.is_err());
        assert!(refused.count() <= 5, "{cause}: somebody did not wait");
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
    // The brake, then the cool-downs.
    assert_eq!(gaps, [1, 60, 120, 240, 480, 960, 1_800, 1_800]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cancelled_lets_another_one_try() {
    let upstream = Upstream::new(&settings(), |at| {
        if at < Duration::from_secs(1) {
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
