//! On-balance volume (Joseph Granville): the volume of rising closes less that of falling ones,
//! begun with the first bar's (TA-Lib's OBV). A whole number, so exact however long the series.

use std::cmp::Ordering;

/// The balance after a bar of `volume` whose close lies so against the one before.
#[inline]
pub(super) fn step(balance: i128, volume: u64, close: Ordering) -> i128 {
    let sign = i128::from(close as i8);
    balance.saturating_add(sign * i128::from(volume))
}

/// As a value, rounded once.
#[inline]
#[allow(clippy::cast_precision_loss, reason = "the one rounding")]
pub(super) fn value(balance: i128) -> f64 {
    match i64::try_from(balance) {
        Ok(balance) => balance as f64,
        Err(_) => wide(balance),
    }
}

/// Apart and not inlined, or the quick way above is folded into this slow one.
#[cold]
#[inline(never)]
#[allow(clippy::cast_precision_loss, reason = "the one rounding")]
fn wide(balance: i128) -> f64 {
    balance as f64
}
