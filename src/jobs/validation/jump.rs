//! V5 and V6 between two sessions: a price that cannot have moved so far by itself.

use jiff::civil::Date;

use crate::domain::{DailyBar, Rule};

/// A close more than so many times the other is a jump.
const JUMP: f64 = 5.0;

/// Ratios of another unit (pence for pounds, cents, thousands), and how near counts: the price has
/// moved meanwhile, too.
const UNIT_RATIOS: [f64; 4] = [100.0, 0.01, 1_000.0, 0.001];
const UNIT_TOLERANCE: f64 = 0.2;

/// A ratio this near to a split's, relative, is that split.
const SPLIT_TOLERANCE: f64 = 0.02;

/// Days around a split in which a jump by its ratio is that split, dated wrongly.
const SPLIT_NEAR_DAYS: i32 = 7;

/// Such a ratio must be larger than what a price does by itself: the logarithm of 1.9.
const SPLIT_NEAR_LEAST: f64 = 0.642;

/// On the split's own day a move of this size or less, as a logarithm, is the market's (−42 %): what
/// is left of a split's ratio is how far the day may have moved besides.
const MARKET_MOVE: f64 = 0.55;

/// But not farther than this, as a logarithm: a row wrongly taken for a missed split holds up all that
/// follow it.
const SPLIT_DAY_MOST: f64 = 0.25;

/// Splits smaller than 1.1 for 1 look like any other day.
const SPLIT_LEAST: f64 = 0.095;

/// A price between these multiples of another has not jumped by any rule: nearly all of them.
const CALM: std::ops::RangeInclusive<f64> = 0.93..=1.075;

/// What speaks against a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Jump {
    pub(super) rule: Rule,
    pub(super) reason: String,
    /// Whether sessions that stay there make it a fact: not for another unit, nor for a split that
    /// was not carried out in the prices.
    pub(super) may_last: bool,
}

/// Whether a price this many times another has not moved there by itself.
pub(super) fn is_jump(ratio: f64) -> bool {
    !(1.0 / JUMP..=JUMP).contains(&ratio)
}

/// Holds `row` against `base`, a good one some sessions before or after it.
pub(super) fn between(base: &DailyBar, row: &DailyBar, splits: &[(Date, f64)]) -> Option<Jump> {
    let ratio = row.close / base.close;
    let (earlier, later) = if base.trading_date <= row.trading_date {
        (base, row)
    } else {
        (row, base)
    };
    if CALM.contains(&(later.close / earlier.close)) && CALM.contains(&(later.open / earlier.close))
    {
        return None;
    }
    let told = || {
        format!(
            "close {} is {ratio:.4} times the close {} of {}",
            row.close, base.close, base.trading_date
        )
    };
    if let Some((date, split)) = splits
        .iter()
        .find(|split| explains(**split, earlier, later))
    {
        let reason = format!(
            "{}, as the split {split}:1 of {date}: missing split adjustment",
            told()
        );
        return Some(Jump {
            rule: Rule::Split,
            reason,
            may_last: false,
        });
    }
    is_jump(ratio).then(|| {
        let is_unit = is_unit_ratio(ratio);
        let tag = if is_unit { ": unit mix-up" } else { "" };
        Jump {
            rule: Rule::Jump,
            reason: format!("{}{tag}", told()),
            may_last: !is_unit,
        }
    })
}

/// Whether prices this many times others are most likely the same ones in another unit.
fn is_unit_ratio(ratio: f64) -> bool {
    UNIT_RATIOS
        .iter()
        .any(|unit| (ratio / unit - 1.0).abs() <= UNIT_TOLERANCE)
}

/// Whether the price between two sessions has jumped as that split would make it jump, up or down.
/// The open counts beside the close: a split happens overnight, and less happens overnight than in
/// a day.
fn explains((date, split): (Date, f64), earlier: &DailyBar, later: &DailyBar) -> bool {
    let size = split.ln().abs();
    if size < SPLIT_LEAST || size.is_nan() {
        return false;
    }
    let is_own_day = earlier.trading_date < date && date <= later.trading_date;
    let tolerance = if is_own_day {
        SPLIT_TOLERANCE.max((size - MARKET_MOVE).min(SPLIT_DAY_MOST))
    } else if size >= SPLIT_NEAR_LEAST && is_near(date, later.trading_date) {
        SPLIT_TOLERANCE
    } else {
        return false;
    };
    [later.close, later.open]
        .iter()
        .any(|price| ((price / earlier.close).ln().abs() - size).abs() <= tolerance)
}

fn is_near(a: Date, b: Date) -> bool {
    a.since(b)
        .is_ok_and(|span| span.get_days().abs() <= SPLIT_NEAR_DAYS)
}

/// Holds the prices of a row against each other and against a good close beside it: V5 for a single
/// price of the row.
pub(super) fn within(row: &DailyBar, base: &DailyBar) -> Option<Jump> {
    let (least, most) = (row.close.min(base.close), row.close.max(base.close));
    let prices = [("open", row.open), ("high", row.high), ("low", row.low)];
    let far = prices
        .iter()
        .find(|(_, price)| *price > most * JUMP || *price < least / JUMP);
    let reason = match far {
        Some((name, price)) => format!(
            "{name} {price} is {:.4} times the close {}",
            price / row.close,
            row.close
        ),
        None => adjusted(row, base)?,
    };
    Some(Jump {
        rule: Rule::Jump,
        reason,
        may_last: false,
    })
}

/// The part of the close that the adjusted one is changes with a dividend, which shows in the close,
/// too: it cannot jump alone.
fn adjusted(row: &DailyBar, base: &DailyBar) -> Option<String> {
    let (here, there) = (row.adj_close?, base.adj_close?);
    let ratio = (here / row.close) / (there / base.close);
    // Negative ones occur: more was paid than the share cost then.
    (here > 0.0 && there > 0.0 && is_jump(ratio)).then(|| {
        format!(
            "adjusted close {here} against {there} on {}, while the close is {} against {}",
            base.trading_date, row.close, base.close
        )
    })
}
