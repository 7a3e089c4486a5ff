//! On-balance volume (Joseph Granville): the volume of rising closes less that of falling ones,
//! begun with the first bar's (TA-Lib's OBV). A whole number, so exact however long the series.

use std::cmp::Ordering;

/// The balance after a bar of `volume` whose close lies so against the one before (none: first).
#[inline]
pub(super) fn step(balance: i128, volume: u64, close: Option<Ordering>) -> i128 {
    let volume = i128::from(volume);
    match close {
        None | Some(Ordering::Greater) => balance.saturating_add(volume),
        Some(Ordering::Less) => balance.saturating_sub(volume),
        Some(Ordering::Equal) => balance,
    }
}

/// As a value, rounded once.
#[inline]
#[allow(clippy::cast_precision_loss, reason = "the one rounding")]
pub(super) fn value(balance: i128) -> f64 {
    i64::try_from(balance).map_or(balance as f64, |short| short as f64)
}
