//! From a spark answer's bytes to latest prices by symbol.
//!
//! Two shapes are known. v7: `{"spark":{"result":[{"symbol":…,"response":[{"meta":{…},"timestamp":[…],
//! "indicators":{"quote":[{"close":[…]}]}}]}],"error":null}}`, in any order, `meta` as in a chart but
//! shorter. v8: `{"AAPL":{"symbol":…,"timestamp":[…],"close":[…],"previousClose":…}}`. We ask v7 and
//! understand both.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::PROVIDER;
use super::bounded::Numbers;
use super::classify::classify;
use super::spark::not_after;
use super::wire::{Indicators, Number, Text};
use crate::domain::{FaultClass, shortest_decimal};
use crate::upstream::{Chart, Fault, LatestPrice};

/// The exchange's clock and ours may differ this much.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(5);

/// The answer with an envelope, and the one without.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<'a> {
    Enveloped(#[serde(borrow)] Envelope<'a>),
    Flat(#[serde(borrow)] BTreeMap<Cow<'a, str>, Option<Flat<'a>>>),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    spark: Spark<'a>,
}

#[derive(Deserialize)]
struct Spark<'a> {
    #[serde(borrow, default)]
    result: Option<Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    #[serde(borrow, default)]
    response: Option<Vec<Series<'a>>>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(borrow, default)]
    meta: Meta<'a>,
    #[serde(default)]
    timestamp: Option<Vec<i64>>,
    #[serde(default)]
    indicators: Indicators,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow, default)]
    symbol: Option<Text<'a>>,
    #[serde(borrow, default)]
    currency: Option<Text<'a>>,
    #[serde(borrow, default)]
    exchange_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    instrument_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    exchange_timezone_name: Option<Text<'a>>,
    #[serde(default)]
    regular_market_price: Number,
    #[serde(default)]
    regular_market_time: Number,
    #[serde(default)]
    regular_market_day_high: Number,
    #[serde(default)]
    regular_market_day_low: Number,
    #[serde(default)]
    regular_market_volume: Number,
    #[serde(default)]
    chart_previous_close: Number,
    #[serde(default)]
    previous_close: Number,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flat<'a> {
    #[serde(borrow, default)]
    symbol: Option<Text<'a>>,
    #[serde(default)]
    timestamp: Option<Vec<i64>>,
    #[serde(default)]
    close: Numbers,
    #[serde(default)]
    chart_previous_close: Number,
    #[serde(default)]
    previous_close: Number,
}

/// The latest price of one symbol, as far as the answer tells it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Latest {
    symbol: String,
    currency: Option<String>,
    exchange: Option<String>,
    instrument_type: Option<String>,
    zone: Option<String>,
    price: f64,
    market_time_s: i64,
    day_high: Option<f64>,
    day_low: Option<f64>,
    day_volume: Option<i64>,
    previous_close: Option<f64>,
}

impl Latest {
    /// The answer of a batch that has this alone: what [`parse`] reads again.
    pub(super) fn encode(&self) -> Vec<u8> {
        let meta = serde_json::json!({
            "symbol": self.symbol,
            "currency": self.currency,
            "exchangeName": self.exchange,
            "instrumentType": self.instrument_type,
            "exchangeTimezoneName": self.zone,
            "regularMarketPrice": self.price,
            "regularMarketTime": self.market_time_s,
            "regularMarketDayHigh": self.day_high,
            "regularMarketDayLow": self.day_low,
            "regularMarketVolume": self.day_volume,
            "previousClose": self.previous_close,
        });
        let entry = serde_json::json!({ "symbol": self.symbol, "response": [{ "meta": meta }] });
        let answer = serde_json::json!({ "spark": { "result": [entry], "error": null } });
        answer.to_string().into_bytes()
    }

    /// A chart without bars; `None` when its price is of no use, or the exchange's zone is told
    /// neither by the answer nor by `known`: then nobody could say of which day the price is.
    pub(super) fn into_chart(self, known: Option<&TimeZone>, now: Timestamp) -> Option<Chart> {
        let told = self.zone.and_then(|name| TimeZone::get(&name).ok());
        let zone = told.or_else(|| known.cloned())?;
        let market_time = Timestamp::from_second(self.market_time_s).ok()?;
        let market_time = not_after(market_time, now.checked_add(CLOCK_SLACK).ok()?)?;
        Some(Chart {
            currency: self.currency,
            instrument_type: self.instrument_type,
            exchange: self.exchange,
            price: Some(LatestPrice {
                price: self.price,
                market_time,
                day_high: self.day_high,
                day_low: self.day_low,
                day_volume: self.day_volume,
                previous_close: self.previous_close,
            }),
            ..Chart::empty(PROVIDER, &self.symbol, zone)
        })
    }
}

/// Classifies and parses one answer: prices by symbol in capitals. Symbols without a usable price
/// are left out.
pub(super) fn parse(status: u16, body: &[u8]) -> Result<HashMap<String, Latest>, Fault> {
    classify(status, body)?;
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| {
        let class = if error.is_data() {
            FaultClass::BadPayload
        } else {
            FaultClass::Outage
        };
        Fault::new(class, format!("the answer cannot be read: {error}"))
    })?;
    let all: Vec<Latest> = match answer {
        Answer::Enveloped(envelope) => {
            let entries = envelope.spark.result.unwrap_or_default();
            entries.into_iter().filter_map(of_entry).collect()
        }
        Answer::Flat(map) => map
            .into_iter()
            .filter_map(|(key, flat)| of_flat(&key, flat?))
            .collect(),
    };
    Ok(all
        .into_iter()
        .map(|latest| (latest.symbol.to_ascii_uppercase(), latest))
        .collect())
}

fn of_entry(entry: Entry<'_>) -> Option<Latest> {
    let series = entry.response?.into_iter().next()?;
    let meta = series.meta;
    // One that speaks of two symbols speaks of none.
    let is_other = |symbol: &Text<'_>| !symbol.eq_ignore_ascii_case(&entry.symbol);
    if meta.symbol.as_ref().is_some_and(is_other) {
        return None;
    }
    let closes = series.indicators.quote.0;
    let closes = closes.map(|columns| columns.close.0).unwrap_or_default();
    let stated = meta
        .regular_market_price
        .get()
        .zip(meta.regular_market_time.whole());
    let (price, market_time_s) =
        stated.or_else(|| last_close(series.timestamp.as_deref(), &closes))?;
    let owned = |text: Option<Text<'_>>| text.map(Cow::into_owned);
    Latest {
        symbol: entry.symbol.into_owned(),
        currency: owned(meta.currency),
        exchange: owned(meta.exchange_name),
        instrument_type: owned(meta.instrument_type),
        zone: owned(meta.exchange_timezone_name),
        price,
        market_time_s,
        day_high: positive(meta.regular_market_day_high),
        day_low: positive(meta.regular_market_day_low),
        day_volume: meta.regular_market_volume.whole().filter(|v| *v >= 0),
        previous_close: positive(meta.previous_close)
            .or_else(|| positive(meta.chart_previous_close)),
    }
    .checked()
}

fn of_flat(key: &str, flat: Flat<'_>) -> Option<Latest> {
    let symbol = flat.symbol.map_or_else(|| key.to_owned(), Cow::into_owned);
    let (price, market_time_s) = last_close(flat.timestamp.as_deref(), &flat.close.0)?;
    Latest {
        symbol,
        currency: None,
        exchange: None,
        instrument_type: None,
        zone: None,
        price,
        market_time_s,
        day_high: None,
        day_low: None,
        day_volume: None,
        previous_close: positive(flat.previous_close)
            .or_else(|| positive(flat.chart_previous_close)),
    }
    .checked()
}

impl Latest {
    fn checked(mut self) -> Option<Self> {
        self.price = shortest_decimal(self.price);
        (self.price.is_finite() && self.price > 0.0).then_some(self)
    }
}

/// The last close that is a number, with its stamp.
fn last_close(stamps: Option<&[i64]>, closes: &[f64]) -> Option<(f64, i64)> {
    let stamps = stamps.filter(|stamps| stamps.len() == closes.len())?;
    let pairs = closes.iter().zip(stamps).rev();
    pairs
        .map(|(close, stamp)| (*close, *stamp))
        .find(|(close, _)| close.is_finite())
}

fn positive(number: Number) -> Option<f64> {
    number
        .get()
        .filter(|value| *value > 0.0)
        .map(shortest_decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-07-27T21:00:00Z";

    fn latest(body: &str) -> HashMap<String, Latest> {
        parse(200, body.as_bytes()).unwrap()
    }

    /// Written by hand after a recorded answer: short `meta`, no zone, another order than asked.
    const META_ONLY: &str = r#"{"spark":{"result":[
        {"symbol":"MSFT","response":[{"meta":{"currency":"USD","symbol":"MSFT","exchangeName":"NMS",
         "instrumentType":"EQUITY","regularMarketTime":1785182401,"regularMarketPrice":389.1,
         "regularMarketDayHigh":394.2,"regularMarketDayLow":387.99,"regularMarketVolume":27753671,
         "chartPreviousClose":381.7,"previousClose":381.7,"dataGranularity":"5m","range":"1d"}}]},
        {"symbol":"GONE","response":[]},{"symbol":"NULL","response":null},
        {"symbol":"ZERO","response":[{"meta":{"regularMarketPrice":0,"regularMarketTime":1}}]},
        {"symbol":"TWO","response":[{"meta":{"symbol":"ONE","regularMarketPrice":1,
         "regularMarketTime":1}}]}]}}"#;

    #[test]
    fn a_short_meta_is_enough_when_the_zone_is_known_from_elsewhere() {
        let mut found = latest(META_ONLY);
        assert_eq!(found.len(), 1, "{found:?}");
        let msft = found.remove("MSFT").unwrap();
        let now = NOW.parse().unwrap();
        assert!(
            msft.clone().into_chart(None, now).is_none(),
            "of which day?"
        );
        let zone = TimeZone::get("America/New_York").unwrap();
        let chart = msft.into_chart(Some(&zone), now).unwrap();
        let price = chart.price.unwrap();
        assert_eq!((price.price, price.previous_close), (389.1, Some(381.7)));
        assert_eq!(
            (price.day_high, price.day_volume),
            (Some(394.2), Some(27_753_671))
        );
        assert_eq!(chart.currency.as_deref(), Some("USD"));
        assert!(chart.bars.is_empty());
    }

    #[test]
    fn without_a_stated_price_the_last_close_counts() {
        let body = r#"{"spark":{"result":[{"symbol":"A","response":[{"meta":
            {"symbol":"a","exchangeTimezoneName":"Asia/Seoul","previousClose":null},
            "timestamp":[1785100000,1785100300,1785100600],"indicators":{"quote":[
            {"close":[1.5,94.90049743652344,null]}]}}]}],"error":null}}"#;
        let chart = latest(body).remove("A").unwrap();
        let chart = chart.into_chart(None, NOW.parse().unwrap()).unwrap();
        let price = chart.price.unwrap();
        assert_eq!(
            (price.price, price.market_time.as_second()),
            (94.9005, 1_785_100_300)
        );
        assert_eq!(chart.zone.iana_name(), Some("Asia/Seoul"));
    }

    #[test]
    fn the_flat_shape_is_understood_too() {
        let body = r#"{"AAPL":{"dataGranularity":300,"timestamp":[1785100000,1785100300],
            "symbol":"AAPL","end":null,"start":null,"close":[333.5,336.91],
            "previousClose":null,"chartPreviousClose":333.02},"GONE":null}"#;
        let mut found = latest(body);
        let aapl = found.remove("AAPL").unwrap();
        assert_eq!((aapl.price, aapl.previous_close), (336.91, Some(333.02)));
        assert!(found.is_empty());
    }

    #[test]
    fn what_is_kept_of_one_symbol_is_read_again_as_it_was() {
        let flat = r#"{"AAPL":{"timestamp":[1785100000],"close":[336.91]}}"#;
        let whole = r#"{"spark":{"result":[{"symbol":"a","response":[{"meta":{"currency":"GBp",
            "exchangeTimezoneName":"Europe/London","regularMarketPrice":94.90049743652344,
            "regularMarketTime":1785100000,"regularMarketDayLow":93.1,"previousClose":0.1}}]}]}}"#;
        for body in [META_ONLY, flat, whole] {
            for (name, one) in latest(body) {
                let again = parse(200, &one.encode()).unwrap();
                assert_eq!(again, HashMap::from([(name, one)]));
            }
        }
    }

    #[test]
    fn a_price_from_the_future_is_not_used() {
        let aapl = latest(META_ONLY).remove("MSFT").unwrap();
        let before = "2026-07-27T19:00:00Z".parse().unwrap();
        assert!(aapl.into_chart(Some(&TimeZone::UTC), before).is_none());
    }

    #[test]
    fn refusals_keep_their_classes() {
        let error = |code: &str| {
            format!(
                r#"{{"spark":{{"result":null,"error":{{"code":"{code}","description":"x"}}}}}}"#
            )
        };
        for (status, body, class) in [
            (400, error("Bad Request"), FaultClass::BadRequest),
            (404, error("Not Found"), FaultClass::NotFound),
            (200, error("Bad Request"), FaultClass::BadRequest),
            (429, String::new(), FaultClass::RateLimited),
            (200, "<html>".to_owned(), FaultClass::Outage),
            (200, META_ONLY[..200].to_owned(), FaultClass::Outage),
            (200, r#"{"spark":[1]}"#.to_owned(), FaultClass::Outage),
        ] {
            let fault = parse(status, body.as_bytes()).unwrap_err();
            assert_eq!(fault.class, class, "{status} {body}: {fault}");
        }
    }
}
