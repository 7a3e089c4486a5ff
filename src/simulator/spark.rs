//! Yahoo's spark endpoint: the latest prices of up to 20 symbols, meta only and without a zone, as the
//! recorded answer was. Symbols it does not know are left out.

use serde_json::{Value, json};

use super::answer::{Answer, Kind, World};
use super::json::narrow;
use super::reserved::Behaviour;
use crate::domain::Symbol;

/// Symbols of one request at most.
const MAX_SYMBOLS: usize = 20;

impl World {
    /// Answers a request for the latest prices of `symbols`, separated by commas.
    pub(super) fn spark(&self, symbols: &str, now_s: i64) -> Answer {
        let names: Vec<&str> = symbols.split(',').collect();
        let is_symbol = |name: &&str| Symbol::try_new(name).is_ok();
        if names.len() > MAX_SYMBOLS || !names.iter().all(is_symbol) {
            let error = json!({ "code": "Bad Request", "description": "invalid symbols" });
            return Answer {
                status: 400,
                body: body(&json!({ "spark": { "result": null, "error": error } })),
                kind: Kind::BadRequest,
            };
        }
        // Another order than asked, as recorded.
        let known = names.iter().rev();
        let result: Vec<Value> = known.filter_map(|name| self.latest(name, now_s)).collect();
        Answer {
            status: 200,
            kind: if result.is_empty() {
                Kind::NoData
            } else {
                Kind::Ok
            },
            body: body(&json!({ "spark": { "result": result, "error": null } })),
        }
    }

    fn latest(&self, symbol: &str, now_s: i64) -> Option<Value> {
        let behaviour = Behaviour::of(symbol);
        if matches!(
            behaviour,
            Behaviour::NotFound | Behaviour::Dead | Behaviour::Empty
        ) {
            return None;
        }
        let market = self.markets.of(symbol);
        let moment = market.at(now_s);
        let history = self.cache.history(self.seed, symbol, market, moment.newest);
        let mut days = history.days(moment.newest - 1, moment.newest);
        let (before, newest) = (days.next()?, days.next()?);
        let seen = history.walk.cut(newest.1, newest.0, moment.elapsed);
        Some(json!({ "symbol": symbol, "response": [{ "meta": {
            "currency": market.currency(symbol),
            "symbol": symbol,
            "exchangeName": market.exchange,
            "instrumentType": market.instrument,
            "regularMarketTime": moment.market_time_s,
            "regularMarketPrice": narrow(seen.close),
            "regularMarketDayHigh": narrow(seen.high),
            "regularMarketDayLow": narrow(seen.low),
            "regularMarketVolume": seen.volume,
            "chartPreviousClose": narrow(before.1.close),
            "previousClose": narrow(before.1.close),
            "dataGranularity": "1d",
            "range": "1d",
        } }] }))
    }
}

fn body(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
