//! The step all jobs share: ask for a window, make an answer of it, store what is new.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Done, Services, store_fault};
use crate::domain::{DailyBar, FaultClass, Quote, Symbol};
use crate::store::{Answer, Instrument, Known};
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

/// Two ratios this close are the same split; relative.
const RATIO_TOLERANCE: f64 = 0.005;

/// Ratios of a series that was sent in another unit (pence for pounds), not split.
const UNIT_RATIOS: [f64; 4] = [100.0, 0.01, 1_000.0, 0.001];

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
    let mut whole = reach == Reach::Everything;
    match restatement(&chart, &known) {
        Restatement::None => {}
        Restatement::UnitMixUp(ratio) => {
            let message = format!(
                "prices differ from the stored ones by {ratio:.4}: another unit, not stored"
            );
            return Err(Fault::new(FaultClass::BadPayload, message));
        }
        Restatement::Series(reason) => {
            events::DataRestated {
                symbol: symbol.as_str(),
                reason: &reason,
            }
            .emit();
            let earliest = known.high.map(|high| high.covered_from);
            let from = earliest.map_or_else(|| years_before(now), start_of_date);
            let request = ChartRequest { from, ..request };
            chart = services.upstream.chart(&request, budget).await?;
            whole = whole
                || chart
                    .first_trade_date
                    .is_some_and(|first| start_of_date(first) >= from);
        }
    }
    let keep_bars = reach != Reach::LatestPrice || !known.bars.is_empty();
    store(symbol, chart, &known, keep_bars, whole, services).await
}

/// Stores an answer; says which rows were refused.
pub(super) async fn store(
    symbol: &Symbol,
    chart: Chart,
    known: &Known,
    keep_bars: bool,
    whole_history: bool,
    services: &Services,
) -> Result<Done, Fault> {
    let rejected = chart.rejected.len();
    if let Some((date, flaw)) = chart.rejected.first() {
        events::DataRowsRejected {
            provider: services.upstream.name(),
            symbol: symbol.as_str(),
            rows: rejected as u64,
            first_date: &date.to_string(),
            first_reason: &flaw.to_string(),
        }
        .emit();
    }
    if chart.bars.is_empty() && chart.price.is_none() {
        let message = format!("all {rejected} rows of the answer broke a validation rule");
        return Err(Fault::new(FaultClass::BadPayload, message));
    }
    let settles_at = chart.settles_at;
    let newest = chart.bars.last().map(|bar| bar.trading_date);
    let answer = answer(chart, known, keep_bars, services.upstream.name());
    let now = services.clock.now();
    let written = services
        .store
        .save(symbol, &answer, known, now)
        .await
        .map_err(store_fault)?;
    // A backfill that ends in the past says nothing about the newest bars.
    let reaches_newest = newest >= known.bars.last().map(|bar| bar.trading_date);
    if keep_bars && newest.is_some() && reaches_newest {
        services
            .freshness
            .fetched(symbol, now, settles_at, whole_history);
    }
    Ok(Done {
        rows_written: written.rows(),
        rows_rejected: rejected as u64,
    })
}

fn answer(chart: Chart, known: &Known, keep_bars: bool, source: &'static str) -> Answer {
    let quote = chart.price.map(|latest| {
        let trading_date = chart.zone.to_datetime(latest.market_time).date();
        Quote {
            price: latest.price,
            market_time: latest.market_time,
            trading_date,
            currency: chart.currency.clone(),
            previous_close: previous_close(&chart.bars, &known.bars, trading_date),
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
    let bars = if keep_bars { chart.bars } else { Vec::new() };
    Answer {
        bars,
        quote,
        instrument,
        source,
    }
}

/// Close of the last final bar before `date`, of those just sent or those stored.
fn previous_close(sent: &[DailyBar], stored: &[DailyBar], date: Date) -> Option<f64> {
    let last = |bars: &[DailyBar]| {
        bars.iter()
            .rev()
            .find(|bar| bar.is_final && bar.trading_date < date)
            .copied()
    };
    let newest = [last(sent), last(stored)]
        .into_iter()
        .flatten()
        .max_by_key(|bar| bar.trading_date);
    newest.map(|bar| bar.close)
}

fn start(reach: Reach, known: &Known, now: Timestamp) -> Timestamp {
    let overlap = known.bars.len().saturating_sub(OVERLAP_SESSIONS);
    match (reach, known.bars.get(overlap)) {
        (Reach::Everything, _) => Timestamp::constant(-2_208_988_800, 0), // 1900-01-01
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

/// What the overlap tells about the series.
#[derive(Debug, PartialEq)]
enum Restatement {
    None,
    Series(String),
    UnitMixUp(f64),
}

fn restatement(chart: &Chart, known: &Known) -> Restatement {
    let Some(last) = known.bars.last() else {
        return Restatement::None;
    };
    if let Some((date, ratio)) = chart
        .splits
        .iter()
        .find(|(date, _)| *date > last.trading_date)
    {
        return Restatement::Series(format!("split {ratio}:1 on {date}"));
    }
    let pairs = known
        .bars
        .iter()
        .filter(|bar| bar.is_final)
        .filter_map(|old| {
            let at = chart
                .bars
                .binary_search_by_key(&old.trading_date, |bar| bar.trading_date)
                .ok()?;
            chart.bars.get(at).map(|new| new.close / old.close)
        });
    let ratios: Vec<f64> = pairs.collect();
    let Some(first) = ratios.first().copied() else {
        return Restatement::None;
    };
    let alike = |a: f64, b: f64| (a / b - 1.0).abs() <= RATIO_TOLERANCE;
    if alike(first, 1.0) || ratios.len() < 3 || !ratios.iter().all(|ratio| alike(*ratio, first)) {
        return Restatement::None;
    }
    let known_split = chart
        .splits
        .iter()
        .any(|(_, split)| alike(first, 1.0 / split));
    if !known_split && UNIT_RATIOS.iter().any(|unit| alike(first, *unit)) {
        return Restatement::UnitMixUp(first);
    }
    Restatement::Series(format!(
        "all closes of the overlap changed by the factor {first:.6}"
    ))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn bar(day: i8, close: f64) -> DailyBar {
        DailyBar {
            trading_date: date(2026, 1, day),
            open: close,
            high: close,
            low: close,
            close,
            adj_close: None,
            volume: None,
            is_final: true,
        }
    }

    fn chart(bars: Vec<DailyBar>, splits: Vec<(Date, f64)>) -> Chart {
        Chart {
            symbol: "X".into(),
            granularity: "1d".into(),
            zone: TimeZone::UTC,
            currency: None,
            instrument_type: None,
            exchange: None,
            first_trade_date: None,
            stamps: None,
            rows: bars.len(),
            bars,
            null_rows: 0,
            rejected: Vec::new(),
            price: None,
            settles_at: None,
            splits,
            dividends: Vec::new(),
            capital_gains: Vec::new(),
        }
    }

    fn known() -> Known {
        Known {
            bars: vec![bar(5, 100.0), bar(6, 110.0), bar(7, 120.0)],
            ..Known::default()
        }
    }

    #[test]
    fn an_unchanged_overlap_and_a_single_correction_are_no_restatement() {
        let same = chart(
            vec![bar(5, 100.0), bar(6, 110.0), bar(7, 120.0), bar(8, 60.0)],
            vec![],
        );
        assert_eq!(restatement(&same, &known()), Restatement::None);
        let one = chart(vec![bar(5, 100.0), bar(6, 111.0), bar(7, 120.0)], vec![]);
        assert_eq!(restatement(&one, &known()), Restatement::None);
    }

    #[test]
    fn a_new_split_or_one_common_factor_restates_the_series() {
        let split = chart(vec![bar(7, 120.0)], vec![(date(2026, 1, 8), 4.0)]);
        assert!(matches!(
            restatement(&split, &known()),
            Restatement::Series(_)
        ));
        let halved = chart(vec![bar(5, 50.0), bar(6, 55.0), bar(7, 60.0)], vec![]);
        assert!(matches!(
            restatement(&halved, &known()),
            Restatement::Series(_)
        ));
    }

    #[test]
    fn a_factor_of_a_hundred_without_a_split_is_another_unit() {
        let pence = chart(
            vec![bar(5, 10_000.0), bar(6, 11_000.0), bar(7, 12_000.0)],
            vec![],
        );
        assert_eq!(restatement(&pence, &known()), Restatement::UnitMixUp(100.0));
    }

    #[test]
    fn the_previous_close_is_the_last_final_one_before_the_quotes_session() {
        let forming = DailyBar {
            is_final: false,
            ..bar(8, 130.0)
        };
        let sent = [bar(7, 120.0), forming];
        assert_eq!(previous_close(&sent, &[], date(2026, 1, 8)), Some(120.0));
        assert_eq!(
            previous_close(&[forming], &known().bars, date(2026, 1, 8)),
            Some(120.0)
        );
        assert_eq!(previous_close(&[], &[], date(2026, 1, 8)), None);
    }
}
