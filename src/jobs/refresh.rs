//! The step all jobs share: ask for a window, make an answer of it, store what is new.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::restatement::Restatement;
use super::splice::{Standing, compare};
use super::{Done, Services, alerts, store_fault};
use crate::domain::{DailyBar, FaultClass, PriceBasis, PriceSnapshot, Quote, Symbol};
use crate::store::{Answer, Covers, Instrument, Known};
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

/// Two statements of the same close differ by less, relative.
const SAME_CLOSE: f64 = 1e-4;

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

/// What of an answer is kept, and what its bars say about the time they span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The latest price only: the symbol's bars are nobody's business yet.
    Quote,
    /// The bars only: they are a piece of the past.
    Piece(Covers),
    /// Everything: the bars reach until now.
    Series(Covers),
}

/// Asks, checks, stores; refetches the whole series when the upstream has restated it. The caller
/// holds the symbol's [`super::freshness::Turn`].
pub(super) async fn refresh(
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
    let mut chart = services.upstream.chart(&request, budget).await?;
    let mut covers = match (reach, known.high) {
        (Reach::Everything, _) | (_, None) => Covers::FromFirstBar,
        _ => Covers::Unchanged,
    };
    let (verdict, standing) = judge(&chart, &known, budget)?;
    if verdict != Restatement::None {
        services.upstream.forget(symbol);
    }
    let restated = match verdict {
        Restatement::None => None,
        Restatement::UnitMixUp(ratio) => {
            let message = format!(
                "prices differ from the stored ones by {ratio:.4}: another unit, not stored"
            );
            return Err(Fault::new(FaultClass::BadPayload, message));
        }
        Restatement::Prices(reason) => Some((reason, Covers::Replaced)),
        Restatement::Adjusted(reason) => Some((reason, covers)),
    };
    if let (Some((reason, how)), Some(high)) = (restated, known.high) {
        events::DataRestated {
            symbol: symbol.as_str(),
            reason: &reason,
        }
        .emit();
        covers = how;
        if reach != Reach::Everything {
            let from = start_of_date(high.covered_from).min(request.from);
            let request = ChartRequest { from, ..request };
            chart = from_the_same(&chart, &request, &reason, services, budget).await?;
        }
        // A shorter answer would leave the older bars on the old scale, for ever.
        let reached = high
            .covered_from
            .saturating_add(jiff::Span::new().days(REACH_SLACK_DAYS));
        if chart
            .bars
            .first()
            .is_none_or(|bar| bar.trading_date > reached)
        {
            let message = format!(
                "restated ({reason}), but not sent back to {}",
                high.covered_from
            );
            return Err(Fault::new(FaultClass::BadPayload, message));
        }
    }
    let keep = match reach {
        Reach::LatestPrice if known.high.is_none() => Keep::Quote,
        _ => Keep::Series(covers),
    };
    let done = store(symbol, chart, &known, (keep, standing), services).await?;
    if reach == Reach::Everything {
        services.freshness.fetched_whole_history(symbol);
    }
    Ok(done)
}

/// Whether the series was restated, and what the answer may do. If it was, nothing the upstream
/// said before is to be given again.
fn judge(chart: &Chart, known: &Known, budget: &Budget) -> Result<(Restatement, Standing), Fault> {
    // Pieces without a series have nothing to restate.
    match known.high {
        None => Ok((Restatement::None, Standing::Keeps)),
        Some(_) => compare(chart, budget.providers(), known),
    }
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

/// Stores an answer; says which rows were refused.
pub(super) async fn store(
    symbol: &Symbol,
    chart: Chart,
    known: &Known,
    (keep, standing): (Keep, Standing),
    services: &Services,
) -> Result<Done, Fault> {
    if chart.price_basis != PriceBasis::SplitAdjusted {
        let message = format!("{} sent prices that are not split-adjusted", chart.source);
        return Err(Fault::new(FaultClass::BadPayload, message));
    }
    let rows_rejected = chart.rejected.len() as u64;
    if let Some((date, flaw)) = chart.rejected.first() {
        events::DataRowsRejected {
            provider: chart.source,
            symbol: symbol.as_str(),
            rows: rows_rejected,
            first_date: &date.to_string(),
            first_reason: &flaw.to_string(),
        }
        .emit();
    }
    let has_price = chart.price.is_some() && !matches!(keep, Keep::Piece(_));
    if chart.bars.is_empty() && !has_price {
        return Err(match rows_rejected {
            0 => Fault::new(
                FaultClass::NoData,
                "the upstream has no session in this window",
            ),
            n => {
                let message = format!("all {n} rows of the answer broke a validation rule");
                Fault::new(FaultClass::BadPayload, message)
            }
        });
    }
    let settles_at = chart.settles_at;
    let previous = previous_session(&chart, known);
    let mut answer = answer(chart, previous, keep);
    if standing == Standing::Fills {
        answer.fills_only = true;
        answer.instrument = known.instrument.clone().unwrap_or(answer.instrument);
        if let Some(quote) = &mut answer.quote {
            quote.currency.clone_from(&answer.instrument.currency);
        }
    }
    let now = services.clock.now();
    let written = services
        .store
        .save(symbol, &answer, known, now)
        .await
        .map_err(store_fault)?;
    if matches!(keep, Keep::Series(_)) && !answer.bars.is_empty() {
        services.freshness.fetched(symbol, now, settles_at);
    }
    if let Some(quote) = &answer.quote {
        alerts::judge(symbol, quote, previous, services).await;
    }
    Ok(Done {
        rows_written: written.rows(),
        rows_rejected,
    })
}

fn answer(chart: Chart, previous: Option<PriceSnapshot>, keep: Keep) -> Answer {
    let quote = chart
        .price
        .filter(|_| !matches!(keep, Keep::Piece(_)))
        .map(|latest| {
            let trading_date = chart.zone.to_datetime(latest.market_time).date();
            Quote {
                price: latest.price,
                market_time: latest.market_time,
                trading_date,
                currency: chart.currency.clone(),
                previous_close: latest
                    .previous_close
                    .or(previous.map(|session| session.close)),
                day_high: latest.day_high,
                day_low: latest.day_low,
                day_volume: latest.day_volume,
            }
        });
    let instrument = Instrument {
        currency: chart.currency,
        timezone: chart.zone.iana_name().unwrap_or("UTC").to_owned(),
        instrument_type: chart.instrument_type,
        exchange: chart.exchange,
        first_trade_date: chart.first_trade_date,
    };
    let (bars, covers) = match keep {
        Keep::Quote => (Vec::new(), Covers::Unchanged),
        Keep::Piece(covers) | Keep::Series(covers) => (chart.bars, covers),
    };
    Answer {
        bars,
        quote,
        instrument,
        source: chart.source,
        covers,
        fills_only: false,
    }
}

/// The session before that of the answer's price.
fn previous_session(chart: &Chart, known: &Known) -> Option<PriceSnapshot> {
    let latest = chart.price?;
    let date = chart.zone.to_datetime(latest.market_time).date();
    let bar = last_final_before(&chart.bars, &known.bars, date)?;
    // An answer without bars says what the session before closed at: is the stored one that one?
    if let Some(close) = latest.previous_close
        && (close / bar.close - 1.0).abs() > SAME_CLOSE
    {
        return None;
    }
    Some(PriceSnapshot {
        trading_date: bar.trading_date,
        close: bar.close,
        high: bar.high,
        low: bar.low,
    })
}

/// The last final bar before `date`, of those just sent or those stored; what was just sent wins
/// for the same session, because the upstream may have corrected it.
fn last_final_before(sent: &[DailyBar], stored: &[DailyBar], date: Date) -> Option<DailyBar> {
    let last = |bars: &[DailyBar]| {
        bars.iter()
            .rev()
            .find(|bar| bar.is_final && bar.trading_date < date)
            .copied()
    };
    // Of equal dates `max_by_key` takes the last.
    let newest = [last(stored), last(sent)].into_iter().flatten();
    newest.max_by_key(|bar| bar.trading_date)
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::jobs::restatement::tests::{bar, known};

    #[test]
    fn the_previous_close_is_the_last_final_one_before_the_quotes_session() {
        let forming = DailyBar {
            is_final: false,
            ..bar(8, 130.0)
        };
        let previous_close = |sent: &[DailyBar], stored: &[DailyBar], date| {
            last_final_before(sent, stored, date).map(|bar| bar.close)
        };
        let sent = [bar(7, 120.0), forming];
        assert_eq!(previous_close(&sent, &[], date(2026, 1, 8)), Some(120.0));
        assert_eq!(
            previous_close(&[forming], &known().bars, date(2026, 1, 8)),
            Some(120.0)
        );
        assert_eq!(previous_close(&[], &[], date(2026, 1, 8)), None);
        let split = [bar(7, 30.0)];
        let after = previous_close(&split, &known().bars, date(2026, 1, 8));
        assert_eq!(
            after,
            Some(30.0),
            "what was just sent is newer than what is stored"
        );
    }
}
