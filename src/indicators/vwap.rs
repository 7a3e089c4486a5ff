//! Volume-weighted average price: Σ typical · volume / Σ volume since the anchor, typical = (high
//! + low + close) / 3. Nothing traded since the anchor: no value.

use jiff::civil::Date;

use super::dd::Dd;

/// Where the sums begin anew, by the sessions' dates.
///
/// "Session" is the definition for bars of minutes. One daily bar is a whole session, so that its
/// session's VWAP would be its typical price and say nothing: the default set, meant for daily
/// bars, is anchored at the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VwapAnchor {
    /// Each trading date.
    Session,
    /// The first bar of each week (Monday).
    Week,
    /// The first bar of each month.
    Month,
    /// The first bar of each year.
    Year,
}

impl VwapAnchor {
    /// Its name in a configuration and in the set's identity.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// Whether a bar of the session `date` begins anew after one of the session `last`.
    #[inline]
    fn begins(self, last: Date, date: Date) -> bool {
        match self {
            Self::Session => last != date,
            Self::Week => {
                last.iso_week_date().week() != date.iso_week_date().week()
                    || last.iso_week_date().year() != date.iso_week_date().year()
            }
            Self::Month => (last.month(), last.year()) != (date.month(), date.year()),
            Self::Year => last.year() != date.year(),
        }
    }
}

impl std::str::FromStr for VwapAnchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Session, Self::Week, Self::Month, Self::Year]
            .into_iter()
            .find(|anchor| anchor.name() == text)
            .ok_or_else(|| {
                format!("`{text}` is no anchor; allowed are session, week, month and year")
            })
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
        Some(last) if !anchor.begins(last, date) => *state,
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

#[inline]
#[allow(clippy::cast_precision_loss, reason = "a factor of an average")]
fn whole(volume: u128) -> f64 {
    u64::try_from(volume).map_or(volume as f64, |short| short as f64)
}
