//! Symbols the upstream does not know: asked for a few times, then left alone for a while.

use std::time::Duration;

use finstage::domain::FaultClass;
use finstage::upstream::Fault;

use super::{Asked, Upstream, settings};
use crate::support::values::symbol;

const ALLOWED: Duration = Duration::from_secs(2);
const HOUR: Duration = Duration::from_hours(1);

/// Knows all symbols but `GONE`, and that one after a while.
fn upstream(until: Duration) -> Upstream {
    Upstream::with(&settings(), move |symbol, at| {
        if symbol.as_str() == "GONE" && at < until {
            Err(Fault::new(FaultClass::NotFound, "as told"))
        } else {
            Ok(())
        }
    })
}

async fn ask(upstream: &Upstream, name: &str) -> Asked {
    upstream.ask(symbol(name), ALLOWED).await
}

#[tokio::test(start_paused = true)]
async fn a_symbol_not_found_three_times_in_a_row_costs_no_request_for_an_hour() {
    let upstream = upstream(Duration::MAX);
    for _ in 0..3 {
        let asked = ask(&upstream, "GONE").await;
        assert_eq!(asked.outcome.unwrap_err().message, "as told");
        assert_eq!(asked.counts.calls(), 1);
    }
    for _ in 0..100 {
        let asked = ask(&upstream, "GONE").await;
        let fault = asked.outcome.unwrap_err();
        assert_eq!(fault.class, FaultClass::NotFound);
        assert!(fault.message.contains("since 20"), "{}", fault.message);
        assert!(
            fault.message.contains("asked again after 20"),
            "{}",
            fault.message
        );
        assert_eq!(asked.counts.calls(), 0);
    }
    assert_eq!(ask(&upstream, "OTHER").await.outcome, Ok(()));
    assert_eq!(upstream.starts().len(), 4);
    for rest in [1, 2, 4] {
        tokio::time::advance((HOUR * rest).saturating_sub(Duration::from_mins(1))).await;
        assert_eq!(ask(&upstream, "GONE").await.counts.calls(), 0);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(ask(&upstream, "GONE").await.counts.calls(), 1, "{rest} h");
    }
}

#[tokio::test(start_paused = true)]
async fn one_answer_and_it_is_asked_for_as_any_other() {
    let upstream = upstream(HOUR);
    for _ in 0..3 {
        ask(&upstream, "GONE").await;
    }
    tokio::time::advance(HOUR).await;
    for _ in 0..3 {
        assert_eq!(ask(&upstream, "GONE").await.outcome, Ok(()));
    }
    assert_eq!(upstream.starts().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_or_an_outage_is_not_the_symbols_fault() {
    for class in [
        FaultClass::RateLimited,
        FaultClass::Blocked,
        FaultClass::Outage,
    ] {
        let mut settings = settings();
        settings.retry.max_attempts = 1;
        let upstream = Upstream::new(&settings, move |_| Err(class));
        for _ in 0..5 {
            let asked = ask(&upstream, "A").await;
            assert_eq!(asked.outcome.unwrap_err().class, class);
            assert!(asked.counts.calls() > 0);
        }
    }
}
