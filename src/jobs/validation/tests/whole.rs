//! Rules about the answer as a whole: its live price, and what it is about.

use jiff::tz::TimeZone;

use super::{against, bar, chart, now, said, series};
use crate::domain::{Rule, Symbol};
use crate::jobs::validation::{Judgement, judge, other_instrument};
use crate::store::Instrument;
use crate::upstream::{Chart, LatestPrice};

fn priced(chart: Chart, price: f64, market_time: &str) -> Chart {
    Chart {
        price: Some(LatestPrice {
            previous_close: None,
            price,
            market_time: market_time.parse().unwrap(),
            day_high: None,
            day_low: None,
            day_volume: None,
        }),
        ..chart
    }
}

#[test]
fn v8_a_live_close_far_from_the_live_price_is_held_with_the_price() {
    let stored = series(&[10.0, 10.0]);
    let live = |close: f64, price: f64| {
        let bars = chart(vec![bar(1, 10.0), bar(2, close)]);
        let mut chart = priced(bars, price, "2026-01-03T15:00:00Z");
        judge(&mut chart, &against(&stored))
    };
    assert_eq!(live(10.0, 12.4), Judgement::default());
    let judgement = live(14.0, 10.5);
    let [held] = judgement.flagged.as_slice() else {
        panic!("{judgement:?}")
    };
    assert_eq!(held.rule, Rule::Live);
    assert_eq!(held.reason, "close 14 is +33.3 % off the live price 10.5");
    let quote = judgement.doubtful_quote.unwrap();
    assert_eq!(quote, "V8: close 14 is +33.3 % off the live price 10.5");
    // The bar of another day has nothing to do with it.
    let old = priced(
        chart(vec![bar(1, 10.0), bar(2, 10.0)]),
        20.0,
        "2026-01-06T15:00:00Z",
    );
    assert_eq!(said(old, &stored), [] as [String; 0]);
}

#[test]
fn a_quote_without_a_bar_is_held_against_the_newest_close() {
    let stored = series(&[10.0, 10.0]);
    let quote = |price: f64, at: &str| {
        let mut chart = priced(chart(vec![bar(1, 10.0)]), price, at);
        judge(&mut chart, &against(&stored)).doubtful_quote
    };
    assert_eq!(quote(14.0, "2026-01-05T15:00:00Z"), None);
    assert_eq!(
        quote(1_000.0, "2026-01-05T15:00:00Z").as_deref(),
        Some("V5: price 1000 is 100.0000 times the close 10 of 2026-01-02")
    );
    assert_eq!(quote(1_000.0, "2026-03-05T15:00:00Z"), None, "too long ago");
}

#[test]
fn v9_an_answer_about_something_else_is_refused() {
    let symbol = Symbol::try_new("X").unwrap();
    let recorded = Instrument {
        currency: Some("USD".into()),
        timezone: "America/New_York".into(),
        ..Instrument::default()
    };
    let why = |chart: &Chart| other_instrument(chart, &symbol, Some(&recorded), now());
    let good = chart(series(&[10.0]));
    assert_eq!(why(&good), None);
    assert_eq!(other_instrument(&good, &symbol, None, now()), None);
    let zone = |name: &str| Chart {
        zone: TimeZone::get(name).unwrap(),
        ..good.clone()
    };
    let silent = Chart {
        currency: None,
        ..zone("US/Eastern")
    };
    assert_eq!(why(&silent), None, "another name of the same zone");
    assert_eq!(
        why(&zone("Europe/London")).as_deref(),
        Some("time zone `Europe/London` instead of `America/New_York`")
    );
    let pence = Chart {
        currency: Some("GBp".into()),
        ..good.clone()
    };
    assert_eq!(
        why(&pence).as_deref(),
        Some("currency `GBp` instead of `USD`")
    );
    let other = Chart {
        symbol: "XY".into(),
        ..good.clone()
    };
    assert_eq!(why(&other).as_deref(), Some("symbol `XY` instead of `X`"));
    let weekly = Chart {
        granularity: "1wk".into(),
        ..good
    };
    assert_eq!(
        why(&weekly).as_deref(),
        Some("rows of `1wk` instead of `1d`")
    );
}
