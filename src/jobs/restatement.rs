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

/// Sessions of the overlap that must agree on a ratio.
pub(super) const AGREEING_SESSIONS: usize = 3;

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

/// Compares what was sent with what is stored.
pub(super) fn restatement(chart: &Chart, known: &Known) -> Restatement {
    let (Some(stored), Some(sent)) = (known.bars.last(), chart.bars.last()) else {
        return Restatement::None;
    };
    // Until the day's own bar is there, storing the answer would not end the question.
    let is_new = |date: &Date| *date > stored.trading_date && *date <= sent.trading_date;
    if let Some((date, ratio)) = chart.splits.iter().find(|(date, _)| is_new(date)) {
        return Restatement::Prices(format!("split {ratio}:1 on {date}"));
    }
    if let Some(factor) = common_ratio(chart, known, CLOSE_TOLERANCE, |bar| Some(bar.close)) {
        let is = |ratio: f64| alike(factor, ratio, CLOSE_TOLERANCE);
        let was_split = chart.splits.iter().any(|(_, split)| is(1.0 / split));
        if !was_split && UNIT_RATIOS.into_iter().any(is) {
            return Restatement::UnitMixUp(factor);
        }
        let reason = format!("all closes of the overlap changed by the factor {factor:.6}");
        return Restatement::Prices(reason);
    }
    if let Some((date, amount)) = chart.dividends.iter().find(|(date, _)| is_new(date)) {
        return Restatement::Adjusted(format!("dividend of {amount} on {date}"));
    }
    match common_ratio(chart, known, ADJUSTED_TOLERANCE, |bar| bar.adj_close) {
        Some(factor) => Restatement::Adjusted(format!(
            "all adjusted closes of the overlap changed by the factor {factor:.6}"
        )),
        None => Restatement::None,
    }
}

/// The ratio, other than 1, by which all final bars of the overlap have changed.
fn common_ratio(
    chart: &Chart,
    known: &Known,
    tolerance: f64,
    price: impl Fn(&DailyBar) -> Option<f64>,
) -> Option<f64> {
    let pairs = known
        .bars
        .iter()
        .filter(|bar| bar.is_final)
        .filter_map(|old| {
            let at = chart
                .bars
                .binary_search_by_key(&old.trading_date, |bar| bar.trading_date)
                .ok()?;
            Some(price(chart.bars.get(at)?)? / price(old)?)
        });
    let ratios: Vec<f64> = pairs.collect();
    let first = ratios.first().copied()?;
    let is_common = ratios.len() >= AGREEING_SESSIONS
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
            source: "yahoo",
            price_basis: crate::domain::PriceBasis::SplitAdjusted,
            symbol: "X".into(),
            granularity: "1d".into(),
            zone: TimeZone::UTC,
            currency: None,
            instrument_type: None,
            exchange: None,
            first_trade_date: None,
            stamps: None,
            rows: bars.len(),
            bars,
            null_rows: 0,
            rejected: Vec::new(),
            price: None,
            settles_at: None,
            splits,
            dividends: Vec::new(),
            capital_gains: Vec::new(),
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
