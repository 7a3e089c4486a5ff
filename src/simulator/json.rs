//! Chart answers as JSON text, written column by column without building a tree.

use std::io::Write as _;

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::Serialize;

use super::market::{Market, Moment, day_number};
use super::query::Window;
use super::walk::Day;

/// Bytes of a row over all columns, for the first allocation.
const ROW_BYTES: usize = 128;
const META_BYTES: usize = 2_048;
const ALL_RANGES: &str = r#"["1d","5d","1mo","3mo","6mo","1y","2y","5y","10y","ytd","max"]"#;

/// One bar of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// `timestamp`, epoch seconds.
    pub(super) stamp_s: i64,
    /// Trading date, days since 1970.
    pub(super) date: i32,
    /// Prices and volume.
    pub(super) day: Day,
    /// Close less the dividends paid later.
    pub(super) adjusted_close: f64,
    /// Whether all columns but the stamp are null.
    pub(super) is_null: bool,
}

/// A corporate event: its instant, and the amount or the ratio.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// Dividend per share.
    Dividend(i64, f64),
    /// New shares for one old.
    Split(i64, u32),
}

/// Everything an answer with HTTP 200 tells.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    /// `meta.symbol`.
    pub(super) symbol: &'a str,
    /// `meta.currency`.
    pub(super) currency: &'a str,
    /// The symbol's market.
    pub(super) market: &'a Market,
    /// How the market stands.
    pub(super) moment: &'a Moment,
    /// What was asked.
    pub(super) window: Window,
    /// `meta.firstTradeDate`.
    pub(super) first_trade_s: i64,
    /// The newest session as far as it has come.
    pub(super) newest: Day,
    /// High and low of the year before the newest session.
    pub(super) year_range: (f64, f64),
    /// `meta.chartPreviousClose`.
    pub(super) previous_close: f64,
    /// Events in the window.
    pub(super) events: &'a [Event],
    /// Bars in the window.
    pub(super) rows: &'a [Row],
}

impl Chart<'_> {
    /// The answer's body.
    pub(super) fn render(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(META_BYTES + ROW_BYTES * self.rows.len());
        self.meta(&mut out);
        if !self.rows.is_empty() {
            out.extend_from_slice(br#","timestamp":"#);
            column(&mut out, self.rows.iter().map(|row| row.stamp_s));
        }
        self.events(&mut out);
        if self.rows.is_empty() {
            out.extend_from_slice(NO_BARS);
            return out;
        }
        out.extend_from_slice(br#","indicators":{"quote":[{"open":"#);
        self.prices(&mut out, |row| row.day.open);
        out.extend_from_slice(br#","high":"#);
        self.prices(&mut out, |row| row.day.high);
        out.extend_from_slice(br#","low":"#);
        self.prices(&mut out, |row| row.day.low);
        out.extend_from_slice(br#","close":"#);
        self.prices(&mut out, |row| row.day.close);
        out.extend_from_slice(br#","volume":"#);
        column(
            &mut out,
            self.rows
                .iter()
                .map(|row| (!row.is_null).then_some(row.day.volume)),
        );
        out.extend_from_slice(br#"}],"adjclose":[{"adjclose":"#);
        self.prices(&mut out, |row| row.adjusted_close);
        out.extend_from_slice(br#"}]}}],"error":null}}"#);
        out
    }

    /// A column of prices: float32 widened, in full, as Yahoo prints them.
    fn prices(&self, out: &mut Vec<u8>, of: impl Fn(&Row) -> f64) {
        let widened = |row: &Row| (!row.is_null).then(|| f64::from(narrow(of(row))));
        column(out, self.rows.iter().map(widened));
    }

    fn meta(&self, out: &mut Vec<u8>) {
        let (market, moment, newest) = (self.market, self.moment, self.newest);
        let (year_high, year_low) = self.year_range;
        opening(out, Some(self.currency), self.symbol, market.exchange);
        put(
            out,
            format_args!(
                r#""fullExchangeName":"{}","instrumentType":"{}","firstTradeDate":{},"regularMarketTime":{},"hasPrePostMarketData":{},"#,
                market.full_exchange,
                market.instrument,
                self.first_trade_s,
                moment.market_time_s,
                market.has_pre_post,
            ),
        );
        zone(out, market, moment);
        put(
            out,
            format_args!(
                r#""regularMarketPrice":{},"fiftyTwoWeekHigh":{},"fiftyTwoWeekLow":{},"regularMarketDayHigh":{},"regularMarketDayLow":{},"regularMarketVolume":{},"longName":"Simulated {}","shortName":"{}","chartPreviousClose":{},"priceHint":{},"#,
                narrow(newest.close),
                narrow(year_high.max(newest.high)),
                narrow(year_low.min(newest.low)),
                narrow(newest.high),
                narrow(newest.low),
                newest.volume,
                self.symbol,
                self.symbol,
                narrow(self.previous_close),
                if market.ticks_per_unit > 100.0 { 4 } else { 2 },
            ),
        );
        trading_period(out, market, moment);
        let granularity = if self.window.is_quarterly() {
            "3mo"
        } else {
            "1d"
        };
        closing(out, granularity, self.window.range_name(), ALL_RANGES);
    }

    fn events(&self, out: &mut Vec<u8>) {
        if self.events.is_empty() {
            return;
        }
        let dividends: Vec<String> = self.events.iter().filter_map(Event::dividend).collect();
        let splits: Vec<String> = self.events.iter().filter_map(Event::split).collect();
        let groups: Vec<String> = [("dividends", dividends), ("splits", splits)]
            .into_iter()
            .filter(|(_, entries)| !entries.is_empty())
            .map(|(name, entries)| format!(r#""{name}":{{{}}}"#, entries.join(",")))
            .collect();
        put(out, format_args!(r#","events":{{{}}}"#, groups.join(",")));
    }
}

impl Event {
    fn dividend(&self) -> Option<String> {
        let Self::Dividend(at_s, amount) = self else {
            return None;
        };
        let amount = narrow(*amount);
        Some(format!(r#""{at_s}":{{"amount":{amount},"date":{at_s}}}"#))
    }

    fn split(&self) -> Option<String> {
        let Self::Split(at_s, ratio) = self else {
            return None;
        };
        Some(format!(
            r#""{at_s}":{{"date":{at_s},"numerator":{ratio},"denominator":1,"splitRatio":"{ratio}:1"}}"#
        ))
    }
}

/// A symbol of which only the name is left, as the recorded CAPIO.ST.
pub(super) fn dead(symbol: &str, market: &Market, moment: &Moment) -> Vec<u8> {
    let mut out = Vec::with_capacity(META_BYTES);
    opening(&mut out, None, symbol, "YHD");
    put(
        &mut out,
        format_args!(
            r#""fullExchangeName":"YHD","instrumentType":"MUTUALFUND","firstTradeDate":null,"regularMarketTime":1561759658,"hasPrePostMarketData":false,"#
        ),
    );
    zone(&mut out, market, moment);
    put(
        &mut out,
        format_args!(r#""longName":"Simulated {symbol}","priceHint":2,"#),
    );
    trading_period(&mut out, market, moment);
    let ranges = r#"["1mo","3mo","6mo","ytd","1y","2y","5y","10y","max"]"#;
    closing(&mut out, "1d", "", ranges);
    out.extend_from_slice(NO_BARS);
    out
}

/// A symbol with a price and without bars, as the recorded APS.AX.
pub(super) fn empty(symbol: &str, market: &Market, moment: &Moment) -> Vec<u8> {
    let mut out = Vec::with_capacity(META_BYTES);
    opening(
        &mut out,
        Some(market.currency(symbol)),
        symbol,
        market.exchange,
    );
    put(
        &mut out,
        format_args!(
            r#""instrumentType":"{}","firstTradeDate":null,"regularMarketTime":{},"#,
            market.instrument, moment.market_time_s
        ),
    );
    zone(&mut out, market, moment);
    put(
        &mut out,
        format_args!(r#""regularMarketPrice":0.17,"priceHint":4,"#),
    );
    trading_period(&mut out, market, moment);
    closing(&mut out, "1d", "", r#"["1d","5d"]"#);
    out.extend_from_slice(NO_BARS);
    out
}

const NO_BARS: &[u8] = br#","indicators":{"quote":[{}],"adjclose":[{}]}}],"error":null}}"#;

/// An error in Yahoo's envelope.
pub(super) fn error(code: &str, description: &str) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(br#"{"chart":{"result":null,"error":{"code":"#);
    value(&mut out, &code);
    out.extend_from_slice(br#","description":"#);
    value(&mut out, &description);
    out.extend_from_slice(b"}}}");
    out
}

/// First days of a day's quarter and of the next one.
pub(super) fn quarter(day: i32) -> (i32, i32) {
    let date = Span::new()
        .try_days(day)
        .and_then(|span| Date::constant(1970, 1, 1).checked_add(span))
        .unwrap_or(Date::MAX);
    let month = (date.month() - 1) / 3 * 3 + 1;
    let start = Date::new(date.year(), month, 1).unwrap_or(date);
    let end = Span::new()
        .try_months(3)
        .and_then(|span| start.checked_add(span))
        .unwrap_or(Date::MAX);
    (day_number(start), day_number(end))
}

fn opening(out: &mut Vec<u8>, currency: Option<&str>, symbol: &str, exchange: &str) {
    out.extend_from_slice(br#"{"chart":{"result":[{"meta":{"currency":"#);
    value(out, &currency);
    put(
        out,
        format_args!(r#","symbol":"{symbol}","exchangeName":"{exchange}","#),
    );
}

fn closing(out: &mut Vec<u8>, granularity: &str, range: &str, ranges: &str) {
    put(
        out,
        format_args!(
            r#""dataGranularity":"{granularity}","range":"{range}","validRanges":{ranges}}}"#
        ),
    );
}

fn zone(out: &mut Vec<u8>, market: &Market, moment: &Moment) {
    let (abbreviation, offset_s) = clock_of(market, moment.now_s);
    put(
        out,
        format_args!(
            r#""gmtoffset":{offset_s},"timezone":"{abbreviation}","exchangeTimezoneName":"{}","#,
            market.zone.name
        ),
    );
}

/// Today's bells, or those of the next session when today is none.
fn trading_period(out: &mut Vec<u8>, market: &Market, moment: &Moment) {
    let day = market.day_of(market.session_from(moment.today));
    let (hours, close_s) = (market.hours, market.close_s(day));
    out.extend_from_slice(br#""currentTradingPeriod":{"#);
    let periods = [
        ("pre", hours.pre_s, hours.open_s),
        ("regular", hours.open_s, close_s),
        ("post", close_s, hours.post_s),
    ];
    for (index, (name, from_s, until_s)) in periods.into_iter().enumerate() {
        let (start, end) = (
            market.bell_utc_s(day, from_s),
            market.bell_utc_s(day, until_s),
        );
        let (abbreviation, offset_s) = clock_of(market, start);
        let comma = if index == 0 { "" } else { "," };
        put(
            out,
            format_args!(
                r#"{comma}"{name}":{{"timezone":"{abbreviation}","start":{start},"end":{end},"gmtoffset":{offset_s}}}"#
            ),
        );
    }
    out.extend_from_slice(b"},");
}

/// Abbreviation and offset of a market's zone at an instant.
fn clock_of(market: &Market, utc_s: i64) -> (String, i64) {
    let at = Timestamp::from_second(utc_s).unwrap_or_default();
    let info = market.zone.tz.to_offset_info(at);
    (
        info.abbreviation().to_owned(),
        i64::from(info.offset().seconds()),
    )
}

fn column<T: Serialize>(out: &mut Vec<u8>, values: impl Iterator<Item = T>) {
    out.push(b'[');
    for (index, item) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        value(out, &item);
    }
    out.push(b']');
}

/// Writes one JSON value; neither numbers nor texts nor a `Vec` can fail.
fn value<T: Serialize>(out: &mut Vec<u8>, item: &T) {
    let _ = serde_json::to_writer(&mut *out, item);
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "Yahoo's prices are float32: narrowing is the point"
)]
pub(super) fn narrow(price: f64) -> f32 {
    price as f32
}
