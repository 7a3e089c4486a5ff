//! Has the upstream restated a series? A split rescales all of it, a dividend all adjusted closes:
//! then an overlap of ten sessions is not enough.

use jiff::civil::Date;

use crate::domain::DailyBar;
use crate::store::Known;
use crate::upstream::Chart;

/// Two ratios of closes this close are the same split; relative.
const CLOSE_TOLERANCE: f64 = 0.005;

/// Ratios of adjusted closes: a dividend moves them by less, and they carry seven digits.
const ADJUSTED_TOLERANCE: f64 = 1e-5;

/// All prices and the volume of a bar following one factor is no coincidence; relative.
const WHOLE_BAR_TOLERANCE: f64 = 1e-4;

/// Sessions of the overlap that must agree on a ratio of closes, where the volumes do not say it.
pub(super) const AGREEING_CLOSES: usize = 3;

/// The same for adjusted closes, whose ratios are exact.
const AGREEING_ADJUSTED: usize = 2;

/// Ratios of a series that was sent in another unit (pence for pounds), not split.
const UNIT_RATIOS: [f64; 4] = [100.0, 0.01, 1_000.0, 0.001];

/// What the overlap tells about the series.
#[derive(Debug, PartialEq)]
pub(super) enum Restatement {
    /// Nothing, or single corrections.
    None,
    /// All prices have changed, and why: stored bars of the old scale no longer hold.
    Prices(String),
    /// All adjusted closes have changed, and why; the prices hold.
    Adjusted(String),
    /// It came in another unit: by this factor.
    UnitMixUp(f64),
}

/// A final bar as it is stored, and as it was sent.
type Pair<'a> = (&'a DailyBar, &'a DailyBar);

/// Compares what was sent with what is stored.
pub(super) fn restatement(chart: &Chart, known: &Known) -> Restatement {
    let (Some(stored), Some(sent)) = (known.bars.last(), chart.bars.last()) else {
        return Restatement::None;
    };
    let pairs = overlap(chart, known);
    // Until the day's own bar is there, storing the answer would not end the question.
    let is_new = |date: &Date| *date > stored.trading_date && *date <= sent.trading_date;
    // A split that the overlap does not show yet is not carried out in the prices: the rows behind
    // it are for rule V6.
    let shows = |split: f64| {
        pairs.is_empty()
            || pairs
                .iter()
                .any(|(old, new)| alike(new.close / old.close, 1.0 / split, CLOSE_TOLERANCE))
    };
    let mut splits = chart.splits.iter();
    if let Some((date, ratio)) = splits.find(|(date, split)| is_new(date) && shows(*split)) {
        return Restatement::Prices(format!("split {ratio}:1 on {date}"));
    }
    if let Some((factor, by_volume)) = common_close_ratio(&pairs) {
        let is = |ratio: f64| alike(factor, ratio, CLOSE_TOLERANCE);
        let was_split = by_volume || chart.splits.iter().any(|(_, split)| is(1.0 / split));
        if !was_split && UNIT_RATIOS.into_iter().any(is) {
            return Restatement::UnitMixUp(factor);
        }
        let reason = format!("all closes of the overlap changed by the factor {factor:.6}");
        return Restatement::Prices(reason);
    }
    let adjusted: Vec<f64> = pairs
        .iter()
        .filter_map(|(old, new)| Some(new.adj_close? / old.adj_close?))
        .collect();
    let has_changed = adjusted.is_empty() || adjusted.iter().any(|ratio| *ratio != 1.0);
    let mut dividends = chart.dividends.iter();
    if let Some((date, amount)) = dividends.find(|(date, _)| is_new(date) && has_changed) {
        return Restatement::Adjusted(format!("dividend of {amount} on {date}"));
    }
    match common(&adjusted, AGREEING_ADJUSTED, ADJUSTED_TOLERANCE) {
        Some(factor) => Restatement::Adjusted(format!(
            "all adjusted closes of the overlap changed by the factor {factor:.6}"
        )),
        None => Restatement::None,
    }
}

fn overlap<'a>(chart: &'a Chart, known: &'a Known) -> Vec<Pair<'a>> {
    let finals = known.bars.iter().filter(|bar| bar.is_final);
    finals
        .filter_map(|old| {
            let at = chart
                .bars
                .binary_search_by_key(&old.trading_date, |bar| bar.trading_date)
                .ok()?;
            Some((old, chart.bars.get(at)?))
        })
        .collect()
}

/// The ratio, other than 1, by which all closes of the overlap have changed, and whether the volumes
/// show that it was a split.
fn common_close_ratio(pairs: &[Pair<'_>]) -> Option<(f64, bool)> {
    let ratios: Vec<f64> = pairs
        .iter()
        .map(|(old, new)| new.close / old.close)
        .collect();
    let by_volume = !pairs.is_empty() && pairs.iter().all(|pair| is_whole_bar_rescaled(*pair));
    let needed = if by_volume { 1 } else { AGREEING_CLOSES };
    common(&ratios, needed, CLOSE_TOLERANCE).map(|factor| (factor, by_volume))
}

/// Whether all prices of a bar were multiplied by one factor and its volume divided by it: what a
/// split does, and neither a bad print nor another unit.
#[allow(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
fn is_whole_bar_rescaled((old, new): Pair<'_>) -> bool {
    let factor = new.close / old.close;
    let is = |ratio: f64| alike(ratio, factor, WHOLE_BAR_TOLERANCE);
    let (Some(before), Some(after)) = (old.volume, new.volume) else {
        return false;
    };
    before > 0
        && after > 0
        && is(new.open / old.open)
        && is(new.high / old.high)
        && is(new.low / old.low)
        && is(before as f64 / after as f64)
}

/// The ratio, other than 1, that enough of them agree on: all there are.
fn common(ratios: &[f64], needed: usize, tolerance: f64) -> Option<f64> {
    let first = ratios.first().copied()?;
    let is_common = ratios.len() >= needed
        && !alike(first, 1.0, tolerance)
        && ratios.iter().all(|ratio| alike(*ratio, first, tolerance));
    is_common.then_some(first)
}

fn alike(a: f64, b: f64, tolerance: f64) -> bool {
    (a / b - 1.0).abs() <= tolerance
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;

    pub(in crate::jobs) fn bar(day: i8, close: f64) -> DailyBar {
        DailyBar {
            trading_date: date(2026, 1, day),
            open: close,
            high: close,
            low: close,
            close,
            adj_close: None,
            volume: None,
            is_final: true,
        }
    }

    pub(in crate::jobs) fn chart(bars: Vec<DailyBar>, splits: Vec<(Date, f64)>) -> Chart {
        Chart {
            rows: bars.len(),
            bars,
            splits,
            ..Chart::empty("yahoo", "X", TimeZone::UTC)
        }
    }

    pub(in crate::jobs) fn known() -> Known {
        Known {
            bars: vec![bar(5, 100.0), bar(6, 110.0), bar(7, 120.0)],
            ..Known::default()
        }
    }

    #[test]
    fn an_unchanged_overlap_and_a_single_correction_are_no_restatement() {
        let same = chart(
            vec![bar(5, 100.0), bar(6, 110.0), bar(7, 120.0), bar(8, 60.0)],
            vec![],
        );
        assert_eq!(restatement(&same, &known()), Restatement::None);
        let one = chart(vec![bar(5, 100.0), bar(6, 111.0), bar(7, 120.0)], vec![]);
        assert_eq!(restatement(&one, &known()), Restatement::None);
    }

    #[test]
    fn a_new_split_or_one_common_factor_restates_the_series() {
        let split = chart(
            vec![bar(7, 30.0), bar(8, 31.0)],
            vec![(date(2026, 1, 8), 4.0)],
        );
        assert!(matches!(
            restatement(&split, &known()),
            Restatement::Prices(_)
        ));
        let halved = chart(vec![bar(5, 50.0), bar(6, 55.0), bar(7, 60.0)], vec![]);
        assert!(matches!(
            restatement(&halved, &known()),
            Restatement::Prices(_)
        ));
    }

    #[test]
    fn a_split_that_the_overlap_does_not_show_yet_restates_nothing() {
        let early = chart(
            vec![bar(6, 110.0), bar(7, 120.0), bar(8, 31.0)],
            vec![(date(2026, 1, 8), 4.0)],
        );
        assert_eq!(restatement(&early, &known()), Restatement::None);
    }

    #[test]
    fn one_bar_whose_volume_was_rescaled_with_its_prices_is_enough() {
        // Amazon on 2020-01-02, before and after the 20:1 split of 2022.
        let amazon = |open, high, low, volume| DailyBar {
            open,
            high,
            low,
            close: high,
            volume: Some(volume),
            ..bar(2, 1.0)
        };
        let stored = Known {
            bars: vec![amazon(1_875.0, 1_898.01, 1_864.15, 4_029_000)],
            ..Known::default()
        };
        let sent = |volume| chart(vec![amazon(93.75, 94.9005, 93.2075, volume)], vec![]);
        let split = restatement(&sent(80_580_000), &stored);
        assert!(matches!(split, Restatement::Prices(_)), "{split:?}");
        let bad_print = restatement(&sent(4_029_000), &stored);
        assert_eq!(bad_print, Restatement::None);
    }

    #[test]
    fn a_factor_of_a_hundred_without_a_split_is_another_unit() {
        let pence = chart(
            vec![bar(5, 10_000.0), bar(6, 11_000.0), bar(7, 12_000.0)],
            vec![],
        );
        assert_eq!(restatement(&pence, &known()), Restatement::UnitMixUp(100.0));
    }

    #[test]
    fn a_dividend_or_one_factor_over_the_adjusted_closes_restates_the_series() {
        let mut paid = chart(vec![bar(7, 120.0), bar(8, 119.0)], vec![]);
        paid.dividends = vec![(date(2026, 1, 8), 0.25)];
        assert!(matches!(
            restatement(&paid, &known()),
            Restatement::Adjusted(_)
        ));
        paid.bars.pop();
        assert_eq!(
            restatement(&paid, &known()),
            Restatement::None,
            "the day has no bar yet"
        );
        let adjusted = |factor: f64| -> Vec<DailyBar> {
            let bars = known().bars.into_iter();
            bars.map(|bar| DailyBar {
                adj_close: Some(bar.close * factor),
                ..bar
            })
            .collect()
        };
        let stored = Known {
            bars: adjusted(0.9),
            ..Known::default()
        };
        let same = chart(adjusted(0.9), vec![]);
        assert_eq!(restatement(&same, &stored), Restatement::None);
        let lower = chart(adjusted(0.898), vec![]);
        assert!(matches!(
            restatement(&lower, &stored),
            Restatement::Adjusted(_)
        ));
    }
}
