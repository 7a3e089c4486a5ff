//! Answers in the provider's own words.

use std::fmt::Write as _;

use finstage::domain::{DailyBar, shortest_decimal};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// One row of an answer; a price that is not a number goes as the text "NaN".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) date: Date,
    pub(super) open: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
    pub(super) adjusted: f64,
    pub(super) volume: i64,
}

impl Row {
    /// All prices and the adjusted close times `factor`.
    pub(super) fn scaled(self, factor: f64) -> Self {
        Self {
            open: self.open * factor,
            high: self.high * factor,
            low: self.low * factor,
            close: self.close * factor,
            adjusted: self.adjusted * factor,
            ..self
        }
    }

    /// As before a split of `ratio` for one was carried out in the prices.
    pub(super) fn before_split(self, ratio: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "volumes are small")]
        #[allow(clippy::cast_precision_loss, reason = "volumes are small")]
        let volume = (self.volume as f64 / ratio).round() as i64;
        Self {
            volume,
            ..self.scaled(ratio)
        }
    }

    /// The bar that must be stored: what is left after float32 and back.
    pub(super) fn bar(self) -> DailyBar {
        let price = |price: f64| shortest_decimal(narrow(price));
        DailyBar {
            trading_date: self.date,
            open: price(self.open),
            high: price(self.high),
            low: price(self.low),
            close: price(self.close),
            adj_close: Some(price(self.adjusted)),
            volume: Some(self.volume),
            is_final: true,
        }
    }
}

fn narrow(price: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, reason = "as the provider does")]
    f64::from(price as f32)
}

/// What an answer says besides its rows.
#[derive(Debug, Clone)]
pub(super) struct Meta {
    pub(super) currency: &'static str,
    pub(super) zone: &'static str,
    /// Date, new shares per old share.
    pub(super) splits: Vec<(Date, f64)>,
    /// Date, amount.
    pub(super) dividends: Vec<(Date, f64)>,
    /// The latest price and when the exchange stamped it.
    pub(super) price: Option<(f64, Timestamp)>,
    /// The exchange's code, when it is said.
    pub(super) exchange: Option<&'static str>,
    /// When it was first traded, when that is said.
    pub(super) first_trade: Option<Date>,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            currency: "USD",
            zone: "America/New_York",
            splits: Vec::new(),
            dividends: Vec::new(),
            price: None,
            exchange: None,
            first_trade: None,
        }
    }
}

/// The answer of HTTP 200.
pub(super) fn body(symbol: &str, rows: &[Row], meta: &Meta) -> Vec<u8> {
    let zone = TimeZone::get(meta.zone).unwrap();
    let stamp = |date: Date| {
        let open = date.at(9, 30, 0, 0).to_zoned(zone.clone()).unwrap();
        open.timestamp().as_second()
    };
    let column = |price: fn(&Row) -> f64| -> String {
        let texts = rows.iter().map(|row| match price(row) {
            price if price.is_finite() => narrow(price).to_string(),
            _ => "\"NaN\"".to_owned(),
        });
        texts.collect::<Vec<String>>().join(",")
    };
    let stamps: Vec<String> = rows.iter().map(|row| stamp(row.date).to_string()).collect();
    let volumes: Vec<String> = rows.iter().map(|row| row.volume.to_string()).collect();
    let mut splits = Vec::new();
    for (date, ratio) in &meta.splits {
        let at = stamp(*date);
        splits.push(format!(
            r#""{at}":{{"date":{at},"numerator":{ratio},"denominator":1}}"#
        ));
    }
    let mut dividends = Vec::new();
    for (date, amount) in &meta.dividends {
        let at = stamp(*date);
        dividends.push(format!(r#""{at}":{{"date":{at},"amount":{amount}}}"#));
    }
    let mut price = String::new();
    if let Some((value, at)) = meta.price {
        let at = at.as_second();
        let _ = write!(
            price,
            r#","regularMarketPrice":{value},"regularMarketTime":{at}"#
        );
    }
    if let Some(exchange) = meta.exchange {
        let _ = write!(price, r#","exchangeName":"{exchange}""#);
    }
    if let Some(date) = meta.first_trade {
        let _ = write!(price, r#","firstTradeDate":{}"#, stamp(date));
    }
    format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{symbol}","currency":"{}","dataGranularity":"1d",
        "exchangeTimezoneName":"{}"{price}}},"timestamp":[{}],
        "events":{{"splits":{{{}}},"dividends":{{{}}}}},
        "indicators":{{"quote":[{{"open":[{}],"high":[{}],"low":[{}],"close":[{}],"volume":[{}]}}],
        "adjclose":[{{"adjclose":[{}]}}]}}}}],"error":null}}}}"#,
        meta.currency,
        meta.zone,
        stamps.join(","),
        splits.join(","),
        dividends.join(","),
        column(|row| row.open),
        column(|row| row.high),
        column(|row| row.low),
        column(|row| row.close),
        volumes.join(","),
        column(|row| row.adjusted),
    )
    .into_bytes()
}
