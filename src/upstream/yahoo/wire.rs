//! The shapes of Yahoo's JSON, tolerant of what is known to vary: fields come and go, numbers come
//! as integers, floats or the texts "NaN" and "Infinity", arrays hold nulls.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) chart: Answer<'a>,
}

#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow, default)]
    pub(super) result: Option<Vec<Series<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Series<'a> {
    #[serde(borrow)]
    pub(super) meta: Meta<'a>,
    #[serde(default)]
    pub(super) timestamp: Option<Vec<i64>>,
    #[serde(default)]
    pub(super) events: Option<Events>,
    #[serde(default)]
    pub(super) indicators: Indicators,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(borrow, default)]
    pub(super) currency: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) exchange_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) instrument_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) exchange_timezone_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) data_granularity: Option<Text<'a>>,
    #[serde(default)]
    pub(super) first_trade_date: Number,
    #[serde(default)]
    pub(super) regular_market_price: Number,
    #[serde(default)]
    pub(super) regular_market_time: Number,
    #[serde(default)]
    pub(super) regular_market_day_high: Number,
    #[serde(default)]
    pub(super) regular_market_day_low: Number,
    #[serde(default)]
    pub(super) regular_market_volume: Number,
    #[serde(default)]
    pub(super) current_trading_period: Option<TradingPeriods>,
}

/// A text of the answer.
pub(super) type Text<'a> = std::borrow::Cow<'a, str>;

#[derive(Deserialize)]
pub(super) struct TradingPeriods {
    #[serde(default)]
    pub(super) regular: Option<Period>,
}

#[derive(Deserialize)]
pub(super) struct Period {
    #[serde(default)]
    pub(super) start: Number,
    #[serde(default)]
    pub(super) end: Number,
}

#[derive(Deserialize, Default)]
pub(super) struct Indicators {
    #[serde(default)]
    pub(super) quote: Vec<Columns>,
    #[serde(default)]
    pub(super) adjclose: Vec<AdjustedColumn>,
}

#[derive(Deserialize, Default)]
pub(super) struct Columns {
    #[serde(default)]
    pub(super) open: Numbers,
    #[serde(default)]
    pub(super) high: Numbers,
    #[serde(default)]
    pub(super) low: Numbers,
    #[serde(default)]
    pub(super) close: Numbers,
    #[serde(default)]
    pub(super) volume: Numbers,
}

#[derive(Deserialize, Default)]
pub(super) struct AdjustedColumn {
    #[serde(default)]
    pub(super) adjclose: Numbers,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Events {
    #[serde(default)]
    pub(super) dividends: BTreeMap<String, Distribution>,
    #[serde(default)]
    pub(super) capital_gains: BTreeMap<String, Distribution>,
    #[serde(default)]
    pub(super) splits: BTreeMap<String, Split>,
}

#[derive(Deserialize)]
pub(super) struct Distribution {
    #[serde(default)]
    pub(super) amount: Number,
    #[serde(default)]
    pub(super) date: Number,
}

#[derive(Deserialize)]
pub(super) struct Split {
    #[serde(default)]
    pub(super) date: Number,
    #[serde(default)]
    pub(super) numerator: Number,
    #[serde(default)]
    pub(super) denominator: Number,
}

/// The error object, under `chart` or `finance`.
#[derive(Deserialize)]
pub(super) struct ErrorEnvelope {
    #[serde(default)]
    chart: Option<ErrorHolder>,
    #[serde(default)]
    finance: Option<ErrorHolder>,
    #[serde(default)]
    spark: Option<ErrorHolder>,
}

#[derive(Deserialize)]
struct ErrorHolder {
    #[serde(default)]
    error: Option<UpstreamError>,
}

#[derive(Deserialize)]
pub(super) struct UpstreamError {
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
}

impl ErrorEnvelope {
    pub(super) fn error(self) -> Option<UpstreamError> {
        let holders = [self.finance, self.chart, self.spark];
        holders
            .into_iter()
            .flatten()
            .find_map(|holder| holder.error)
    }
}

/// A number that may be absent; absent is NaN inside.
#[derive(Clone, Copy)]
pub(in crate::upstream) struct Number(f64);

impl Default for Number {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Number {
    /// The number, if there is a finite one.
    pub(in crate::upstream) fn get(self) -> Option<f64> {
        self.0.is_finite().then_some(self.0)
    }

    /// The number as whole seconds or units.
    pub(in crate::upstream) fn whole(self) -> Option<i64> {
        whole(self.0)
    }
}

/// A finite number rounded to a whole one, if it fits.
pub(in crate::upstream) fn whole(value: f64) -> Option<i64> {
    // 2^63 as f64: the first value that does not fit.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[allow(clippy::cast_possible_truncation, reason = "checked against the limit")]
    (value.abs() < LIMIT).then(|| value.round() as i64)
}

struct NumberVisitor;

#[allow(
    clippy::cast_precision_loss,
    reason = "prices and volumes are below 2^53"
)]
impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, null, or a text for one that is not finite")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_unit<E>(self) -> Result<Number, E> {
        Ok(Number::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Number, E> {
        Ok(Number::default())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
        // Some endpoints wrap numbers as {"raw": …, "fmt": …}; ours never did: absent.
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Number::default())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// A column of numbers; absent ones are NaN, a missing or null column is empty.
#[derive(Default)]
pub(super) struct Numbers(pub(super) Vec<f64>);

struct NumbersVisitor;

impl<'de> Visitor<'de> for NumbersVisitor {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }

    fn visit_unit<E>(self) -> Result<Numbers, E> {
        Ok(Numbers::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::with_capacity(256);
        while let Some(Number(value)) = seq.next_element()? {
            numbers.push(value);
        }
        Ok(Numbers(numbers))
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumbersVisitor)
    }
}
