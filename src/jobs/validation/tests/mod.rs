//! Each rule on the smallest answer that breaks it; whole series are in `tests/data_quality`.

use jiff::civil::{Date, Weekday, date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::*;
use crate::domain::Hours;

mod whole;

const FIRST: Date = date(2026, 1, 1);

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A bar a day from the first of January; nothing is adjusted, high and low lie 1 % around.
fn series(closes: &[f64]) -> Vec<DailyBar> {
    let bars = (0_i64..).zip(closes).map(|(day, close)| bar(day, *close));
    bars.collect()
}

fn bar(day: i64, close: f64) -> DailyBar {
    DailyBar {
        trading_date: FIRST.saturating_add(day.days()),
        open: close,
        high: close * 1.01,
        low: close * 0.99,
        close,
        adj_close: Some(close),
        volume: Some(1_000),
        is_final: true,
    }
}

fn chart(bars: Vec<DailyBar>) -> Chart {
    let zone = TimeZone::get("America/New_York").unwrap();
    Chart {
        currency: Some("USD".into()),
        rows: bars.len(),
        bars,
        ..Chart::empty("yahoo", "X", zone)
    }
}

fn against(stored: &[DailyBar]) -> Against<'_> {
    Against {
        stored,
        believed: &[],
        instrument: None,
        sessions: None,
        now: now(),
    }
}

/// `day rule reason` of each row kept out, by day.
fn said(mut chart: Chart, stored: &[DailyBar]) -> Vec<String> {
    let rows = chart.bars.len();
    let judgement = judge(&mut chart, &against(stored));
    assert_eq!(
        rows,
        chart.bars.len() + judgement.flagged.len(),
        "none is lost"
    );
    let mut flagged = judgement.flagged;
    flagged.sort_by_key(|one| one.bar.trading_date);
    let told = flagged.iter().map(|one| {
        let day = one.bar.trading_date.since(FIRST).unwrap().get_days();
        format!("{day} {}: {}", one.rule, one.reason)
    });
    told.collect()
}

fn days(mut chart: Chart, stored: &[DailyBar]) -> Vec<i32> {
    let flagged = judge(&mut chart, &against(stored)).flagged;
    let days = flagged
        .iter()
        .map(|one| one.bar.trading_date.since(FIRST).unwrap().get_days());
    let mut days: Vec<i32> = days.collect();
    days.sort_unstable();
    days
}

#[test]
fn v3_a_date_that_has_not_come_or_lies_before_the_first_trade_is_kept_out() {
    let mut early = chart(series(&[10.0, 10.0, 10.0]));
    early.first_trade_date = Some(date(2026, 1, 2));
    assert_eq!(
        said(early, &[]),
        ["0 V3: 2026-01-01 is before the first trade on 2026-01-02"]
    );
    let late = chart(vec![bar(0, 10.0), bar(324, 10.0), bar(325, 10.0)]);
    assert_eq!(
        said(late, &[]),
        ["325 V3: 2026-11-22 has not come yet at the exchange"]
    );
}

#[test]
fn v4_a_bar_without_a_session_is_noted_and_kept() {
    let hours = Hours {
        open: time(9, 30, 0, 0),
        close: time(16, 0, 0, 0),
    };
    let weekdays = SessionCalendar::MONDAY_TO_FRIDAY;
    let market = SessionCalendar::new("XTEST", TimeZone::UTC, weekdays)
        .with_regular_hours(date(2015, 1, 1), hours);
    // Thursday to Saturday; and a Saturday before the tables begin.
    let mut chart = chart(series(&[10.0, 10.0, 10.0]));
    let old = date(1950, 1, 7);
    assert_eq!(old.weekday(), Weekday::Saturday);
    chart.bars.insert(
        0,
        DailyBar {
            trading_date: old,
            ..bar(0, 10.0)
        },
    );
    let against = Against {
        sessions: Some(&market),
        ..against(&[])
    };
    let judgement = judge(&mut chart, &against);
    assert_eq!(chart.bars.len(), 4);
    assert_eq!(judgement.kept_out().count(), 0);
    let [noted] = judgement.flagged.as_slice() else {
        panic!("{judgement:?}")
    };
    assert_eq!(noted.rule, Rule::NoSession);
    assert_eq!(noted.reason, "2026-01-03 Saturday is no session of XTEST");
}

#[test]
fn v5_a_jump_is_held_and_the_next_row_is_compared_with_the_last_good_one() {
    let stored = series(&[10.0, 10.0]);
    let sent = vec![bar(1, 10.0), bar(2, 60.0), bar(3, 10.5), bar(4, 1.9)];
    assert_eq!(
        said(chart(sent), &stored),
        [
            "2 V5: close 60 is 6.0000 times the close 10 of 2026-01-02",
            "4 V5: close 1.9 is 0.1810 times the close 10.5 of 2026-01-04",
        ]
    );
    for (close, is_held) in [(50.0, false), (50.1, true), (2.0, false), (1.99, true)] {
        let sent = vec![bar(1, 10.0), bar(2, close)];
        assert_eq!(!said(chart(sent), &stored).is_empty(), is_held, "{close}");
    }
}

#[test]
fn v5_another_unit_is_named_and_never_becomes_a_fact() {
    for (close, unit) in [
        (1_020.0, true),
        (0.098, true),
        (10_400.0, true),
        (0.0101, true),
        (300.0, false),
    ] {
        let stored = series(&[10.0, 10.0]);
        let sent: Vec<DailyBar> = (1..8)
            .map(|day| bar(day, if day < 2 { 10.0 } else { close }))
            .collect();
        let said = said(chart(sent), &stored);
        assert_eq!(said.len(), if unit { 6 } else { 0 }, "{close}: {said:?}");
        if unit {
            assert!(said[0].ends_with(": unit mix-up"), "{said:?}");
        }
    }
}

#[test]
fn v5_three_sessions_on_a_new_level_make_it_a_fact() {
    let stored = series(&[10.0, 10.0]);
    let crash = [10.0, 1.0, 1.2, 0.9, 1.0];
    let sent = |until: usize| {
        let bars = (1_i64..).zip(&crash[..until]);
        chart(bars.map(|(day, close)| bar(day, *close)).collect())
    };
    assert_eq!(days(sent(2), &stored), [2]);
    assert_eq!(days(sent(3), &stored), [2, 3]);
    assert_eq!(days(sent(4), &stored), [] as [i32; 0]);
    assert_eq!(days(sent(5), &stored), [] as [i32; 0]);
    // Coming back within the run ends it.
    let sent = vec![bar(1, 10.0), bar(2, 1.0), bar(3, 1.1), bar(4, 9.0)];
    assert_eq!(days(chart(sent), &stored), [2, 3]);
}

#[test]
fn v5_one_bad_price_or_adjusted_close_of_a_row_is_enough() {
    let stored = series(&[10.0, 10.0]);
    let held = |row: DailyBar| said(chart(vec![bar(1, 10.0), row, bar(3, 10.0)]), &stored);
    let high = DailyBar {
        high: 1_010.0,
        ..bar(2, 10.0)
    };
    assert_eq!(
        held(high),
        ["2 V5: high 1010 is 101.0000 times the close 10"]
    );
    let adjusted = DailyBar {
        adj_close: Some(0.1),
        ..bar(2, 10.0)
    };
    assert_eq!(
        held(adjusted),
        ["2 V5: adjusted close 0.1 against 10 on 2026-01-02, while the close is 10 against 10"]
    );
    // The day of a crash opens at the old level.
    let crash = [
        bar(1, 10.0),
        DailyBar {
            open: 10.0,
            high: 10.0,
            ..bar(2, 1.5)
        },
        bar(3, 1.5),
        bar(4, 1.6),
    ];
    assert_eq!(said(chart(crash.to_vec()), &stored), [] as [String; 0]);
}

#[test]
fn v5_what_is_stored_for_a_date_was_accepted_before() {
    // Released by an operator: the level stands.
    let stored = series(&[10.0, 10.0, 1_000.0]);
    let sent = vec![bar(1, 10.0), bar(2, 1_000.0), bar(3, 1_010.0)];
    assert_eq!(days(chart(sent), &stored), [] as [i32; 0]);
    // But no bar is corrected by a factor.
    let stored = series(&[10.0, 10.0, 10.0]);
    let sent = vec![bar(0, 10.0), bar(1, 1_000.0), bar(2, 10.0)];
    assert_eq!(days(chart(sent), &stored), [1]);
}

#[test]
fn v5_a_first_answer_is_held_against_its_newest_long_stretch() {
    let mut closes = vec![10.0; 60];
    closes[0] = 1_000.0;
    closes[30] = 0.1;
    closes[59] = 1_000.0;
    assert_eq!(days(chart(series(&closes)), &[]), [0, 30, 59]);
    // Pence for pounds, a stretch in the middle.
    let mut closes = vec![10.0; 200];
    closes[100..140].fill(1_000.0);
    assert_eq!(
        days(chart(series(&closes)), &[]),
        (100..140).collect::<Vec<i32>>()
    );
    // A crash long ago.
    let mut closes = vec![100.0; 200];
    closes[100..].fill(9.0);
    assert_eq!(days(chart(series(&closes)), &[]), [] as [i32; 0]);
    assert_eq!(days(chart(series(&[5.0])), &[]), [] as [i32; 0]);
    let tall = DailyBar {
        high: 500.0,
        ..bar(0, 5.0)
    };
    assert_eq!(days(chart(vec![tall]), &[]), [0]);
}

#[test]
fn v6_a_split_that_the_prices_do_not_follow_is_held_until_they_do() {
    let stored = series(&[100.0, 100.0]);
    let split = |closes: &[f64], ratio: f64, day: i64| {
        let bars = (1_i64..).zip(closes).map(|(day, close)| bar(day, *close));
        let mut chart = chart(bars.collect());
        chart.splits = vec![(FIRST.saturating_add(day.days()), ratio)];
        chart
    };
    let told = said(split(&[100.0, 51.0], 2.0, 2), &stored);
    assert_eq!(
        told,
        [
            "2 V6: close 51 is 0.5100 times the close 100 of 2026-01-02, as the split 2:1 of \
             2026-01-03: missing split adjustment"
        ]
    );
    let lasting = [100.0, 51.0, 52.0, 50.0, 49.0, 51.0];
    assert_eq!(days(split(&lasting, 2.0, 2), &stored), [2, 3, 4, 5, 6]);
    // A few days from its date only very near to the ratio.
    assert_eq!(days(split(&[100.0, 51.0], 2.0, 6), &stored), [2]);
    assert_eq!(days(split(&[100.0, 55.0], 2.0, 6), &stored), [] as [i32; 0]);
    assert_eq!(
        days(split(&[100.0, 51.0], 2.0, 30), &stored),
        [] as [i32; 0]
    );
    // A wild day on the day of a split is the market's.
    for close in [60.0, 140.0, 100.0] {
        assert_eq!(
            days(split(&[100.0, close], 2.0, 2), &stored),
            [] as [i32; 0]
        );
    }
    assert_eq!(days(split(&[100.0, 1_010.0], 0.1, 2), &stored), [2]);
}
