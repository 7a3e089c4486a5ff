//! `finstage backfill`: bars of a window of trading dates, whatever is stored already.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::refresh::{KNOWN_BARS, Keep, start_of_date, store};
use super::{Done, Services, store_fault};
use crate::domain::Symbol;
use crate::store::{Covers, Known};
use crate::upstream::{Budget, ChartRequest, Fault};

/// From the start of a date in the easternmost zone to its end in the westernmost.
const WORLD_DAY: SignedDuration = SignedDuration::from_hours(14 + 24 + 12);

/// A weekend and a holiday may lie between a window and the series it joins.
const JOINING_DAYS: i64 = 5;

pub(super) async fn perform(
    symbol: &Symbol,
    from: Date,
    to: Date,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let _turn = services.freshness.turn(symbol, budget).await;
    let known = services
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
    chart
        .bars
        .retain(|bar| (from..=to).contains(&bar.trading_date));
    store(
        symbol,
        chart,
        &known,
        Keep::Piece(covers(from, to, &known)),
        services,
    )
    .await
}

/// A window that ends where the stored series begins makes the series longer; any other is a piece
/// beside it, and the all-time high knows nothing of it.
fn covers(from: Date, to: Date, known: &Known) -> Covers {
    let joins = known.high.is_some_and(|high| {
        let reaches = to.saturating_add(jiff::Span::new().days(JOINING_DAYS));
        (from..=reaches).contains(&high.covered_from)
    });
    if joins {
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
