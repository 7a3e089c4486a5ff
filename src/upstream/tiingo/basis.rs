//! From prices as traded to split-adjusted ones.

use jiff::civil::Date;

use crate::domain::{DailyBar, significant};

/// Significant decimal digits kept of a price: two more than any float32 has, far fewer than the
/// noise of a division reaches.
pub(super) const PRICE_DIGITS: usize = 10;

/// One session as traded, with what happened at its open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RawRow {
    /// Prices and volume as traded; `adj_close` as the provider sends it.
    pub(super) bar: DailyBar,
    /// New shares for one old from this session on; 1 on most days.
    pub(super) split: f64,
    /// Dividend of one share as it was on this day; 0 on most days.
    pub(super) dividend: f64,
}

/// Why a window of raw rows cannot become split-adjusted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub(super) enum BasisError {
    /// Splits after the window's end are not known.
    #[error("prices as traded until {until} cannot be split-adjusted: today is {today}")]
    NotUntilToday {
        /// Where the window ends.
        until: Date,
        /// The exchange's date.
        today: Date,
    },
    /// A row does not say whether its share was split.
    #[error("the row of {0} has no usable splitFactor: prices before it have no basis")]
    NoFactor(Date),
}

/// Prices divided, and volumes multiplied, by every later split; `adj_close` stays. Rows are in
/// order of date and reach `until`.
pub(super) fn split_adjusted(
    rows: &mut [RawRow],
    until: Date,
    today: Date,
) -> Result<(), BasisError> {
    if until < today {
        return Err(BasisError::NotUntilToday { until, today });
    }
    // New shares of today for one of the row's day.
    let mut later = 1.0;
    for row in rows.iter_mut().rev() {
        let price = |raw: f64| significant(raw / later, PRICE_DIGITS);
        let bar = &mut row.bar;
        bar.open = price(bar.open);
        bar.high = price(bar.high);
        bar.low = price(bar.low);
        bar.close = price(bar.close);
        bar.adj_close = bar.adj_close.map(|value| significant(value, PRICE_DIGITS));
        bar.volume = bar.volume.map(|volume| times(volume, later));
        row.dividend = price(row.dividend);
        if !(row.split.is_finite() && row.split > 0.0) {
            return Err(BasisError::NoFactor(bar.trading_date));
        }
        later *= row.split;
    }
    Ok(())
}

/// A volume in today's shares, rounded to whole ones.
fn times(volume: i64, factor: f64) -> i64 {
    #[allow(
        clippy::float_cmp,
        reason = "no split leaves the factor at exactly one"
    )]
    if factor == 1.0 {
        return volume;
    }
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "volumes are below 2^53, and the cast saturates"
    )]
    let whole = (volume as f64 * factor).round() as i64;
    whole
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn row(day: i8, close: f64, split: f64) -> RawRow {
        RawRow {
            bar: DailyBar {
                trading_date: date(2026, 1, day),
                open: close,
                high: close,
                low: close,
                close,
                adj_close: None,
                volume: Some(1_000),
                is_final: true,
            },
            split,
            dividend: 0.0,
        }
    }

    #[test]
    fn a_split_touches_what_is_before_its_day_and_no_more() {
        let mut rows = [
            row(5, 700.0, 1.0),
            row(6, 100.0, 7.0),
            row(7, 102.0, 1.0),
            row(8, 25.5, 4.0),
        ];
        rows[0].dividend = 2.8;
        let today = date(2026, 1, 9);
        split_adjusted(&mut rows, today, today).unwrap();
        let closes = rows.map(|row| row.bar.close);
        assert_eq!(closes, [25.0, 25.0, 25.5, 25.5]);
        let volumes = rows.map(|row| row.bar.volume.unwrap());
        assert_eq!(volumes, [28_000, 4_000, 4_000, 1_000]);
        assert_eq!(rows[0].dividend, 0.1);
    }

    #[test]
    fn what_cannot_be_converted_exactly_is_refused() {
        let (today, before) = (date(2026, 1, 9), date(2026, 1, 8));
        let error = split_adjusted(&mut [row(8, 10.0, 1.0)], before, today).unwrap_err();
        assert!(matches!(error, BasisError::NotUntilToday { .. }));
        for split in [f64::NAN, 0.0, -2.0, f64::INFINITY] {
            let error = split_adjusted(&mut [row(8, 10.0, split)], today, today).unwrap_err();
            assert_eq!(error, BasisError::NoFactor(before), "{split}");
        }
    }

    proptest! {
        /// Oracle: exact integers. Prices in 1/10,000 times whole ratios are as traded; dividing
        /// by all later ratios must give the integers back.
        #[test]
        fn raw_prices_give_the_adjusted_ones_back_exactly(
            sessions in prop::collection::vec((1_i64..9_999_999_999, 0_usize..12), 1..60)
        ) {
            const RATIOS: [i64; 12] = [2, 3, 4, 5, 7, 10, 20, 50, 1, 1, 1, 1];
            let mut later = 1_i64;
            let mut rows = Vec::new();
            for (number, (adjusted, pick)) in sessions.iter().enumerate().rev() {
                let ratio = if later > 1_000 { 1 } else { RATIOS[*pick] };
                // Both are exact in decimal; the quotient is the nearest f64, as JSON gives it.
                #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
                let raw = (adjusted * later) as f64 / 10_000.0;
                #[allow(clippy::cast_precision_loss, reason = "small")]
                let mut made = row(1, raw, ratio as f64);
                made.bar.trading_date = date(2020, 1, 1).saturating_add(
                    jiff::Span::new().days(i64::try_from(number).unwrap()));
                rows.push(made);
                later *= ratio;
            }
            rows.reverse();
            let today = date(2026, 1, 1);
            split_adjusted(&mut rows, today, today).unwrap();
            for (row, (adjusted, _)) in rows.iter().zip(&sessions) {
                #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
                let expected = *adjusted as f64 / 10_000.0;
                prop_assert_eq!(row.bar.close, expected);
            }
        }
    }
}
