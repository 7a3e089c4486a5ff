//! The same market as Tiingo would tell it: end-of-day rows as traded, US shares only.

use jiff::civil::Date;
use serde::Serialize;

use super::answer::{Answer, Kind, World};
use super::market::{Currency, Market, Moment, day_number};
use super::reserved::Behaviour;
use super::walk::{Day, Split};

/// Rows appear this long after the close.
const PUBLISHED_AFTER_S: i64 = 90 * 60;

/// Raw prices have at most so many decimals: those before a split are whole multiples of ours.
const RAW_STEPS: f64 = 1e6;

/// One row of an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    date: String,
    close: f64,
    high: f64,
    low: f64,
    open: f64,
    volume: u64,
    adj_close: f64,
    adj_high: f64,
    adj_low: f64,
    adj_open: f64,
    adj_volume: u64,
    div_cash: f64,
    split_factor: f64,
}

/// A request for prices, as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Ticker, decoded; known to be well-formed.
    pub(super) ticker: &'a str,
    /// Decoded query pairs.
    pub(super) query: &'a [(String, String)],
    /// Whether a token came with it; any will do.
    pub(super) has_token: bool,
    /// The time, in epoch seconds.
    pub(super) now_s: i64,
}

impl World {
    /// Answers a request for end-of-day prices.
    pub(super) fn tiingo(&self, request: Request<'_>) -> Answer {
        let Request { ticker, now_s, .. } = request;
        if !request.has_token {
            return detail(403, "Please supply a token", Kind::BadRequest);
        }
        let market = self.markets.of(ticker);
        let behaviour = Behaviour::of(ticker);
        if behaviour == Behaviour::NotFound || !is_us_share(market) {
            return detail(404, "Not found.", Kind::NotFound);
        }
        let moment = market.at(now_s);
        let date = |key: &str| -> Result<Option<i32>, Answer> {
            let value = request.query.iter().find(|(name, _)| name == key);
            let Some((_, text)) = value else {
                return Ok(None);
            };
            let date: Result<Date, _> = text.parse();
            date.map(|date| Some(day_number(date)))
                .map_err(|_| detail(400, "Error: dates are written YYYY-MM-DD", Kind::BadRequest))
        };
        let (from, until) = match (date("startDate"), date("endDate")) {
            (Ok(from), Ok(until)) => (from, until),
            (Err(answer), _) | (_, Err(answer)) => return answer,
        };
        if matches!(behaviour, Behaviour::Dead | Behaviour::Empty) {
            return rows(&[]);
        }
        let newest = published(market, &moment);
        let from = from.map_or(newest, |day| market.session_from(day));
        let until = until.map_or(newest, |day| market.session_until(day));
        rows(&self.rows_as_traded(ticker, market, &moment, (from, until.min(newest))))
    }

    fn rows_as_traded(
        &self,
        ticker: &str,
        market: &Market,
        moment: &Moment,
        (from, until): (i32, i32),
    ) -> Vec<Row> {
        let history = self.cache.history(self.seed, ticker, market, moment.newest);
        let adjustments = history.adjustments();
        // Splits nobody has seen yet adjust nothing.
        let published = published(market, moment);
        let splits: Vec<Split> = history
            .walk
            .splits
            .iter()
            .copied()
            .filter(|split| split.session <= published)
            .collect();
        let row = |(session, day): (i32, Day)| {
            let later = splits.iter().filter(|split| split.session > session);
            let shares: f64 = later.map(|split| f64::from(split.ratio)).product();
            let paid = history
                .dividends
                .iter()
                .find(|paid| paid.session == session);
            let own = splits.iter().find(|split| split.session == session);
            let unpaid = adjustments.iter().find(|(paid, _)| *paid > session);
            let factor = unpaid.map_or(1.0, |(_, factor)| *factor);
            let raw = |price: f64| (price * shares * RAW_STEPS).round() / RAW_STEPS;
            Row {
                date: format!("{}T00:00:00.000Z", date_of(market.day_of(session))),
                close: raw(day.close),
                high: raw(day.high),
                low: raw(day.low),
                open: raw(day.open),
                volume: shares_of(day.volume, shares),
                adj_close: day.close * factor,
                adj_high: day.high * factor,
                adj_low: day.low * factor,
                adj_open: day.open * factor,
                adj_volume: day.volume,
                div_cash: paid.map_or(0.0, |paid| raw(paid.amount)),
                split_factor: own.map_or(1.0, |split| f64::from(split.ratio)),
            }
        };
        history.days(from, until).map(row).collect()
    }
}

/// The newest session whose row is there.
fn published(market: &Market, moment: &Moment) -> i32 {
    let day = market.day_of(moment.newest);
    let close_s = market.bell_utc_s(day, market.close_s(day));
    if moment.now_s >= close_s + PUBLISHED_AFTER_S {
        moment.newest
    } else {
        moment.newest - 1
    }
}

fn is_us_share(market: &Market) -> bool {
    market.is_equity() && matches!(market.currency, Currency::Fixed("USD"))
}

/// A volume of today's shares in those of the day.
fn shares_of(volume: u64, shares: f64) -> u64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a volume below 2^53, divided by at least one"
    )]
    let of_the_day = (volume as f64 / shares).round() as u64;
    of_the_day
}

fn date_of(day: i32) -> Date {
    let days = jiff::Span::new().try_days(day);
    days.and_then(|days| Date::constant(1970, 1, 1).checked_add(days))
        .unwrap_or(Date::MAX)
}

fn rows(rows: &[Row]) -> Answer {
    Answer {
        status: 200,
        body: serde_json::to_vec(rows).unwrap_or_default(),
        kind: if rows.is_empty() {
            Kind::NoData
        } else {
            Kind::Ok
        },
    }
}

fn detail(status: u16, text: &str, kind: Kind) -> Answer {
    Answer {
        status,
        body: serde_json::to_vec(&serde_json::json!({ "detail": text })).unwrap_or_default(),
        kind,
    }
}
