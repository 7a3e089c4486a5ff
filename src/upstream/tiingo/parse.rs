//! From an answer's bytes to a [`Chart`].

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::endpoint::{first_byte, outage, told, unreadable, unwell};
use super::super::refusal::refusal;
use super::super::yahoo::wire::{Number, whole};
use super::super::{Chart, Fault, LatestPrice};
use super::basis::{PRICE_DIGITS, RawRow, split_adjusted};
use super::{Asked, PROVIDER, ZONE, settles_at};
use crate::calendar;
use crate::domain::{BarFlaw, DailyBar, FaultClass, significant};

/// The calendar that tells when a session closed.
const CALENDAR: &str = "XNYS";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    date: Cow<'a, str>,
    #[serde(default)]
    open: Number,
    #[serde(default)]
    high: Number,
    #[serde(default)]
    low: Number,
    #[serde(default)]
    close: Number,
    #[serde(default)]
    volume: Number,
    #[serde(default)]
    adj_close: Number,
    #[serde(default)]
    div_cash: Number,
    #[serde(default)]
    split_factor: Number,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow, default)]
    detail: Option<Cow<'a, str>>,
}

/// Classifies and parses one answer fetched at `now`: bars from the first date asked for until
/// today, split-adjusted, prices rounded to ten significant digits.
pub fn read(status: u16, body: &[u8], asked: &Asked<'_>, now: Timestamp) -> Result<Chart, Fault> {
    let bad = |message: String| Fault::new(FaultClass::BadPayload, message);
    let zone = TimeZone::get(ZONE).map_err(|error| bad(error.to_string()))?;
    let text = rows_text(status, body)?;
    let rows: Vec<Row<'_>> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let today = zone.to_datetime(now).date();
    let mut chart = empty(asked, zone);
    chart.rows = rows.len();
    let mut raw = Vec::with_capacity(rows.len());
    for row in &rows {
        raw.push(raw_row(row, now, &chart.zone).ok_or_else(|| {
            let message = format!("a row has the date `{}`", told(&row.date));
            bad(message)
        })?);
    }
    raw.sort_by_key(|row| row.bar.trading_date);
    if let Some(date) = repeated(&raw) {
        return Err(bad(format!("the answer has two rows of {date}")));
    }
    split_adjusted(&mut raw, asked.until, today).map_err(|error| bad(error.to_string()))?;
    for row in &raw {
        add(&mut chart, row, asked, today);
    }
    if chart.bars.is_empty() && chart.rejected.is_empty() {
        let message = "the upstream has no price in this window";
        return Err(Fault::new(FaultClass::NoData, message));
    }
    finish(&mut chart, now);
    Ok(chart)
}

/// The text of an array of rows; a fault for every other answer.
fn rows_text(status: u16, body: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(body)
        .map_err(|_| outage("the answer is not valid UTF-8".to_owned()))?;
    // Some refusals come as plain text or as JSON, and even with 200.
    if let Some(fault) = by_words(status, text) {
        return Err(fault);
    }
    if let Some(fault) = refusal(status).or_else(|| unwell(status)) {
        return Err(fault);
    }
    match (first_byte(status, body)?, status) {
        (b'[', 200) => Ok(text),
        (_, 404) => Err(not_found("HTTP 404")),
        (b'{', 200) => Err(Fault::new(
            FaultClass::BadPayload,
            "an object instead of rows",
        )),
        (_, 400..500) => Err(Fault::new(
            FaultClass::BadRequest,
            format!("the upstream says (HTTP {status}): {}", told(text)),
        )),
        _ => Err(outage(format!(
            "a text instead of data (HTTP {status}): {}",
            told(text)
        ))),
    }
}

/// What the refusal's own words say, where they are known.
fn by_words(status: u16, text: &str) -> Option<Fault> {
    let text = text.trim_start();
    if status == 200 && text.starts_with('[') {
        return None;
    }
    let parsed = serde_json::from_str::<Refusal<'_>>(text).ok();
    let words = parsed
        .as_ref()
        .and_then(|refusal| refusal.detail.as_deref())
        .unwrap_or(text);
    if text.starts_with('<') {
        return None;
    }
    let lower = words.to_ascii_lowercase();
    if lower.contains("request allocation") || lower.contains("run over your") {
        let message = format!("the upstream says: {}", told(words));
        return Some(Fault::new(FaultClass::RateLimited, message));
    }
    let is_unknown = lower.contains("not found") && matches!(status, 200 | 400 | 404);
    is_unknown.then(|| not_found(&told(words)))
}

fn not_found(words: &str) -> Fault {
    let message = format!("the upstream does not know the symbol: {words}");
    Fault::new(FaultClass::NotFound, message)
}

fn empty(asked: &Asked<'_>, zone: TimeZone) -> Chart {
    Chart {
        currency: Some("USD".to_owned()),
        ..Chart::empty(PROVIDER, asked.symbol.as_str(), zone)
    }
}

fn raw_row(row: &Row<'_>, now: Timestamp, zone: &TimeZone) -> Option<RawRow> {
    // The date stands before the T; the time behind it is always midnight and means nothing.
    let date: Date = row.date.get(..10)?.parse().ok()?;
    let number = |value: Number| value.get().unwrap_or(f64::NAN);
    Some(RawRow {
        bar: DailyBar {
            trading_date: date,
            open: number(row.open),
            high: number(row.high),
            low: number(row.low),
            close: number(row.close),
            adj_close: row.adj_close.get(),
            volume: whole(number(row.volume)),
            is_final: settles_at(date, zone).is_some_and(|at| now >= at),
        },
        split: number(row.split_factor),
        dividend: row.div_cash.get().unwrap_or(0.0),
    })
}

fn repeated(rows: &[RawRow]) -> Option<Date> {
    let pairs = rows.iter().zip(rows.iter().skip(1));
    pairs
        .map(|(one, other)| (one.bar.trading_date, other.bar.trading_date))
        .find_map(|(one, other)| (one == other).then_some(one))
}

fn add(chart: &mut Chart, row: &RawRow, asked: &Asked<'_>, today: Date) {
    let (bar, date) = (row.bar, row.bar.trading_date);
    if date < asked.from {
        return;
    }
    #[allow(clippy::float_cmp, reason = "most days say exactly one")]
    if row.split != 1.0 {
        chart.splits.push((date, row.split));
    }
    if row.dividend > 0.0 {
        chart.dividends.push((date, row.dividend));
    }
    let prices = [bar.open, bar.high, bar.low, bar.close];
    if prices.iter().all(|price| !price.is_finite()) {
        chart.null_rows += 1;
        return;
    }
    let verdict = if date > today {
        Err(BarFlaw::Date)
    } else {
        bar.check()
    };
    match verdict {
        Ok(()) => chart.bars.push(bar),
        Err(flaw) => chart.rejected.push((bar, flaw)),
    }
}

/// The latest price is the newest close, stamped with the close of its session.
fn finish(chart: &mut Chart, now: Timestamp) {
    let Some(newest) = chart.bars.last().copied() else {
        return;
    };
    // Today's row may not be there yet: what is known without it is overtaken in the evening, too.
    let today = chart.zone.to_datetime(now).date();
    let calendar = calendar::market(CALENDAR);
    if calendar
        .as_ref()
        .is_none_or(|calendar| calendar.has_session(today))
    {
        chart.settles_at = settles_at(today, &chart.zone).filter(|at| now < *at);
    }
    let of_calendar = calendar
        .and_then(|calendar| calendar.session(newest.trading_date))
        .map(|session| session.close);
    let four = || {
        let four = newest.trading_date.at(16, 0, 0, 0);
        let zoned = four.to_zoned(chart.zone.clone()).ok()?;
        Some(zoned.timestamp())
    };
    let Some(market_time) = of_calendar.or_else(four) else {
        return;
    };
    chart.price = Some(LatestPrice {
        price: significant(newest.close, PRICE_DIGITS),
        market_time: market_time.min(now),
        day_high: Some(newest.high),
        day_low: Some(newest.low),
        day_volume: newest.volume,
        previous_close: None,
    });
}

#[cfg(test)]
mod tests;
