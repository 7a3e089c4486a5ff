//! The step all jobs share: ask for a window, make an answer of it, store what is new.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::identity::check_identity;
use super::keep::{Judged, Keep, store};
use super::restatement::Restatement;
use super::splice::{Standing, compare, fits_window};
use super::{Done, Services, store_fault};
use crate::domain::{FaultClass, Symbol};
use crate::store::{Covers, Known};
use crate::telemetry::events;
use crate::upstream::{Budget, Chart, ChartRequest, Fault};

/// Stored sessions every incremental request asks for again, to notice corrections.
pub(super) const OVERLAP_SESSIONS: usize = 10;

/// Stored bars read back: the overlap, and one before it for the previous close.
pub(super) const KNOWN_BARS: u64 = OVERLAP_SESSIONS as u64 + 2;

/// How far back a symbol's first request goes.
const FIRST_REQUEST_YEARS: i16 = 10;

/// Days asked for when no bar is stored and only the latest price is wanted.
const QUOTE_DAYS: i64 = 16;

/// Older than any series: 1900-01-01.
const BEFORE_EVERYTHING: Timestamp = Timestamp::constant(-2_208_988_800, 0);

/// A restated series may begin this many days after the stored one.
const REACH_SLACK_DAYS: i64 = 10;

/// How far back a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What is new, with the overlap; ten years when nothing is stored.
    Incremental,
    /// Just enough for the latest price; as incremental when bars are stored.
    LatestPrice,
    /// All there is.
    Everything,
}

/// Asks, checks, stores; refetches the whole series when the upstream has restated it. The caller
/// holds the symbol's [`super::freshness::Turn`].
pub(super) async fn refresh(
    symbol: &Symbol,
    reach: Reach,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let done = Box::pin(ask_and_store(symbol, reach, services, budget)).await;
    let is_bad = match &done {
        Ok(done) => done.rows_rejected > 0,
        Err(fault) => matches!(fault.class, FaultClass::BadPayload | FaultClass::Refused),
    };
    if is_bad {
        // Asked again, the upstream is to answer anew.
        services.upstream.forget(symbol);
    }
    done
}

async fn ask_and_store(
    symbol: &Symbol,
    reach: Reach,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let known = services
        .store
        .known(symbol, KNOWN_BARS)
        .await
        .map_err(store_fault)?;
    let now = services.clock.now();
    let request = ChartRequest {
        symbol: symbol.clone(),
        from: start(reach, &known, now),
        to: now,
    };
    let chart = services.upstream.chart(&request, budget).await?;
    check_identity(symbol, &chart, &known, services).await?;
    let covers = match (reach, known.high) {
        (Reach::Everything, _) | (_, None) => Covers::FromFirstBar,
        _ => Covers::Unchanged,
    };
    // Pieces without a series have nothing to restate.
    let (verdict, standing) = match known.high {
        None => (Restatement::None, Standing::Keeps),
        Some(_) => compare(&chart, budget.providers(), &known)?,
    };
    if verdict != Restatement::None {
        // What the upstream said before is not to be given again.
        services.upstream.forget(symbol);
    }
    let restated = match verdict {
        Restatement::Prices(reason) => Some((reason, Covers::Replaced)),
        Restatement::Adjusted(reason) => Some((reason, covers)),
        Restatement::None | Restatement::UnitMixUp(_) => None,
    };
    let cannot_take_over = standing == Standing::TakesOver
        && services.freshness.is_too_short(symbol, chart.source, now);
    let done = match (restated, known.high) {
        (Some(_), Some(_)) if cannot_take_over => fill(chart, symbol, &known, services).await?,
        (Some((reason, covers)), Some(high)) => {
            let restated = Restated {
                reason,
                covers,
                reach,
                covered_from: high.covered_from,
            };
            // Rare and large: not on the stack of every other task.
            Box::pin(restate(chart, &request, &known, restated, services, budget)).await?
        }
        _ => {
            let keep = match reach {
                Reach::LatestPrice if known.high.is_none() => Keep::Quote,
                _ => Keep::Series(covers),
            };
            let judged = Judged::new(symbol, chart, &known, &known.bars, services);
            let judged = judged.standing(standing);
            Box::pin(store(symbol, judged, &known, keep, services)).await?
        }
    };
    if reach == Reach::Everything {
        services.freshness.fetched_whole_history(symbol);
    }
    Ok(done)
}

/// What the upstream has done to a series.
struct Restated {
    reason: String,
    covers: Covers,
    reach: Reach,
    covered_from: Date,
}

/// Fetches all that is stored again, and swaps it.
async fn restate(
    mut chart: Chart,
    request: &ChartRequest,
    known: &Known,
    restated: Restated,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let symbol = &request.symbol;
    let Restated {
        reason,
        mut covers,
        reach,
        covered_from,
    } = restated;
    if reach != Reach::Everything {
        // Pieces before the series are on its scale, too.
        let oldest = services.store.oldest_session(symbol).await;
        let oldest = oldest.map_err(store_fault)?;
        let begins = oldest.map_or(covered_from, |oldest| oldest.min(covered_from));
        if begins < covered_from && covers == Covers::Unchanged {
            covers = Covers::FromFirstBar;
        }
        let whole = ChartRequest {
            from: start_of_date(begins).min(request.from),
            ..request.clone()
        };
        chart = from_the_same(&chart, &whole, &reason, services, budget).await?;
        check_identity(symbol, &chart, known, services).await?;
    }
    // A shorter answer would leave the older bars on the old scale, for ever.
    let reached = covered_from.saturating_add(jiff::Span::new().days(REACH_SLACK_DAYS));
    let first = chart.bars.first();
    if first.is_none_or(|bar| bar.trading_date > reached) {
        if known.sources.iter().any(|source| source != chart.source) {
            let now = services.clock.now();
            services
                .freshness
                .reaches_too_short(symbol, chart.source, now);
            return fill(chart, symbol, known, services).await;
        }
        let message = format!("restated ({reason}), but not sent back to {covered_from}");
        return Err(Fault::new(FaultClass::BadPayload, message));
    }
    events::DataRestated {
        symbol: symbol.as_str(),
        reason: &reason,
    }
    .emit();
    // Where all prices have changed, the stored ones prove nothing about the new ones.
    let stored = if covers == Covers::Replaced {
        &[]
    } else {
        known.bars.as_slice()
    };
    let judged = Judged::new(symbol, chart, known, stored, services).restated(reason);
    if let Err(fault) = judged.check_whole(symbol) {
        // What is not believed is there to be looked at, and released.
        judged.hold(symbol, services).await?;
        return Err(fault);
    }
    Box::pin(store(symbol, judged, known, Keep::Series(covers), services)).await
}

/// An answer that does not go back far enough to take the series over: it only fills.
async fn fill(
    chart: Chart,
    symbol: &Symbol,
    known: &Known,
    services: &Services,
) -> Result<Done, Fault> {
    fits_window(&chart, known, &[])?;
    let judged = Judged::new(symbol, chart, known, &known.bars, services);
    let keep = Keep::Series(Covers::Unchanged);
    store(
        symbol,
        judged.standing(Standing::Fills),
        known,
        keep,
        services,
    )
    .await
}

/// The whole series of the provider that has told of its restatement; another one's would be a
/// mixture.
async fn from_the_same(
    told: &Chart,
    request: &ChartRequest,
    reason: &str,
    services: &Services,
    budget: &Budget,
) -> Result<Chart, Fault> {
    let chart = services.upstream.chart(request, budget).await?;
    if chart.source == told.source {
        return Ok(chart);
    }
    let message = format!(
        "restated by {} ({reason}), which then could not send the whole series",
        told.source
    );
    Err(Fault::new(FaultClass::Outage, message))
}

fn start(reach: Reach, known: &Known, now: Timestamp) -> Timestamp {
    let overlap = known.bars.len().saturating_sub(OVERLAP_SESSIONS);
    // Without a high there is no series yet, at most pieces of one.
    let newest = known.bars.get(overlap).filter(|_| known.high.is_some());
    match (reach, newest) {
        (Reach::Everything, _) => BEFORE_EVERYTHING,
        (_, Some(bar)) => start_of_date(bar.trading_date),
        (Reach::LatestPrice, None) => now
            .saturating_sub(SignedDuration::from_hours(24 * QUOTE_DAYS))
            .unwrap_or(Timestamp::UNIX_EPOCH),
        (Reach::Incremental, None) => years_before(now),
    }
}

/// Midnight before a date in the easternmost zone: early enough for every exchange.
pub(super) fn start_of_date(date: Date) -> Timestamp {
    let midnight = date
        .to_zoned(TimeZone::UTC)
        .map(|zoned| zoned.timestamp())
        .unwrap_or_default();
    midnight
        .saturating_sub(SignedDuration::from_hours(14))
        .unwrap_or(midnight)
}

fn years_before(now: Timestamp) -> Timestamp {
    let today = now.to_zoned(TimeZone::UTC).date();
    let start = today.checked_sub(jiff::Span::new().years(FIRST_REQUEST_YEARS));
    start.map_or(Timestamp::UNIX_EPOCH, start_of_date)
}
