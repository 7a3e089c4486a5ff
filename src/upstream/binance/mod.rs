//! Binance's daily klines: pairs of crypto currencies.
//!
//! Wire contract, after its documentation (developers.binance.com, spot, market data):
//! `GET /api/v3/klines?symbol&interval=1d&startTime&endTime&limit` without a key gives at most 1,000
//! arrays, oldest first: open time (ms, UTC), open, high, low, close and base volume as texts, close
//! time, quote volume as a text, trades, and three more. Errors are `{"code":-1121,"msg":"…"}`; 429
//! asks to slow down, 418 is a ban of the address, both with `Retry-After`.
//!
//! Yahoo's `BTC-USD` is asked as `BTCUSDT`: Binance has no pairs in US dollars, so its prices are in
//! Tether, and the chart says so (`currency` is `USDT`). They fill gaps of a series in dollars only
//! where both agree on the sessions both have; see `jobs::splice`.

mod parse;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;

use super::answers::Question;
use super::client::ClientError;
use super::endpoint::{Endpoint, Got, origin_of};
use super::{Answers, Budget, Chart, ChartRequest, Fault, MarketData};
use crate::clock::Clock;
use crate::config::UpstreamSettings;
use crate::domain::{FaultClass, Provider, Symbol, binance_pair};
use crate::telemetry::Meter;

pub use parse::{Kline, chart, read};

/// The provider's name in tables and log lines.
const PROVIDER: &str = Provider::Binance.as_str();

/// What durations of its requests are filed under.
const NAME: &str = "binance.klines";

/// Klines of one answer at most; a full one is followed by another question.
const PAGE_ROWS: usize = 1_000;

/// Pages of one question at most: 54 years of days.
const MAX_PAGES: usize = 20;

/// A kline of a day.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Binance, or whatever speaks like it at the configured address.
pub struct Binance {
    endpoint: Endpoint,
}

impl Binance {
    /// Builds the client; nothing is sent yet.
    pub fn new(
        settings: &UpstreamSettings,
        clock: Clock,
        meter: Meter,
    ) -> Result<Self, ClientError> {
        let endpoint = Endpoint::new(PROVIDER, settings, None, clock, meter)?;
        Ok(Self { endpoint })
    }

    /// The same with answers kept for a while; without, every question is sent.
    #[must_use]
    pub fn with_answers(self, answers: Option<Answers>) -> Self {
        Self {
            endpoint: self.endpoint.with_answers(answers),
        }
    }

    /// All klines from one instant to another, page by page; each page waits for the pace anew.
    /// The bytes are those of the pages put together to one list.
    async fn klines(
        &self,
        request: &ChartRequest,
        pair: &Pair,
        budget: &Budget,
    ) -> Result<Got<Vec<Kline>>, Fault> {
        let (mut all, mut pages) = (Vec::new(), Pages::default());
        let mut from = request.from.max(Timestamp::UNIX_EPOCH);
        for _ in 0..MAX_PAGES {
            let url = klines_url(self.endpoint.base(), &pair.name(), from, request.to);
            let read = |status, bytes: &[u8], _| read(status, bytes);
            let page = self
                .endpoint
                .ask(NAME, &request.symbol, budget, &url, read)
                .await?;
            let is_full = page.value.len() >= PAGE_ROWS;
            let reached = page.value.last().map(|kline| kline.opens_at);
            all.extend(page.value);
            pages.add(&page.bytes);
            match reached.and_then(|at| at.checked_add(DAY).ok()) {
                // A page that does not go on would be asked for for ever.
                Some(next) if is_full && next > from && next <= request.to => from = next,
                _ => {
                    return Ok(Got {
                        value: all,
                        bytes: pages.into_list(),
                        at: page.at,
                    });
                }
            }
        }
        Err(Fault::new(
            FaultClass::BadPayload,
            format!("the upstream goes on after {MAX_PAGES} pages of {PAGE_ROWS} days"),
        ))
    }
}

/// The elements of several JSON lists.
#[derive(Default)]
struct Pages(Vec<u8>);

impl Pages {
    /// Adds the elements of a list that was found to be one.
    fn add(&mut self, list: &[u8]) {
        let inner = list.trim_ascii();
        let inner = inner.strip_prefix(b"[").unwrap_or(inner);
        let inner = inner.strip_suffix(b"]").unwrap_or(inner);
        if inner.trim_ascii().is_empty() {
            return;
        }
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(inner);
    }

    fn into_list(mut self) -> Vec<u8> {
        if self.0.is_empty() {
            self.0.push(b'[');
        }
        self.0.push(b']');
        self.0
    }
}

#[async_trait::async_trait]
impl MarketData for Binance {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn origin(&self) -> String {
        origin_of(self.endpoint.base())
    }

    fn paces(&self) -> Vec<(&'static str, f64)> {
        vec![(PROVIDER, self.endpoint.gate().pace_rps())]
    }

    fn is_refusing(&self) -> bool {
        self.endpoint.gate().is_refusing()
    }

    fn can_have(&self, symbol: &Symbol) -> bool {
        Pair::of(symbol).is_some()
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let Some(pair) = Pair::of(&request.symbol) else {
            let message = format!("Binance has pairs only, `{}` is none", request.symbol);
            return Err(Fault::new(FaultClass::NotFound, message));
        };
        let question = Question::new(request, self.endpoint.clock.now());
        let fetch = || async {
            let got = self.klines(&question.sent, &pair, budget).await?;
            Ok(Got {
                value: chart(&got.value, request, pair.quote, got.at)?,
                bytes: got.bytes,
                at: got.at,
            })
        };
        // What is kept was found to be good.
        let read = |bytes: &[u8], at| {
            let klines = || chart(&read(200, bytes)?, request, pair.quote, at);
            self.endpoint.parse(NAME, klines)
        };
        self.endpoint
            .kept_chart(&question, budget, fetch, read)
            .await
    }

    fn forget(&self, symbol: &Symbol) {
        self.endpoint.forget(symbol);
    }
}

/// A pair as Binance has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    base: String,
    quote: &'static str,
}

impl Pair {
    /// The pair Yahoo spells `BASE-QUOTE`; `None` for everything else.
    fn of(symbol: &Symbol) -> Option<Self> {
        let (base, quote) = binance_pair(symbol)?;
        Some(Self { base, quote })
    }

    fn name(&self) -> String {
        format!("{}{}", self.base, self.quote)
    }
}

fn klines_url(base: &Url, pair: &str, from: Timestamp, to: Timestamp) -> Url {
    let mut url = base.clone();
    url.set_path("/api/v3/klines");
    url.query_pairs_mut()
        .append_pair("symbol", pair)
        .append_pair("interval", "1d")
        .append_pair("startTime", &from.as_millisecond().to_string())
        .append_pair("endTime", &to.as_millisecond().to_string())
        .append_pair("limit", &PAGE_ROWS.to_string());
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_in_dollars_is_asked_in_tether_and_a_share_class_is_no_pair() {
        let pair = |text: &str| {
            let pair = Pair::of(&Symbol::try_new(text).unwrap())?;
            Some((pair.name(), pair.quote))
        };
        assert_eq!(pair("BTC-USD"), Some(("BTCUSDT".to_owned(), "USDT")));
        assert_eq!(pair("ETH-BTC"), Some(("ETHBTC".to_owned(), "BTC")));
        assert_eq!(pair("SOL-EUR"), Some(("SOLEUR".to_owned(), "EUR")));
        assert_eq!(pair("1INCH-USD"), Some(("1INCHUSDT".to_owned(), "USDT")));
        for text in [
            "BRK-B",
            "AAPL",
            "USDT-USD",
            "-USD",
            "BTC-KRW",
            "^BTC-USD",
            "BTC-USD=X",
        ] {
            assert_eq!(pair(text), None, "{text}");
        }
    }

    #[test]
    fn pages_put_together_are_one_list() {
        let list = |pages: &[&str]| {
            let mut all = Pages::default();
            for page in pages {
                all.add(page.as_bytes());
            }
            String::from_utf8(all.into_list()).unwrap()
        };
        assert_eq!(
            list(&[" [[1,\"a\"],[2,\"b\"]]\n", "[[3]]", "[ ]"]),
            "[[1,\"a\"],[2,\"b\"],[3]]"
        );
        assert_eq!(list(&["[]"]), "[]");
        assert_eq!(list(&[]), "[]");
    }

    #[test]
    fn the_url_is_the_documented_one() {
        let base = Url::parse("https://api.binance.com").unwrap();
        let to = Timestamp::from_second(1_700_000_000).unwrap();
        let url = klines_url(&base, "BTCUSDT", Timestamp::UNIX_EPOCH, to);
        assert_eq!(
            url.as_str(),
            "https://api.binance.com/api/v3/klines\
             ?symbol=BTCUSDT&interval=1d&startTime=0&endTime=1700000000000&limit=1000"
        );
    }
}
