//! Answers of every provider are kept for a moment, and so are quotes of batches.

use std::sync::Arc;
use std::time::Duration;

use finstage::cache::Settings;
use finstage::clock::Clock;
use finstage::domain::FaultClass;
use finstage::simulator::Options;
use finstage::telemetry::Meter;
use finstage::upstream::{
    Answers, Budget, Chart, ChartRequest, Fault, LatestRequest, MarketData, Said, Yahoo,
};
use jiff::SignedDuration;

use super::Market;
use crate::support::answering::Answering;
use crate::support::values::{at, symbol};

fn answers(clock: &Clock) -> (Answers, Option<Answers>) {
    let answers = Answers::new(&Settings::default(), clock.clone()).unwrap();
    (answers.clone(), Some(answers))
}

async fn ask(
    upstream: &dyn MarketData,
    name: &str,
    from: &str,
    clock: &Clock,
) -> (Result<Chart, Fault>, u32) {
    let request = ChartRequest {
        symbol: symbol(name),
        from: at(from),
        to: clock.now(),
    };
    let budget = Budget::starting_now(Duration::from_secs(30), Arc::default());
    let answer = upstream.chart(&request, &budget).await;
    (answer, budget.calls())
}

#[tokio::test]
async fn tiingo_and_binance_are_asked_the_same_question_once_and_anew_when_it_is_forgotten() {
    let market = Market::open(Options::default()).await;
    let (kept, some) = answers(&market.clock);
    let tiingo = market.tiingo().with_answers(some.clone());
    let binance = market.binance().with_answers(some);
    let all: [(&dyn MarketData, &str, u32); 2] = [(&tiingo, "AAPL", 1), (&binance, "BTC-USD", 5)];
    for (upstream, name, calls) in all {
        let from = "2014-01-01T00:00:00Z";
        let (first, sent) = ask(upstream, name, from, &market.clock).await;
        let first = first.unwrap();
        assert_eq!(sent, calls, "{name}");
        market.clock.step(SignedDuration::from_secs(5));
        let (again, sent) = ask(upstream, name, from, &market.clock).await;
        let again = again.unwrap();
        assert_eq!(sent, 0, "{name}");
        assert_eq!(again.bars, first.bars);
        assert_eq!((again.splits, again.price), (first.splits, first.price));
        upstream.forget(&symbol(name));
        market.clock.step(SignedDuration::from_secs(1));
        let (_, sent) = ask(upstream, name, from, &market.clock).await;
        assert_eq!(sent, calls, "{name}: forgotten");
        // That there is no such symbol is kept, too.
        let gone = if name == "AAPL" {
            "NOTFOUND1"
        } else {
            "NOTFOUND1-USD"
        };
        for calls in [1, 0] {
            let (answer, sent) = ask(upstream, gone, from, &market.clock).await;
            assert_eq!(
                (answer.unwrap_err().class, sent),
                (FaultClass::NotFound, calls)
            );
        }
    }
    assert_eq!(kept.counts().hits, 4);
}

#[tokio::test]
async fn a_quote_of_a_batch_is_kept_and_forgotten_as_a_chart_is() {
    let server = Answering::start(|before, _| {
        let price = 100 + before;
        let meta = format!(
            r#"{{"exchangeTimezoneName":"UTC","regularMarketPrice":{price},"regularMarketTime":7}}"#
        );
        let entry = format!(r#"{{"symbol":"A","response":[{{"meta":{meta}}}]}}"#);
        Some((
            200,
            format!(r#"{{"spark":{{"result":[{entry}],"error":null}}}}"#),
        ))
    })
    .await;
    let clock = Clock::starting_at(at(super::SATURDAY));
    let (_, some) = answers(&clock);
    let settings = super::fast(&server.base_url);
    let yahoo = Yahoo::new(&settings, clock.clone(), Meter::default()).unwrap();
    let yahoo = yahoo.with_spark().with_answers(some);
    let latest = async || {
        let request = LatestRequest {
            symbol: symbol("A"),
            zone: None,
        };
        let budget = Budget::starting_now(Duration::from_secs(30), Arc::default());
        let chart = yahoo.latest(&request, &budget).await.unwrap();
        (chart.price.unwrap().price, budget.heard().len())
    };
    assert_eq!(latest().await, (100.0, 1));
    clock.step(SignedDuration::from_secs(9));
    assert_eq!(latest().await, (100.0, 0), "kept, which nobody said now");
    yahoo.forget(&symbol("A"));
    clock.step(SignedDuration::from_secs(1));
    assert_eq!(latest().await, (101.0, 1));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn what_is_told_of_a_shelved_symbol_is_told_by_the_programs_clock() {
    let market = Market::open(Options::default()).await;
    market.clock.step(SignedDuration::from_hours(-24 * 300));
    let tiingo = market.tiingo();
    let from = "2014-01-01T00:00:00Z";
    for _ in 0..3 {
        let (answer, calls) = ask(&tiingo, "NOTFOUND1", from, &market.clock).await;
        assert_eq!(
            (answer.unwrap_err().class, calls),
            (FaultClass::NotFound, 1)
        );
    }
    let (answer, calls) = ask(&tiingo, "NOTFOUND1", from, &market.clock).await;
    let fault = answer.unwrap_err();
    assert_eq!(calls, 0);
    assert!(fault.message.contains("since 2026-01-25"), "{fault}");
}

#[tokio::test]
async fn a_request_of_its_own_is_what_is_heard() {
    let market = Market::open(Options::default()).await;
    let (_, some) = answers(&market.clock);
    let tiingo = market.tiingo().with_answers(some);
    let request = ChartRequest {
        symbol: symbol("AAPL"),
        from: at("2026-11-01T00:00:00Z"),
        to: market.clock.now(),
    };
    for heard in [&[("tiingo", Said::Known)][..], &[]] {
        let budget = Budget::starting_now(Duration::from_secs(30), Arc::default());
        tiingo.chart(&request, &budget).await.unwrap();
        assert_eq!(budget.heard(), heard);
    }
}
