//! From an answer's bytes to klines, and from klines to a [`Chart`].

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::endpoint::{first_byte, outage, told, unreadable, unwell};
use super::super::refusal::refusal;
use super::super::yahoo::wire::whole;
use super::super::{Chart, ChartRequest, Fault, LatestPrice};
use super::{DAY, PROVIDER};
use crate::domain::{BarFlaw, DailyBar, FaultClass};

/// A bar is final when it was fetched this long after its day's end.
const SETTLING: SignedDuration = SignedDuration::from_mins(30);

/// Binance's codes for a pair it does not have, for too many requests, and for a request of ours
/// that is wrong (all others).
const INVALID_SYMBOL: i64 = -1121;
const TOO_MANY: [i64; 2] = [-1003, -1015];
const UNWELL: [i64; 4] = [-1000, -1001, -1007, -1016];

/// One day of a pair, texts turned into the nearest numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kline {
    /// Midnight UTC of the day.
    pub opens_at: Timestamp,
    /// First, highest, lowest and last price; NaN where the text is no number.
    pub prices: [f64; 4],
    /// Units of the quoted currency that changed hands, as Yahoo's volume of a pair.
    pub quote_volume: f64,
}

/// The documented fields of a kline, in order; the last four are of no use here.
#[derive(Deserialize)]
struct Fields<'a>(
    i64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    IgnoredAny,
    IgnoredAny,
    #[serde(borrow)] Cow<'a, str>,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
);

#[derive(Deserialize)]
struct Refusal<'a> {
    code: i64,
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
}

/// Classifies and parses one answer.
pub fn read(status: u16, body: &[u8]) -> Result<Vec<Kline>, Fault> {
    if let Some(fault) = refusal(status).or_else(|| unwell(status)) {
        return Err(fault);
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| outage("the answer is not valid UTF-8".to_owned()))?;
    match (first_byte(status, body)?, status) {
        (b'[', 200) => {}
        (b'{', _) => {
            let said: Refusal<'_> = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
            return Err(refused(&said));
        }
        (_, 404) => return Err(outage("the upstream has no such address (HTTP 404)".into())),
        _ => {
            return Err(outage(format!(
                "a text instead of data (HTTP {status}): {}",
                told(text)
            )));
        }
    }
    let rows: Vec<Fields<'_>> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    rows.iter().map(kline).collect()
}

fn refused(said: &Refusal<'_>) -> Fault {
    let class = match said.code {
        INVALID_SYMBOL => FaultClass::NotFound,
        code if TOO_MANY.contains(&code) => FaultClass::RateLimited,
        code if UNWELL.contains(&code) => FaultClass::Outage,
        _ => FaultClass::BadRequest,
    };
    let message = format!("the upstream says: {}: {}", said.code, told(&said.msg));
    Fault::new(class, message)
}

fn kline(fields: &Fields<'_>) -> Result<Kline, Fault> {
    let number = |text: &str| text.parse().unwrap_or(f64::NAN);
    let opens_at = Timestamp::from_millisecond(fields.0).map_err(|_| {
        let message = format!("a kline opens at {} ms", fields.0);
        Fault::new(FaultClass::BadPayload, message)
    })?;
    Ok(Kline {
        opens_at,
        prices: [&fields.1, &fields.2, &fields.3, &fields.4].map(|text| number(text)),
        quote_volume: number(&fields.7),
    })
}

/// Makes a chart of the klines an upstream gave for `request` at `now`; they are in `currency`.
pub fn chart(
    klines: &[Kline],
    request: &ChartRequest,
    currency: &str,
    now: Timestamp,
) -> Result<Chart, Fault> {
    let mut chart = Chart {
        currency: Some(currency.to_owned()),
        instrument_type: Some("CRYPTOCURRENCY".to_owned()),
        first_trade_date: first_trade(klines, request.from),
        bars: Vec::with_capacity(klines.len()),
        rows: klines.len(),
        ..Chart::empty(PROVIDER, request.symbol.as_str(), TimeZone::UTC)
    };
    let date_of = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
    let (from, to) = (date_of(request.from), date_of(request.to));
    for kline in klines {
        let date = date_of(kline.opens_at);
        if date < from || date > to {
            continue;
        }
        add(&mut chart, kline, date, now)?;
    }
    if chart.bars.is_empty() && chart.rejected.is_empty() {
        let message = "the upstream has no price in this window";
        return Err(Fault::new(FaultClass::NoData, message));
    }
    Ok(chart)
}

fn add(chart: &mut Chart, kline: &Kline, date: Date, now: Timestamp) -> Result<(), Fault> {
    let [open, high, low, close] = kline.prices;
    let ends_at = kline.opens_at.saturating_add(DAY).unwrap_or(Timestamp::MAX);
    let settles_at = ends_at.saturating_add(SETTLING).unwrap_or(ends_at);
    let bar = DailyBar {
        trading_date: date,
        open,
        high,
        low,
        close,
        adj_close: close.is_finite().then_some(close),
        volume: whole(kline.quote_volume),
        is_final: now >= settles_at,
    };
    let verdict = if kline.opens_at > now {
        Err(BarFlaw::Date)
    } else {
        bar.check()
    };
    if let Err(flaw) = verdict {
        chart.rejected.push((bar, flaw));
        return Ok(());
    }
    if chart
        .bars
        .last()
        .is_some_and(|last| last.trading_date >= date)
    {
        let message = format!("the klines are not in order at {date}");
        return Err(Fault::new(FaultClass::BadPayload, message));
    }
    chart.settles_at = (!bar.is_final).then_some(settles_at);
    chart.price = Some(LatestPrice {
        price: close,
        market_time: now.min(ends_at),
        day_high: Some(high),
        day_low: Some(low),
        day_volume: bar.volume,
        previous_close: None,
    });
    chart.bars.push(bar);
    Ok(())
}

/// The date of the first kline, when the question began well before it.
fn first_trade(klines: &[Kline], from: Timestamp) -> Option<Date> {
    let first = klines.first()?.opens_at;
    let is_first = from.saturating_add(DAY * 7).is_ok_and(|at| at < first);
    is_first.then(|| TimeZone::UTC.to_datetime(first).date())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::Symbol;

    /// Two days written by hand after the documented format; the second is still going.
    const TWO_DAYS: &str = r#"[
        [1767225600000,"87648.22000000","88919.45000000","87550.43000000","88839.04000000",
         "6279.57122000",1767311999999,"554016283.30911760",1280312,"3182.07","280745","0"],
        [1767312000000,"88839.05000000","90961.81000000","88379.88000000","0.00001234",
         "17396.98","1767398399999","1554310020.5",2,"8966.40","801066","0"]]"#;

    fn asked(name: &str, from: &str, to: &str) -> ChartRequest {
        ChartRequest {
            symbol: Symbol::try_new(name).unwrap(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    #[test]
    fn texts_become_the_nearest_numbers_and_days_are_those_of_utc() {
        let klines = read(200, TWO_DAYS.as_bytes()).unwrap();
        let request = asked("BTC-USD", "2026-01-01T00:00:00Z", "2026-01-02T12:00:00Z");
        let made = chart(&klines[..1], &request, "USDT", request.to).unwrap();
        let bar = made.bars[0];
        assert_eq!(bar.trading_date, date(2026, 1, 1));
        assert_eq!(
            (bar.open, bar.high, bar.low, bar.close),
            (87_648.22, 88_919.45, 87_550.43, 88_839.04)
        );
        assert_eq!((bar.volume, bar.is_final), (Some(554_016_283), true));
        assert_eq!(
            (made.source, made.currency.as_deref()),
            ("binance", Some("USDT"))
        );
        assert_eq!(klines[1].prices[3], 0.000_012_34);
    }

    #[test]
    fn a_day_is_final_half_an_hour_after_midnight() {
        let klines = &read(200, TWO_DAYS.as_bytes()).unwrap()[..1];
        let request = asked("BTC-USD", "2025-12-01T00:00:00Z", "2026-01-02T12:00:00Z");
        let at = |now: &str| chart(klines, &request, "USDT", now.parse().unwrap()).unwrap();
        let early = at("2026-01-02T00:29:59Z");
        assert!(!early.bars[0].is_final);
        assert_eq!(early.settles_at, "2026-01-02T00:30:00Z".parse().ok());
        let midnight: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(early.price.unwrap().market_time, midnight);
        let late = at("2026-01-02T00:30:00Z");
        assert!(late.bars[0].is_final && late.settles_at.is_none());
        assert_eq!(late.first_trade_date, Some(date(2026, 1, 1)));
    }

    #[test]
    fn impossible_rows_are_sorted_out_and_disorder_refuses_the_answer() {
        let klines = read(200, TWO_DAYS.as_bytes()).unwrap();
        let request = asked("BTC-USD", "2026-01-01T00:00:00Z", "2026-01-02T12:00:00Z");
        let made = chart(&klines, &request, "USDT", request.to).unwrap();
        let [(bar, flaw)] = made.rejected.as_slice() else {
            unreachable!()
        };
        assert_eq!(
            (bar.trading_date, *flaw),
            (date(2026, 1, 2), BarFlaw::Range)
        );
        let twice = [klines[0], klines[0]];
        let fault = chart(&twice, &request, "USDT", request.to).unwrap_err();
        assert_eq!(fault.class, FaultClass::BadPayload);
        let early = asked("BTC-USD", "2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z");
        let fault = chart(&klines, &early, "USDT", request.to).unwrap_err();
        assert_eq!(fault.class, FaultClass::NoData);
    }

    #[test]
    fn every_refusal_gets_its_class() {
        use FaultClass::{BadPayload, BadRequest, Blocked, NotFound, Outage, RateLimited};
        let error = |code: i64| format!(r#"{{"code":{code},"msg":"as told"}}"#);
        for (status, body, class) in [
            (400, error(-1121), NotFound),
            (200, error(-1121), NotFound),
            (400, error(-1100), BadRequest),
            (400, error(-1003), RateLimited),
            (429, String::new(), RateLimited),
            (418, error(-1003), RateLimited),
            (403, "<html>".to_owned(), Blocked),
            (451, error(0), Blocked),
            (400, error(-1001), Outage),
            (200, "<html>".to_owned(), Outage),
            (200, TWO_DAYS[..200].to_owned(), Outage),
            (200, "[[1,2,3]]".to_owned(), BadPayload),
            (200, r#"[["x"]]"#.to_owned(), BadPayload),
            (504, String::new(), Outage),
        ] {
            let fault = read(status, body.as_bytes()).unwrap_err();
            assert_eq!(fault.class, class, "{status} {body}: {fault}");
        }
    }
}
