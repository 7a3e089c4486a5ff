//! Directional movement (Wilder, 1978): +DI and −DI = 100 · smoothed movement / smoothed true
//! range, DX = 100 · |+DI − −DI| / (+DI + −DI), ADX its smoothed mean.
//!
//! As TA-Lib: movement and range are sums (S' = S − S/n + new) begun with n − 1 bars, the ADX
//! begins with the mean of n values of DX, one without movement counting as none.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Adx {
    period: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct AdxState {
    pub(super) plus: f64,
    pub(super) minus: f64,
    pub(super) range: f64,
    /// The sum of the DX before the first ADX, then the ADX.
    pub(super) adx: f64,
}

/// What one bar shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Movement {
    /// High above the high before.
    pub(super) up: f64,
    /// Low below the low before.
    pub(super) down: f64,
    /// True range.
    pub(super) range: f64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Directions {
    pub(super) plus: f64,
    pub(super) minus: f64,
    pub(super) adx: Option<f64>,
}

impl Adx {
    pub(super) fn new(period: u16) -> Self {
        Self { period }
    }

    /// The bar number `index` (from 0); the first bar has no movement.
    #[inline]
    pub(super) fn step(
        self,
        state: &AdxState,
        index: u64,
        movement: Movement,
    ) -> (AdxState, Option<Directions>) {
        let (first, count) = (u64::from(self.period), f64::from(self.period));
        if index == 0 {
            return (*state, None);
        }
        let Movement { up, down, range } = movement;
        let plus = if up > down { up.max(0.0) } else { 0.0 };
        let minus = if down > up { down.max(0.0) } else { 0.0 };
        let mut next = *state;
        if index < first {
            next.plus += plus;
            next.minus += minus;
            next.range += range;
            return (next, None);
        }
        next.plus += plus - state.plus / count;
        next.minus += minus - state.minus / count;
        next.range += range - state.range / count;
        let moved = next.plus + next.minus;
        // Without movement there is no DX, and the average stays.
        let dx = (moved > 0.0).then(|| 100.0 * ((next.plus - next.minus).abs() / moved));
        let complete = 2 * first - 1;
        if index < complete {
            next.adx += dx.unwrap_or(0.0);
        } else if index == complete {
            next.adx = (next.adx + dx.unwrap_or(0.0)) / count;
        } else if let Some(dx) = dx {
            next.adx = (next.adx * (count - 1.0) + dx) / count;
        }
        let share = |part: f64| {
            if next.range > 0.0 {
                100.0 * (part / next.range)
            } else {
                0.0
            }
        };
        let directions = Directions {
            plus: share(next.plus),
            minus: share(next.minus),
            adx: (index >= complete).then_some(next.adx),
        };
        (next, Some(directions))
    }
}
