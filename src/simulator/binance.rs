//! The same market as Binance would tell it: daily klines of crypto pairs.

use super::answer::{Answer, Kind, World};
use super::reserved::Behaviour;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Klines of an answer where the request does not say, and at most.
const DEFAULT_LIMIT: i32 = 500;
const MAX_LIMIT: i32 = 1_000;

/// What pairs are quoted in, and how Yahoo calls it.
const QUOTES: [(&str, &str); 5] = [
    ("USDT", "USD"),
    ("USDC", "USDC"),
    ("EUR", "EUR"),
    ("GBP", "GBP"),
    ("BTC", "BTC"),
];

impl World {
    /// Answers a request for klines at `now_s`.
    pub(super) fn klines(&self, query: &[(String, String)], now_s: i64) -> Answer {
        let value = |key: &str| {
            let found = query.iter().find(|(name, _)| name == key);
            found.map(|(_, text)| text.as_str())
        };
        let number = |key: &str| value(key).map(str::parse::<i64>).transpose();
        let Some(symbol) = value("symbol").and_then(yahoo_symbol) else {
            return refused(-1121, "Invalid symbol.");
        };
        let market = self.markets.of(&symbol);
        let behaviour = Behaviour::of(&symbol);
        if market.instrument != "CRYPTOCURRENCY" || behaviour == Behaviour::NotFound {
            return refused(-1121, "Invalid symbol.");
        }
        if value("interval") != Some("1d") {
            return refused(-1120, "Invalid interval.");
        }
        let (Ok(start), Ok(end), Ok(limit)) =
            (number("startTime"), number("endTime"), number("limit"))
        else {
            return refused(-1100, "Illegal characters found in a parameter.");
        };
        let limit = limit.map_or(DEFAULT_LIMIT, |n| i32::try_from(n).unwrap_or(MAX_LIMIT));
        let limit = limit.clamp(1, MAX_LIMIT);
        let moment = market.at(now_s);
        let history = self
            .cache
            .history(self.seed, &symbol, market, moment.newest);
        let day = |ms: i64| i32::try_from(ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX / 2);
        let newest = end.map_or(moment.newest, day).min(moment.newest);
        // A kline belongs to the window when its day begins in it.
        let first = start.map(|ms| day(ms.saturating_add(DAY_MS - 1)));
        let (from, until) = match first.map(|first| first.max(history.walk.first)) {
            Some(first) => (first, newest.min(first.saturating_add(limit - 1))),
            None => (newest - limit + 1, newest),
        };
        let is_gone = matches!(behaviour, Behaviour::Dead | Behaviour::Empty);
        let days = history.days(from, until).filter(|_| !is_gone);
        let klines: Vec<String> = days
            .map(|(session, whole)| {
                let seen = if session == moment.newest {
                    history.walk.cut(whole, session, moment.elapsed)
                } else {
                    whole
                };
                let open_ms = i64::from(session) * DAY_MS;
                let close_ms = open_ms + DAY_MS - 1;
                #[allow(clippy::cast_precision_loss, reason = "a volume below 2^53")]
                let quoted = seen.volume as f64;
                format!(
                    r#"[{open_ms},"{:.8}","{:.8}","{:.8}","{:.8}","{:.8}",{close_ms},"{quoted:.8}",1,"0","0","0"]"#,
                    seen.open,
                    seen.high,
                    seen.low,
                    seen.close,
                    quoted / seen.close,
                )
            })
            .collect();
        Answer {
            status: 200,
            body: format!("[{}]", klines.join(",")).into_bytes(),
            kind: if klines.is_empty() {
                Kind::NoData
            } else {
                Kind::Ok
            },
        }
    }
}

/// `BTCUSDT` as Yahoo spells it: `BTC-USD`.
fn yahoo_symbol(pair: &str) -> Option<String> {
    let split = |(quote, yahoo): (&str, &'static str)| {
        let base = pair.strip_suffix(quote)?;
        let is_plain = base.bytes().all(|b| b.is_ascii_alphanumeric());
        (!base.is_empty() && is_plain).then(|| format!("{base}-{yahoo}"))
    };
    QUOTES.into_iter().find_map(split)
}

fn refused(code: i64, text: &str) -> Answer {
    Answer {
        status: 400,
        body: format!(r#"{{"code":{code},"msg":"{text}"}}"#).into_bytes(),
        kind: if code == -1121 {
            Kind::NotFound
        } else {
            Kind::BadRequest
        },
    }
}
