//! `finstage backfill`: bars of a window of trading dates, whatever is stored already.

use jiff::SignedDuration;
use jiff::civil::{Date, Weekday};

use super::identity::check_identity;
use super::keep::{Judged, Keep, store};
use super::refresh::{KNOWN_BARS, Reach, refresh, start_of_date};
use super::splice::{self, Standing};
use super::{Done, Services, store_fault};
use crate::domain::{DailyBar, Symbol};
use crate::store::{Covers, Known};
use crate::upstream::{Budget, ChartRequest, Fault};

/// From the start of a date in the easternmost zone to its end in the westernmost.
const WORLD_DAY: SignedDuration = SignedDuration::from_hours(14 + 24 + 12);

/// Stored bars this many days beside the window tell what its prices should be like.
const BESIDE_DAYS: i64 = 14;

pub(super) async fn perform(
    symbol: &Symbol,
    from: Date,
    to: Date,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let _turn = services.freshness.turn(symbol, budget).await;
    let mut known = services
        .store
        .known(symbol, KNOWN_BARS)
        .await
        .map_err(store_fault)?;
    let end = start_of_date(to)
        .saturating_add(WORLD_DAY)
        .unwrap_or_default();
    let request = ChartRequest {
        symbol: symbol.clone(),
        from: start_of_date(from),
        to: end.min(services.clock.now()),
    };
    let mut chart = services.upstream.chart(&request, budget).await?;
    check_identity(symbol, &chart, &known, services).await?;
    let beside = jiff::Span::new().days(BESIDE_DAYS);
    let (before, after) = (from.saturating_sub(beside), to.saturating_add(beside));
    let stored = async || {
        let stored = services.store.bars(symbol, before, after).await;
        stored.map_err(store_fault)
    };
    let mut beside = stored().await?;
    let standing = splice::standing(&chart, budget.providers(), &known);
    if standing == Standing::Fills {
        splice::fits_window(&chart, &known, &beside)?;
    } else if known.high.is_some() && splice::is_on_another_scale(&chart.bars, &beside) {
        // The series was restated: all of it goes to the new scale before a piece of it does.
        Box::pin(refresh(symbol, Reach::Incremental, services, budget)).await?;
        let again = services.store.known(symbol, KNOWN_BARS).await;
        known = again.map_err(store_fault)?;
        beside = stored().await?;
    }
    let is_asked = |bar: &DailyBar| (from..=to).contains(&bar.trading_date);
    chart.bars.retain(is_asked);
    chart.rejected.retain(|(bar, _)| is_asked(bar));
    let judged = Judged::new(symbol, chart, &known, &beside, services).standing(standing);
    let keep = Keep::Piece(covers(from, to, &known));
    store(symbol, judged, &known, keep, services).await
}

/// A window that ends where the stored series begins makes the series longer; any other is a piece
/// beside it, and the all-time high knows nothing of it. Only a weekend may lie between the two:
/// what is not known to be closed may be missing.
fn covers(from: Date, to: Date, known: &Known) -> Covers {
    let Some(begins) = known.high.map(|high| high.covered_from) else {
        return Covers::Unchanged;
    };
    let mut next = to.tomorrow().unwrap_or(to);
    while next < begins && matches!(next.weekday(), Weekday::Saturday | Weekday::Sunday) {
        next = next.tomorrow().unwrap_or(begins);
    }
    if from <= begins && next >= begins {
        Covers::FromFirstBar
    } else {
        Covers::Unchanged
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::AllTimeHigh;

    #[test]
    fn only_a_window_that_joins_the_series_makes_it_longer() {
        let covered_from = date(2016, 11, 22);
        let high = Some(AllTimeHigh {
            price: 1.0,
            trading_date: covered_from,
            covered_from,
        });
        let known = Known {
            high,
            ..Known::default()
        };
        let old = date(1980, 12, 12);
        assert_eq!(
            covers(old, date(2016, 11, 21), &known),
            Covers::FromFirstBar
        );
        assert_eq!(
            covers(old, date(2016, 11, 20), &known),
            Covers::Unchanged,
            "a Monday lacks"
        );
        assert_eq!(covers(old, date(1981, 6, 30), &known), Covers::Unchanged);
        assert_eq!(
            covers(date(2020, 1, 1), date(2020, 2, 1), &known),
            Covers::Unchanged
        );
        assert_eq!(
            covers(old, date(2026, 1, 1), &Known::default()),
            Covers::Unchanged
        );
    }
}
