//! `finstage backfill`: bars of a window of trading dates, whatever is stored already.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::refresh::{KNOWN_BARS, start_of_date, store};
use super::{Done, Services, store_fault};
use crate::domain::Symbol;
use crate::upstream::{Budget, ChartRequest, Fault};

/// From the start of a date in the easternmost zone to its end in the westernmost.
const WORLD_DAY: SignedDuration = SignedDuration::from_hours(14 + 24 + 12);

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
    store(symbol, chart, &known, true, false, services).await
}
