//! Volume-weighted average price: Σ typical · volume / Σ volume since the anchor, typical = (high
//! + low + close) / 3. Nothing traded since the anchor: no value.

use jiff::civil::Date;

use super::dd::Dd;
use crate::domain::VwapAnchor;

/// Whether a bar of the session `date` begins anew after one of the session `last`.
#[inline]
fn begins(anchor: VwapAnchor, last: Date, date: Date) -> bool {
    match anchor {
        VwapAnchor::Session => last != date,
        VwapAnchor::Week => {
            last.iso_week_date().week() != date.iso_week_date().week()
                || last.iso_week_date().year() != date.iso_week_date().year()
        }
        VwapAnchor::Month => (last.month(), last.year()) != (date.month(), date.year()),
        VwapAnchor::Year => last.year() != date.year(),
    }
}

/// The sums since the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct VwapState {
    pub(super) turnover: Dd,
    pub(super) volume: u128,
}

/// The sums with one more bar, and the value.
#[inline]
pub(super) fn step(
    anchor: VwapAnchor,
    state: &VwapState,
    sessions: (Option<Date>, Date),
    typical: f64,
    volume: u64,
) -> (VwapState, Option<f64>) {
    let (last, date) = sessions;
    let mut next = match last {
        Some(last) if !begins(anchor, last, date) => *state,
        _ => VwapState::default(),
    };
    if volume > 0 {
        next.turnover = next
            .turnover
            .plus(Dd::of(typical * whole(u128::from(volume))));
        next.volume = next.volume.saturating_add(u128::from(volume));
    }
    let value = (next.volume > 0).then(|| next.turnover.high / whole(next.volume));
    (next, value)
}

/// Of shares, as a factor of an average.
#[inline]
#[allow(clippy::cast_precision_loss, reason = "a factor of an average")]
fn whole(volume: u128) -> f64 {
    match i64::try_from(volume) {
        Ok(volume) => volume as f64,
        Err(_) => wide(volume),
    }
}

/// Apart and not inlined, or the quick way above is folded into this slow one.
#[cold]
#[inline(never)]
#[allow(clippy::cast_precision_loss, reason = "a factor of an average")]
fn wide(volume: u128) -> f64 {
    volume as f64
}
