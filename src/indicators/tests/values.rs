//! Values TA-Lib has no word on, and the edges of the range.

use super::*;

fn value(set: &IndicatorSet, row: &Row, name: &str) -> Option<f64> {
    row.get(set.column(name).unwrap())
}

#[test]
fn the_vwap_begins_anew_with_its_anchor_and_is_absent_before_volume() {
    // 2000-01-31 and 2000-02-01; a Monday and a Tuesday.
    let bars = [
        bar(28, 12.0, 9.0, 9.0, 0),
        bar(29, 12.0, 9.0, 9.0, 100),
        bar(30, 24.0, 18.0, 18.0, 300),
        bar(31, 9.0, 6.0, 6.0, 50),
    ];
    for (anchor, expected) in [
        ("month", [None, Some(10.0), Some(17.5), Some(7.0)]),
        ("week", [None, Some(10.0), Some(20.0), Some(6350.0 / 350.0)]),
        ("session", [None, Some(10.0), Some(20.0), Some(7.0)]),
        ("year", [None, Some(10.0), Some(17.5), Some(7350.0 / 450.0)]),
    ] {
        let parameters = Parameters {
            vwap: Some(anchor.parse().unwrap()),
            ..Parameters::none()
        };
        let set = IndicatorSet::try_new(&parameters).unwrap();
        let values: Vec<_> = rows(&set, &bars).iter().map(|row| row.get(0)).collect();
        assert_eq!(values, expected, "{anchor}");
    }
    assert!("decade".parse::<VwapAnchor>().is_err());
}

#[test]
fn a_bar_without_volume_counts_as_none() {
    let set = IndicatorSet::default();
    let bars = wild(9, 60);
    let absent: Vec<Bar> = bars
        .iter()
        .map(|bar| Bar {
            volume: None,
            ..*bar
        })
        .collect();
    let zero: Vec<Bar> = bars
        .iter()
        .map(|bar| Bar {
            volume: Some(0),
            ..*bar
        })
        .collect();
    assert_eq!(rows(&set, &absent), rows(&set, &zero));
    let row = &rows(&set, &zero)[59];
    assert_eq!(value(&set, row, "vwap"), None);
    assert_eq!(value(&set, row, "obv"), Some(0.0));
    assert_eq!(value(&set, row, "volume_sma"), Some(0.0));
}

#[test]
fn without_a_range_there_is_no_stochastic_and_the_rsi_is_50() {
    let set = IndicatorSet::default();
    let bars: Vec<Bar> = (0..40).map(|day| bar(day, 5.0, 5.0, 5.0, 1)).collect();
    let row = &rows(&set, &bars)[39];
    assert_eq!(value(&set, row, "stochastic_k"), None);
    assert_eq!(value(&set, row, "stochastic_d"), None);
    assert_eq!(value(&set, row, "rsi"), Some(50.0));
    assert_eq!(value(&set, row, "adx"), Some(0.0));
    assert_eq!(value(&set, row, "bollinger_upper"), Some(5.0));
    assert_eq!(value(&set, row, "macd"), Some(0.0));
}

#[test]
fn the_ends_of_the_price_range_are_exact() {
    let set = IndicatorSet::default();
    for price in [1e-15, 1e18, 123.456, 1e-6] {
        let bars: Vec<Bar> = (0..310)
            .map(|day| bar(day, price, price, price, 1))
            .collect();
        for row in &rows(&set, &bars)[299..] {
            for name in ["sma_5", "sma_300", "bollinger_middle", "ema_50"] {
                assert_eq!(value(&set, row, name), Some(price), "{name} {price}");
            }
        }
    }
}

#[test]
fn the_longest_periods_look_back_their_length() {
    let parameters = Parameters {
        sma: vec![2, 1_000],
        ema: vec![1_000],
        bollinger: Some((1_000, 2.5)),
        stochastic: Some((1_000, 3)),
        volume_sma: Some(1_000),
        ..Parameters::none()
    };
    let set = IndicatorSet::try_new(&parameters).unwrap();
    let prices: Vec<f64> = (1..=2_500_u32).map(f64::from).collect();
    let rows = rows(&set, &closes(&prices));
    assert_eq!(value(&set, &rows[998], "sma_1000"), None);
    assert_eq!(value(&set, &rows[999], "sma_1000"), Some(500.5));
    assert_eq!(value(&set, &rows[2_499], "sma_1000"), Some(2_000.5));
    assert_eq!(value(&set, &rows[999], "ema_1000"), Some(500.5));
    assert_eq!(value(&set, &rows[2_499], "volume_sma"), Some(100.0));
    // Lows are half the closes, highs half as much again.
    let k = 100.0 * (2_500.0 - 750.5) / (3_750.0 - 750.5);
    let ours = value(&set, &rows[2_499], "stochastic_k").unwrap();
    assert!((ours - k).abs() < 1e-12, "{ours}, {k}");
}

#[test]
fn a_daily_bar_begins_at_midnight_of_its_date() {
    let daily = crate::domain::DailyBar {
        trading_date: jiff::civil::date(2026, 11, 20),
        open: 1.0,
        high: 3.0,
        low: 1.0,
        close: 2.0,
        adj_close: Some(1.5),
        volume: None,
        is_final: true,
    };
    let bar = Bar::from(&daily);
    assert_eq!(bar.at.to_string(), "2026-11-20T00:00:00Z");
    assert_eq!((bar.session, bar.close), (daily.trading_date, 2.0));
}
