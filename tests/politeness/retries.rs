//! Outages: asked again a few times, never past the task's time; other faults are not.

use std::time::Duration;

use finstage::domain::FaultClass;
use finstage::upstream::Fault;

use super::{LATENCY, Upstream, settings};
use crate::support::values::symbol;

#[tokio::test(start_paused = true)]
async fn an_outage_is_retried_as_often_as_allowed_and_no_more() {
    for most in [1, 2, 4, 7] {
        let mut settings = settings();
        settings.retry.max_attempts = most;
        let upstream = Upstream::new(&settings, |_| Err(FaultClass::Outage));
        let asked = upstream.ask(symbol("A"), Duration::from_hours(1)).await;
        assert_eq!(asked.outcome.unwrap_err().class, FaultClass::Outage);
        let counts = &asked.counts;
        assert_eq!((counts.calls(), counts.retries()), (most, most - 1));
        assert_eq!(counts.rate_limited(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_never_retried_past_the_tasks_time() {
    let mut settings = settings();
    settings.retry.max_attempts = 20;
    for allowed in [1, 3, 10, 60].map(Duration::from_secs) {
        let upstream = Upstream::new(&settings, |_| Err(FaultClass::Outage));
        let asked = upstream.ask(symbol("A"), allowed).await;
        let class = asked.outcome.unwrap_err().class;
        assert!([FaultClass::Outage, FaultClass::Timeout].contains(&class));
        // The pace's waits come on top, a twentieth of a second at most for each call.
        let waited = Duration::from_millis(50) * asked.counts.calls();
        assert!(
            asked.ended <= allowed + waited,
            "{:?} of {allowed:?}",
            asked.ended
        );
        assert!(upstream.starts().iter().all(|at| *at < allowed + waited));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_passes_is_not_seen_from_outside() {
    let upstream = Upstream::new(&settings(), |at| {
        if at < Duration::from_millis(600) {
            Err(FaultClass::Outage)
        } else {
            Ok(())
        }
    });
    let asked = upstream.ask_many(20, Duration::from_mins(1)).await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    assert!(asked.iter().any(|asked| asked.counts.retries() > 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_an_outage_and_is_retried() {
    let mut settings = settings();
    settings.request_timeout = LATENCY / 2;
    settings.retry.max_attempts = 3;
    let upstream = Upstream::new(&settings, |_| Ok(()));
    let asked = upstream.ask(symbol("A"), Duration::from_mins(1)).await;
    assert_eq!(asked.outcome.unwrap_err().class, FaultClass::Outage);
    assert_eq!(asked.counts.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_repeating_cannot_mend_is_told_at_once() {
    for class in FaultClass::ALL {
        let repeated = [
            FaultClass::Outage,
            FaultClass::RateLimited,
            FaultClass::Blocked,
        ];
        if repeated.contains(&class) {
            continue;
        }
        let upstream = Upstream::new(&settings(), move |_| Err(class));
        let asked = upstream.ask(symbol("A"), Duration::from_mins(1)).await;
        assert_eq!(asked.outcome.unwrap_err().class, class);
        assert_eq!((asked.counts.calls(), asked.counts.retries()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_probe_leaves_the_question_open() {
    let upstream = Upstream::new(&settings(), |at| match at.as_secs() {
        0..10 => Err(FaultClass::RateLimited),
        10..62 => Err(FaultClass::Outage),
        _ => Ok(()),
    });
    let asked = upstream.ask_many(30, Duration::from_mins(1)).await;
    assert!(asked.iter().all(|asked| asked.outcome.is_ok()));
    let before_the_end = upstream
        .requests()
        .iter()
        .filter(|(at, _)| (10..62).contains(&at.as_secs()))
        .count();
    // One at a time, each taking its latency: 2 s of outage hold no more than 20.
    assert!(before_the_end <= 20, "{before_the_end} probes");
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_says_when_to_come_back_is_left_alone_until_then() {
    let after = Duration::from_secs(90);
    let unwell = move |_: &_, at: Duration| {
        if at < after {
            Err(Fault {
                retry_after: Some(after),
                ..Fault::new(FaultClass::Outage, "as told")
            })
        } else {
            Ok(())
        }
    };
    let upstream = Upstream::with(&settings(), unwell);
    let asked = upstream.ask(symbol("A"), Duration::from_mins(5)).await;
    assert_eq!((asked.outcome, asked.counts.calls()), (Ok(()), 2));
    // No time left for that: it is told at once.
    let upstream = Upstream::with(&settings(), unwell);
    let asked = upstream.ask(symbol("A"), Duration::from_mins(1)).await;
    assert_eq!(asked.outcome.unwrap_err().class, FaultClass::Outage);
    assert_eq!((asked.counts.calls(), asked.ended), (1, LATENCY));
}
