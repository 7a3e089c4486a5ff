//! Choosing indicators: what is refused, and what identifies a choice.

use super::*;

#[test]
fn every_problem_is_told_at_once_and_with_a_remedy() {
    let parameters = Parameters {
        sma: vec![0, 20, 20, 1_001],
        ema: (2..20).collect(),
        rsi: Some(1),
        bollinger: Some((20, 2.0005)),
        macd: Some((26, 26, 9)),
        stochastic: Some((14, 0)),
        ..Parameters::none()
    };
    let problems = IndicatorSet::try_new(&parameters).unwrap_err();
    let mut texts: Vec<String> = problems.iter().map(SetProblem::to_string).collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        [
            "bollinger.deviations: 2.0005; allowed are 0.001 to 10, to three decimals",
            "ema: 18 periods; at most 8",
            "macd: slow (26) must be longer than fast (26)",
            "rsi: a period of 1 bars; allowed are 2 to 1000",
            "sma: 20 is named twice; name it once",
            "sma: a period of 0 bars; allowed are 2 to 1000",
            "sma: a period of 1001 bars; allowed are 2 to 1000",
            "stochastic.d: a period of 0 bars; allowed are 2 to 1000",
        ]
    );
    let nothing = IndicatorSet::try_new(&Parameters::none());
    assert_eq!(nothing, Err(vec![SetProblem::Empty]));
    for deviations in [0.0, -2.0, f64::NAN, f64::INFINITY, 10.5] {
        let parameters = Parameters {
            bollinger: Some((20, deviations)),
            ..Parameters::none()
        };
        assert!(IndicatorSet::try_new(&parameters).is_err(), "{deviations}");
    }
}

#[test]
fn the_default_set_is_the_one_that_was_promised() {
    let set = IndicatorSet::default();
    assert_eq!(
        IndicatorSet::try_new(&Parameters::default()).as_ref(),
        Ok(&set)
    );
    assert_eq!(
        set.identity(),
        "formulas=2;sma=5,20,50,60,200,300;ema=9,21,50;rsi=14;bollinger=20x2000m;macd=12/26/9;\
         stochastic=14/3;atr=14;adx=14;obv=yes;volume_sma=20;vwap=month"
    );
    assert_eq!(set.columns().len(), 25);
    assert_eq!(set.window(), 301);
}

#[test]
fn the_identity_is_of_the_choice_and_not_of_its_spelling() {
    let spelled = |sma: &[u32]| {
        IndicatorSet::try_new(&Parameters {
            sma: sma.to_vec(),
            ..Parameters::none()
        })
        .unwrap()
    };
    assert_eq!(spelled(&[20, 5]), spelled(&[5, 20]));
    assert_eq!(
        spelled(&[20, 5]).identity_hash(),
        spelled(&[5, 20]).identity_hash()
    );
    assert_ne!(
        spelled(&[20]).identity_hash(),
        spelled(&[21]).identity_hash()
    );
}

/// Each part of the default set by itself.
fn parts() -> Vec<Parameters> {
    let all = Parameters::default();
    let mut parts = vec![Parameters::none(); 11];
    parts[0].sma = all.sma;
    parts[1].ema = all.ema;
    parts[2].rsi = all.rsi;
    parts[3].bollinger = all.bollinger;
    parts[4].macd = all.macd;
    parts[5].stochastic = all.stochastic;
    parts[6].atr = all.atr;
    parts[7].adx = all.adx;
    parts[8].obv = all.obv;
    parts[9].volume_sma = all.volume_sma;
    parts[10].vwap = all.vwap;
    parts
}

#[test]
fn each_indicator_alone_has_the_values_it_has_among_all() {
    let bars = wild(5, 500);
    let full = IndicatorSet::default();
    let expected = rows(&full, &bars);
    let mut seen = 0;
    for parameters in parts() {
        let set = IndicatorSet::try_new(&parameters).unwrap();
        for (row, expected) in rows(&set, &bars).iter().zip(&expected) {
            assert!(
                row.signals()
                    .iter()
                    .all(|signal| expected.signals().contains(signal))
            );
            for (column, name) in set.columns().iter().enumerate() {
                let among = expected.get(full.column(name).unwrap());
                assert_eq!(
                    row.get(column).map(f64::to_bits),
                    among.map(f64::to_bits),
                    "{name}"
                );
            }
        }
        seen += set.columns().len();
    }
    assert_eq!(seen, full.columns().len());
}
