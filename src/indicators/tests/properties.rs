//! The same bits however one got there; nothing moved by what was refused or peeked.

use proptest::prelude::*;

use super::*;

fn resumed(set: &IndicatorSet, state: &Indicators, bars: &[Bar], until: usize) -> Indicators {
    let text = state.anchors().unwrap().to_text();
    assert!(text.len() < 1_024, "{} bytes", text.len());
    let anchors = Anchors::of_text(&text).unwrap();
    assert_eq!(anchors.count(), until as u64);
    let from = until.saturating_sub(set.window());
    Indicators::resume(set, &anchors, &bars[from..until]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    /// Any prefix, any split point, any restart.
    #[test]
    fn a_restart_anywhere_gives_the_same_bits(seed in any::<u64>(), split in 1_usize..900) {
        let set = IndicatorSet::default();
        let bars = wild(seed, 900);
        let whole = rows(&set, &bars);
        let mut state = Indicators::new(&set);
        for bar in &bars[..split] {
            state.push(bar).unwrap();
        }
        let mut resumed = resumed(&set, &state, &bars, split);
        prop_assert_eq!(state.row(), &whole[split - 1]);
        for (bar, expected) in bars[split..].iter().zip(&whole[split..]) {
            prop_assert_eq!(resumed.peek(bar).unwrap(), *expected);
            prop_assert_eq!(resumed.push(bar).unwrap(), expected);
        }
        prop_assert_eq!(resumed.anchors(), {
            let mut straight = Indicators::new(&set);
            for bar in &bars { straight.push(bar).unwrap(); }
            straight.anchors()
        });
    }

    #[test]
    fn a_refused_bar_and_a_peek_leave_the_state_bit_for_bit(seed in any::<u64>(), count in 1_usize..400) {
        let bars = wild(seed, count + 1);
        let mut state = Indicators::new(&IndicatorSet::default());
        for bar in &bars[..count] {
            state.push(bar).unwrap();
        }
        // Debug shows every float in full, and a missing value (NaN) as itself.
        let before = format!("{state:?}");
        let good = bars[count];
        let bad = [
            Bar { close: f64::NAN, ..good },
            Bar { high: f64::INFINITY, ..good },
            Bar { low: 0.0, ..good },
            Bar { close: -1.0, ..good },
            Bar { close: 1e-16, ..good },
            Bar { high: 1e19, ..good },
            Bar { high: good.low * 0.5, ..good },
            Bar { volume: Some(-1), ..good },
            Bar { at: bars[count - 1].at, ..good },
            Bar { at: bars[0].at, ..good },
        ];
        for bar in &bad {
            prop_assert!(state.peek(bar).is_err(), "{:?}", bar);
            prop_assert!(state.push(bar).is_err(), "{:?}", bar);
        }
        state.peek(&good).unwrap();
        let after = format!("{state:?}");
        prop_assert!(after == before, "the state moved");
    }

    /// A corrected bar: resumed before it and replayed, as if it had been right from the start.
    #[test]
    fn a_correction_is_a_rebuild(seed in any::<u64>(), at in 400_usize..780, price in 50.0_f64..200.0) {
        let set = IndicatorSet::default();
        let mut bars = wild(seed, 800);
        let mut state = Indicators::new(&set);
        for bar in &bars[..390] {
            state.push(bar).unwrap();
        }
        let mut replayed = resumed(&set, &state, &bars, 390);
        bars[at] = bar(at, price, price, price, 5);
        let whole = rows(&set, &bars);
        for (bar, expected) in bars[390..].iter().zip(&whole[390..]) {
            prop_assert_eq!(replayed.push(bar).unwrap(), expected);
        }
    }
}

#[test]
fn the_last_1_024_bars_are_enough_for_any_restart() {
    // The anchors lie anywhere in the last 1,024 bars that leaves a window before them.
    let set = IndicatorSet::default();
    let bars = wild(7, 3_000);
    let whole = rows(&set, &bars);
    let loaded = 3_000 - 1_024;
    let mut state = Indicators::new(&set);
    for (at, bar) in bars.iter().enumerate() {
        state.push(bar).unwrap();
        let before = at + 1;
        if before < loaded + set.window() || before % 97 != 0 {
            continue;
        }
        let anchors = state.anchors().unwrap();
        let mut again = Indicators::resume(&set, &anchors, &bars[loaded..before]).unwrap();
        for (bar, expected) in bars[before..].iter().zip(&whole[before..]) {
            assert_eq!(again.push(bar).unwrap(), expected);
        }
    }
}

#[test]
fn without_anchors_1_024_bars_come_near_but_not_to_the_last_bit() {
    // The reason for anchors, kept true: windows are exact, the EMA is not.
    let set = IndicatorSet::default();
    let bars = wild(11, 2_048);
    let whole = rows(&set, &bars);
    let late = rows(&set, &bars[1_024..]);
    let (last, whole) = (late.last().unwrap(), whole.last().unwrap());
    for (column, name) in set.columns().iter().enumerate() {
        let (a, b) = (last.get(column), whole.get(column));
        let windowed = name.starts_with("sma") || name.starts_with("bollinger");
        if windowed
            || ["stochastic_k", "stochastic_d", "volume_sma", "vwap"].contains(&name.as_str())
        {
            assert_eq!(a.map(f64::to_bits), b.map(f64::to_bits), "{name}");
        } else if name != "obv" {
            let (a, b) = (a.unwrap(), b.unwrap());
            assert!((a - b).abs() <= 1e-6 * b.abs(), "{name}: {a}, {b}");
        }
    }
    assert_ne!(last, whole, "then the anchors could go");
}

#[test]
fn bars_that_do_not_fit_the_anchors_are_refused_by_name() {
    let set = IndicatorSet::default();
    let bars = wild(3, 600);
    let mut state = Indicators::new(&set);
    for bar in &bars[..500] {
        state.push(bar).unwrap();
    }
    let anchors = state.anchors().unwrap();
    let resume = |bars: &[Bar]| Indicators::resume(&set, &anchors, bars).map(|_| ());
    assert_eq!(resume(&bars[100..500]), Ok(()));
    let few = ResumeError::Few {
        given: 100,
        needed: 301,
    };
    assert_eq!(resume(&bars[400..500]), Err(few));
    assert!(matches!(
        resume(&bars[100..501]),
        Err(ResumeError::End { .. })
    ));
    assert!(matches!(resume(&[]), Err(ResumeError::End { .. })));
    let mut corrected = bars[..500].to_vec();
    corrected[300].close *= 1.01;
    corrected[300].high = corrected[300].high.max(corrected[300].close);
    assert_eq!(resume(&corrected), Err(ResumeError::Changed));
    let fewer = Parameters {
        rsi: None,
        ..Parameters::default()
    };
    let other = IndicatorSet::try_new(&fewer).unwrap();
    let refused = Indicators::resume(&other, &anchors, &bars[..500]);
    assert_eq!(refused.err(), Some(ResumeError::Set));
    for text in ["", "anchors1", "anchors0 1 2", "anchors1 x"] {
        assert_eq!(Anchors::of_text(text), Err(ResumeError::Text));
    }
    let long = format!("{} 0", anchors.to_text());
    assert_eq!(Anchors::of_text(&long), Err(ResumeError::Text));
}
