//! The shapes of Yahoo's JSON, tolerant of what is known to vary: fields come and go, numbers come
//! as integers, floats or the texts "NaN" and "Infinity", arrays hold nulls.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};

use super::bounded::{First, Listed, Numbers, Stamps};

#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) chart: Answer<'a>,
}

#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow, default)]
    pub(super) result: First<Series<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Series<'a> {
    #[serde(borrow)]
    pub(super) meta: Meta<'a>,
    #[serde(default)]
    pub(super) timestamp: Option<Stamps>,
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
    pub(super) quote: First<Columns>,
    #[serde(default)]
    pub(super) adjclose: First<AdjustedColumn>,
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
    pub(super) dividends: Listed<Distribution>,
    #[serde(default)]
    pub(super) capital_gains: Listed<Distribution>,
    #[serde(default)]
    pub(super) splits: Listed<Split>,
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

    /// The number, NaN if there is none.
    pub(super) fn or_nan(self) -> f64 {
        self.0
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
