//! Which provider keeps a series, and what the others may do to it.
//!
//! Providers differ in the last digits, in dividend adjustments, in what they call a session's close.
//! So each series has one that keeps it, and its comparison with what is stored (restatements,
//! corrections) is made between bars of that provider only. For an answer of provider P:
//! - all stored final bars of the overlap are P's: P keeps the series, everything is as with one;
//! - some are of a provider that stands before P in the schedule's list, or not in it at all: P only
//!   fills. Final bars stay as they are, sessions without one are taken from P, and only when P
//!   agrees with the stored closes of the sessions both have: another unit, another currency or a
//!   split that one of them has not heard of is refused, never mixed in;
//! - the others are of providers behind P: P overwrites them. When fewer than three of its own are
//!   left to compare with, P takes the series over: all of it is fetched again.

use jiff::civil::Date;

use super::restatement::{AGREEING_CLOSES, Restatement, restatement};
use crate::domain::{DailyBar, FaultClass, Providers};
use crate::store::Known;
use crate::upstream::{Chart, Fault};

/// How far the closes of two providers may lie apart, relative, in the middle of the overlap: more
/// than they ever differ by (0.5 % for shares, 1 % for dollars against Tether), less than any split.
const AGREEMENT: f64 = 0.02;

/// Two closes this close are the same price; relative.
const SAME_PRICE: f64 = 0.005;

/// What an answer may do to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything an answer of the series' provider may.
    Keeps,
    /// Sessions without a final bar are filled, nothing else is touched.
    Fills,
    /// Everything, once all of the series is fetched from it.
    TakesOver,
}

/// Whose bars are stored, seen from the provider that answered.
#[derive(Debug)]
enum Stored {
    /// Its own, or so many of its own that they can be compared with: those.
    Own(Box<Known>),
    /// Those of a provider that comes before it.
    Others,
    /// Those of providers behind it.
    Theirs(String),
}

fn stored(source: &str, providers: Providers, known: &Known) -> Stored {
    let place = |name: &str| providers.place_of(name);
    let source_of = |index: usize| known.sources.get(index).map_or(source, String::as_str);
    let finals = || {
        let bars = known.bars.iter().enumerate();
        bars.filter(|(_, bar)| bar.is_final)
            .map(|(at, _)| source_of(at))
    };
    let mut foreign = finals().filter(|held| *held != source).peekable();
    let Some(theirs) = foreign.peek().map(|held| (*held).to_owned()) else {
        return Stored::Own(Box::new(known.clone()));
    };
    let comes_before = |held: &str| match (place(held), place(source)) {
        (Some(held), Some(own)) => held < own,
        _ => true,
    };
    if foreign.any(comes_before) {
        return Stored::Others;
    }
    if finals().filter(|held| *held == source).count() < AGREEING_CLOSES {
        return Stored::Theirs(theirs);
    }
    let own = |index: &usize| source_of(*index) == source;
    let kept = (0..known.bars.len()).filter(own);
    let bars = kept.filter_map(|index| known.bars.get(index).copied());
    Stored::Own(Box::new(Known {
        bars: bars.collect(),
        sources: Vec::new(),
        ..known.clone()
    }))
}

/// What the answer may do.
pub(super) fn standing(chart: &Chart, providers: Providers, known: &Known) -> Standing {
    match stored(chart.source, providers, known) {
        Stored::Others => Standing::Fills,
        Stored::Own(_) | Stored::Theirs(_) => Standing::Keeps,
    }
}

/// What the overlap tells about the series, and what the answer may do; a fault when it may fill
/// but does not fit.
pub(super) fn compare(
    chart: &Chart,
    providers: Providers,
    known: &Known,
) -> Result<(Restatement, Standing), Fault> {
    match stored(chart.source, providers, known) {
        Stored::Own(own) => Ok((restatement(chart, &own), Standing::Keeps)),
        Stored::Others => {
            fits(chart, known)?;
            Ok((Restatement::None, Standing::Fills))
        }
        Stored::Theirs(name) => {
            let reason = format!("{} takes over from {name}", chart.source);
            // Bars of a scale that no longer holds must go; else sessions only the other one
            // had are worth keeping.
            let verdict = if chart.splits.is_empty() {
                Restatement::Adjusted(reason)
            } else {
                Restatement::Prices(reason)
            };
            Ok((verdict, Standing::TakesOver))
        }
    }
}

/// Whether the answer's prices are on the scale of the stored ones: of those of its window, where
/// there are any, or of the newest.
pub(super) fn fits_window(chart: &Chart, known: &Known, stored: &[DailyBar]) -> Result<(), Fault> {
    if stored.iter().all(|bar| !bar.is_final) {
        return fits(chart, known);
    }
    let window = Known {
        bars: stored.to_vec(),
        ..known.clone()
    };
    fits(chart, &window)
}

/// Whether every session both have has another close: then the series was restated.
pub(super) fn is_on_another_scale(sent: &[DailyBar], stored: &[DailyBar]) -> bool {
    let mut differs = sent.iter().filter_map(|bar| {
        let at = stored
            .binary_search_by_key(&bar.trading_date, |old| old.trading_date)
            .ok()?;
        let old = stored.get(at).filter(|old| old.is_final)?;
        Some((bar.close / old.close - 1.0).abs() > SAME_PRICE)
    });
    differs
        .next()
        .is_some_and(|first| first && differs.all(|differs| differs))
}

/// Whether the answer's prices are on the scale of the newest stored ones.
fn fits(chart: &Chart, known: &Known) -> Result<(), Fault> {
    let refused = |reason: String| {
        let message = format!("{} cannot fill the series: {reason}", chart.source);
        Err(Fault::new(FaultClass::BadPayload, message))
    };
    let newest = known.bars.iter().map(|bar| bar.trading_date).max();
    let is_new = |date: &Date| newest.is_some_and(|newest| *date > newest);
    if let Some((date, ratio)) = chart.splits.iter().find(|(date, _)| is_new(date)) {
        return refused(format!(
            "the split {ratio}:1 of {date} has to be told by its own provider first"
        ));
    }
    match middle_ratio(chart, known) {
        None => refused("it has none of the newest stored sessions to compare with".to_owned()),
        Some(ratio) if (ratio - 1.0).abs() > AGREEMENT => refused(format!(
            "its closes are {ratio:.4} times the stored ones: another unit, currency or split"
        )),
        Some(_) => Ok(()),
    }
}

/// How many times the stored prices those of the answer are: 1 where they have no session in common.
pub(super) fn scale_of(chart: &Chart, known: &Known) -> f64 {
    middle_ratio(chart, known).unwrap_or(1.0)
}

/// The middle one of the ratios of sent to stored closes.
fn middle_ratio(chart: &Chart, known: &Known) -> Option<f64> {
    let finals = known.bars.iter().filter(|bar| bar.is_final);
    let ratios = finals.filter_map(|held| {
        let dates = |bar: &DailyBar| bar.trading_date;
        let at = chart.bars.binary_search_by_key(&held.trading_date, dates);
        Some(chart.bars.get(at.ok()?)?.close / held.close)
    });
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::{DailyBar, Provider};
    use crate::jobs::restatement::tests::{bar, chart};

    fn known(sources: &[&str]) -> Known {
        let days = 5_i8..;
        Known {
            bars: days
                .zip(sources)
                .map(|(day, _)| bar(day, 100.0 + f64::from(day)))
                .collect(),
            sources: sources.iter().map(|name| (*name).to_owned()).collect(),
            ..Known::default()
        }
    }

    fn answer(source: &'static str, factor: f64) -> Chart {
        let bars = (5_i8..12).map(|day| bar(day, (100.0 + f64::from(day)) * factor));
        Chart {
            source,
            ..chart(bars.collect(), vec![])
        }
    }

    /// What `source`'s answer does: `own`, `fills`, or `takes over`.
    fn does(source: &'static str, order: &[Provider], sources: &[&str]) -> &'static str {
        let providers = Providers::try_new(order).unwrap();
        match compare(&answer(source, 1.001), providers, &known(sources)).unwrap() {
            (Restatement::None, Standing::Keeps) => "own",
            (Restatement::None, Standing::Fills) => "fills",
            (Restatement::Adjusted(_), Standing::TakesOver) => "takes over",
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_keeps_a_series_is_told_by_whose_bars_are_stored() {
        use Provider::{Tiingo, Yahoo};
        let both: &[Provider] = &[Yahoo, Tiingo];
        let (y, t) = ("yahoo", "tiingo");
        for (source, order, sources, expected) in [
            (y, both, &[y, y, y, y][..], "own"),
            (t, both, &[y, y, y, y], "fills"),
            (t, both, &[t, t, t, t], "own"),
            (t, both, &[t, t, t, y], "fills"),
            (y, both, &[y, y, y, t], "own"),
            (y, both, &[y, y, t, t], "takes over"),
            (y, both, &[t, t, t, t], "takes over"),
            (t, &[Tiingo, Yahoo], &[y, y, y, y], "takes over"),
            // Another schedule's provider, or one that is asked no more: it is left alone.
            (y, &[Yahoo], &[t, t, t, t], "fills"),
            (y, both, &[], "own"),
        ] {
            assert_eq!(
                does(source, order, sources),
                expected,
                "{source} {sources:?}"
            );
        }
    }

    #[test]
    fn a_provisional_bar_of_another_provider_keeps_nobody_out() {
        let mut known = known(&["tiingo", "tiingo", "tiingo", "yahoo"]);
        known.bars[3].is_final = false;
        let providers = Providers::try_new(&[Provider::Yahoo, Provider::Tiingo]).unwrap();
        let standing = standing(&answer("tiingo", 1.0), providers, &known);
        assert_eq!(standing, Standing::Keeps);
    }

    #[test]
    fn tiny_differences_between_two_providers_are_no_restatement() {
        let mut known = known(&["yahoo", "yahoo", "yahoo", "tiingo", "tiingo"]);
        for (held, factor) in known.bars.iter_mut().zip([1.0, 1.0, 1.0, 1.01, 1.01]) {
            held.adj_close = Some(held.close * factor);
        }
        let mut sent = answer("yahoo", 1.0);
        for bar in &mut sent.bars {
            bar.adj_close = Some(bar.close);
        }
        let providers = Providers::try_new(&[Provider::Yahoo, Provider::Tiingo]).unwrap();
        let (verdict, standing) = compare(&sent, providers, &known).unwrap();
        assert_eq!((verdict, standing), (Restatement::None, Standing::Keeps));
        // A dividend of a session only the other one has told is still seen.
        sent.dividends = vec![(date(2026, 1, 9), 0.5)];
        for bar in &mut sent.bars {
            bar.adj_close = Some(bar.close * 0.995);
        }
        let (verdict, _) = compare(&sent, providers, &known).unwrap();
        assert!(matches!(verdict, Restatement::Adjusted(_)), "{verdict:?}");
    }

    #[test]
    fn what_is_on_another_scale_does_not_fill() {
        let known = known(&["yahoo"; 7]);
        assert!(fits(&answer("tiingo", 1.01), &known).is_ok());
        for factor in [0.5, 1.05, 0.97, 100.0] {
            let fault = fits(&answer("tiingo", factor), &known).unwrap_err();
            assert_eq!(fault.class, FaultClass::BadPayload);
            assert!(fault.message.contains("times the stored ones"), "{fault}");
        }
        let mut one_bad = answer("tiingo", 1.0);
        one_bad.bars[2] = DailyBar {
            close: 900.0,
            ..one_bad.bars[2]
        };
        assert!(fits(&one_bad, &known).is_ok(), "the middle of them counts");
        let mut split = answer("tiingo", 1.0);
        split.splits = vec![(date(2026, 1, 12), 1.01)];
        assert!(fits(&split, &known).is_err());
        let apart = Chart {
            bars: vec![bar(30, 100.0)],
            ..answer("tiingo", 1.0)
        };
        assert!(fits(&apart, &known).is_err(), "nothing to compare with");
    }

    #[test]
    fn an_answer_is_on_another_scale_when_nothing_in_it_is_as_stored() {
        let stored = [bar(5, 100.0), bar(6, 110.0), bar(8, 120.0)];
        for (sent, expected) in [
            (vec![bar(5, 100.0), bar(7, 30.0)], false),
            (vec![bar(5, 50.0), bar(6, 55.0), bar(7, 30.0)], true),
            (vec![bar(5, 50.0), bar(6, 110.0)], false),
            (vec![bar(7, 30.0)], false),
            (vec![], false),
        ] {
            assert_eq!(is_on_another_scale(&sent, &stored), expected, "{sent:?}");
        }
    }
}
