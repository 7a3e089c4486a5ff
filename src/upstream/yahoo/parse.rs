//! From an answer's bytes to a [`Chart`]: tolerant in reading, strict in what counts as a bar.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::super::{Chart, Fault, LatestPrice};
use super::bounded::Listed;
use super::classify::classify;
use super::wire::{Columns, Distribution, Envelope, Events, Meta, Series, Text, whole};
use crate::domain::{DailyBar, FaultClass, shortest_decimal};

/// The exchange's clock and ours may differ this much.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(5);

/// Longest name of a currency, an exchange or a kind of instrument; Yahoo's longest has 14.
const MAX_WORD_BYTES: usize = 64;

/// A bar is final when it was fetched this long after the session's close.
const SETTLING: SignedDuration = SignedDuration::from_mins(30);

/// Classifies and parses one answer fetched at `now`. Whether it answers the question asked is for
/// the caller to check.
pub fn parse(status: u16, body: &[u8], now: Timestamp) -> Result<Chart, Fault> {
    classify(status, body)?;
    let text = std::str::from_utf8(body)
        .map_err(|_| Fault::new(FaultClass::Outage, "the answer is not valid UTF-8"))?;
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| {
        // Broken syntax is a body that was damaged on the way; a wrong shape is not.
        let class = if error.is_data() {
            FaultClass::BadPayload
        } else {
            FaultClass::Outage
        };
        Fault::new(class, format!("the answer cannot be read: {error}"))
    })?;
    let Some(series) = envelope.chart.result.0 else {
        return Err(Fault::new(FaultClass::NoData, "the answer holds no series"));
    };
    chart(series, now)
}

fn chart(series: Series<'_>, now: Timestamp) -> Result<Chart, Fault> {
    let meta = &series.meta;
    let zone = zone_of(meta)?;
    let stamps = series.timestamp.unwrap_or_default().0;
    let columns = series.indicators.quote.0.unwrap_or_default();
    let adjusted = series.indicators.adjclose.0.unwrap_or_default().adjclose.0;
    check_lengths(&stamps, &columns, &adjusted)?;
    let mut dates = LocalDates::new(&zone);
    let session = session(meta, &mut dates, now);
    let today = dates.date(now);
    let first_trade_date = meta
        .first_trade_date
        .whole()
        .and_then(|s| dates.date_of_second(s));
    let mut chart = Chart {
        source: super::PROVIDER,
        symbol: meta.symbol.to_string(),
        granularity: meta
            .data_granularity
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        currency: word(meta.currency.as_ref()),
        instrument_type: word(meta.instrument_type.as_ref()),
        exchange: word(meta.exchange_name.as_ref()),
        first_trade_date,
        bars: Vec::with_capacity(stamps.len()),
        rows: stamps.len(),
        null_rows: 0,
        rejected: Vec::new(),
        price: latest_price(meta, now),
        settles_at: session.settles_at,
        splits: Vec::new(),
        dividends: Vec::new(),
        capital_gains: Vec::new(),
        zone: zone.clone(),
    };
    for (index, second) in stamps.into_iter().enumerate() {
        let Some(date) = dates.date_of_second(second) else {
            continue;
        };
        let row = Row::at(&columns, &adjusted, index);
        if row.is_null() {
            chart.null_rows += 1;
            continue;
        }
        add_row(&mut chart, row.bar(date, session.is_final(date)), today);
    }
    if let Some(events) = series.events {
        add_events(&mut chart, &events, &mut dates);
    }
    Ok(chart)
}

/// A short word of the answer; what is long or unprintable is no currency and no exchange.
fn word(text: Option<&Text<'_>>) -> Option<String> {
    let is_word =
        |text: &&Text<'_>| text.len() <= MAX_WORD_BYTES && !text.chars().any(char::is_control);
    text.filter(is_word).map(ToString::to_string)
}

fn add_row(chart: &mut Chart, bar: DailyBar, today: Date) {
    let date = bar.trading_date;
    let verdict = if date > today {
        Err(crate::domain::BarFlaw::Date)
    } else {
        bar.check()
    };
    if let Err(flaw) = verdict {
        chart.rejected.push((bar, flaw));
        return;
    }
    match chart.bars.last_mut() {
        // Today's bar may come twice: once at the open's stamp, once at market time. The later
        // one is the newer.
        Some(last) if last.trading_date == date => *last = bar,
        Some(last) if last.trading_date > date => insert_sorted(&mut chart.bars, bar),
        _ => chart.bars.push(bar),
    }
}

fn insert_sorted(bars: &mut Vec<DailyBar>, bar: DailyBar) {
    match bars.binary_search_by_key(&bar.trading_date, |held| held.trading_date) {
        Ok(at) => {
            if let Some(held) = bars.get_mut(at) {
                *held = bar;
            }
        }
        Err(at) => bars.insert(at, bar),
    }
}

fn add_events(chart: &mut Chart, events: &Events, dates: &mut LocalDates<'_>) {
    for split in events.splits.0.values() {
        let (up, down) = (split.numerator.get(), split.denominator.get());
        if let (Some(up), Some(down), Some(date)) = (
            up,
            down,
            split.date.whole().and_then(|s| dates.date_of_second(s)),
        ) && up > 0.0
            && down > 0.0
        {
            chart.splits.push((date, up / down));
        }
    }
    let mut amounts = |list: &Listed<Distribution>| {
        let found = list.0.values().filter_map(|paid| {
            Some((
                dates.date_of_second(paid.date.whole()?)?,
                shortest_decimal(paid.amount.get()?),
            ))
        });
        found.collect::<Vec<(Date, f64)>>()
    };
    chart.dividends = amounts(&events.dividends);
    chart.capital_gains = amounts(&events.capital_gains);
}

fn zone_of(meta: &Meta<'_>) -> Result<TimeZone, Fault> {
    let name = meta.exchange_timezone_name.as_deref().unwrap_or_default();
    TimeZone::get(name).map_err(|_| {
        let message = format!("the answer names the unknown time zone `{name:.64}`");
        Fault::new(FaultClass::BadPayload, message)
    })
}

/// Columns stand side by side: one of another length would shift prices to other days.
fn check_lengths(stamps: &[i64], columns: &Columns, adjusted: &[f64]) -> Result<(), Fault> {
    let lengths = [
        columns.open.0.len(),
        columns.high.0.len(),
        columns.low.0.len(),
        columns.close.0.len(),
        columns.volume.0.len(),
        adjusted.len(),
    ];
    if lengths
        .iter()
        .all(|length| *length == 0 || *length == stamps.len())
    {
        return Ok(());
    }
    let message = format!(
        "the answer has {} times but columns of {lengths:?}",
        stamps.len()
    );
    Err(Fault::new(FaultClass::BadPayload, message))
}

fn latest_price(meta: &Meta<'_>, now: Timestamp) -> Option<LatestPrice> {
    let sane = |value: Option<f64>| {
        let short = value.map(price);
        short.filter(|value| value.is_finite() && *value > 0.0)
    };
    let price = sane(meta.regular_market_price.get())?;
    let market_time = Timestamp::from_second(meta.regular_market_time.whole()?).ok()?;
    // One price from the future would pass for the newest for ever.
    if market_time > now.saturating_add(CLOCK_SLACK).unwrap_or(now) {
        return None;
    }
    Some(LatestPrice {
        price,
        market_time,
        day_high: sane(meta.regular_market_day_high.get()),
        day_low: sane(meta.regular_market_day_low.get()),
        day_volume: meta
            .regular_market_volume
            .whole()
            .filter(|volume| *volume >= 0),
        previous_close: None,
    })
}

/// A price in its short form; infinite when it is larger than the float32 it must have been.
fn price(value: f64) -> f64 {
    if value.abs() > f64::from(f32::MAX) {
        return f64::INFINITY;
    }
    shortest_decimal(value)
}

/// One row of the answer, absent values NaN.
struct Row {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    adjusted: f64,
    volume: f64,
}

impl Row {
    fn at(columns: &Columns, adjusted: &[f64], index: usize) -> Self {
        let of = |column: &[f64]| column.get(index).copied().unwrap_or(f64::NAN);
        Self {
            open: of(&columns.open.0),
            high: of(&columns.high.0),
            low: of(&columns.low.0),
            close: of(&columns.close.0),
            adjusted: of(adjusted),
            volume: of(&columns.volume.0),
        }
    }

    fn is_null(&self) -> bool {
        [self.open, self.high, self.low, self.close]
            .iter()
            .all(|price| !price.is_finite())
    }

    fn bar(&self, trading_date: Date, is_final: bool) -> DailyBar {
        let adjusted = price(self.adjusted);
        DailyBar {
            trading_date,
            open: price(self.open),
            high: price(self.high),
            low: price(self.low),
            close: price(self.close),
            adj_close: adjusted.is_finite().then_some(adjusted),
            volume: whole(self.volume),
            is_final,
        }
    }
}

/// The upstream's current session, for telling final bars from forming ones.
struct Session {
    date: Date,
    is_settled: bool,
    settles_at: Option<Timestamp>,
}

impl Session {
    fn is_final(&self, date: Date) -> bool {
        date < self.date || (date == self.date && self.is_settled)
    }
}

fn session(meta: &Meta<'_>, dates: &mut LocalDates<'_>, now: Timestamp) -> Session {
    let period = meta
        .current_trading_period
        .as_ref()
        .and_then(|all| all.regular.as_ref());
    let known = period.and_then(|period| {
        let date = dates.date_of_second(period.start.whole()?)?;
        let settled = Timestamp::from_second(period.end.whole()?)
            .ok()?
            .checked_add(SETTLING)
            .ok()?;
        let is_settled = now >= settled;
        Some(Session {
            date,
            is_settled,
            settles_at: (!is_settled).then_some(settled),
        })
    });
    // Without a session only days that are over count.
    known.unwrap_or_else(|| Session {
        date: dates.date(now),
        is_settled: false,
        settles_at: None,
    })
}

/// Local dates of many instants: remembers the stretch of constant offset it is in, because rows
/// come in order and looking a zone up costs more than a row.
struct LocalDates<'z> {
    zone: &'z TimeZone,
    offset: Offset,
    from: Timestamp,
    until: Timestamp,
}

impl<'z> LocalDates<'z> {
    fn new(zone: &'z TimeZone) -> Self {
        let nowhere = Timestamp::MAX;
        Self {
            zone,
            offset: Offset::UTC,
            from: nowhere,
            until: nowhere,
        }
    }

    fn date(&mut self, at: Timestamp) -> Date {
        if at < self.from || at >= self.until {
            let nanosecond = SignedDuration::from_nanos(1);
            let after = at.saturating_add(nanosecond).unwrap_or(at);
            self.offset = self.zone.to_offset(at);
            self.from = self
                .zone
                .preceding(after)
                .next()
                .map_or(Timestamp::MIN, |t| t.timestamp());
            self.until = self
                .zone
                .following(at)
                .next()
                .map_or(Timestamp::MAX, |t| t.timestamp());
        }
        self.offset.to_datetime(at).date()
    }

    fn date_of_second(&mut self, second: i64) -> Option<Date> {
        let at = Timestamp::from_second(second).ok()?;
        Some(self.date(at))
    }
}
