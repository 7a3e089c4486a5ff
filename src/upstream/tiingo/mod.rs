//! Tiingo's end-of-day prices: shares and funds traded in the US.
//!
//! Wire contract, after its documentation (api.tiingo.com/documentation/end-of-day):
//! `GET /tiingo/daily/{ticker}/prices?startDate&endDate&format=json&resampleFreq=daily` with the
//! header `Authorization: Token KEY` gives an array of rows, one a session, with the prices as
//! traded (`open` … `volume`), their adjusted forms (`adjClose` …), `divCash` and, on the first
//! session at the new price, `splitFactor`. Refusals come as JSON (`detail`) or as plain text, some
//! of them with status 200.

mod basis;
mod parse;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqwest::Url;

use super::answers::Question;
use super::client::ClientError;
use super::endpoint::{Endpoint, origin_of};
use super::{Answers, Budget, Chart, ChartRequest, Fault, MarketData};
use crate::clock::Clock;
use crate::config::{Secret, UpstreamSettings};
use crate::domain::{FaultClass, Provider, Symbol, TIINGO_FINAL_HOUR, us_ticker};
use crate::telemetry::Meter;

pub use parse::read;

/// The provider's name in tables and log lines.
const PROVIDER: &str = Provider::Tiingo.as_str();

/// What durations of its requests are filed under.
const NAME: &str = "tiingo.daily";

/// All that is asked for trades in New York.
const ZONE: &str = "America/New_York";

/// Tiingo, or whatever speaks like it at the configured address.
pub struct Tiingo {
    endpoint: Endpoint,
    needs_key: bool,
    zone: TimeZone,
}

impl Tiingo {
    /// Builds the client; nothing is sent yet. Without a key nothing ever is, but to a stand-in on
    /// this machine.
    pub fn new(
        settings: &UpstreamSettings,
        key: Option<&Secret>,
        clock: Clock,
        meter: Meter,
    ) -> Result<Self, ClientError> {
        let authorization = key.map(|key| Secret::new(format!("Token {}", key.expose())));
        let authorization = authorization.as_ref();
        let zone = TimeZone::get(ZONE).map_err(|error| ClientError::without_zone(&error))?;
        let endpoint = Endpoint::new(PROVIDER, settings, authorization, clock, meter)?;
        let needs_key = key.is_none() && endpoint.base().scheme() == "https";
        Ok(Self {
            endpoint,
            needs_key,
            zone,
        })
    }

    /// The same with answers kept for a while; without, every question is sent.
    #[must_use]
    pub fn with_answers(self, answers: Option<Answers>) -> Self {
        Self {
            endpoint: self.endpoint.with_answers(answers),
            ..self
        }
    }

    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }
}

#[async_trait::async_trait]
impl MarketData for Tiingo {
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
        us_ticker(symbol).is_some()
    }

    fn lacks(&self) -> Option<Fault> {
        let told = "there is no key for Tiingo: set TIINGO_API_KEY, TIINGO_API_KEY_FILE or the \
                    systemd credential tiingo_api_key";
        self.needs_key
            .then(|| Fault::new(FaultClass::Blocked, told))
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let Some(ticker) = us_ticker(&request.symbol) else {
            let message = format!("Tiingo has US tickers only, `{}` is none", request.symbol);
            return Err(Fault::new(FaultClass::NotFound, message));
        };
        if let Some(fault) = self.lacks() {
            return Err(fault);
        }
        // Whatever the window, it is always asked until today.
        let now = self.endpoint.clock.now();
        let until_now = ChartRequest {
            to: now,
            ..request.clone()
        };
        let question = Question::new(&until_now, now);
        let asked = |until| Asked {
            symbol: &request.symbol,
            from: self.date(request.from),
            until,
        };
        let (base, first) = (self.endpoint.base(), self.date(question.sent.from));
        let send = || {
            // As it is when the request goes out: it may have waited over midnight.
            let asked = asked(self.date(self.endpoint.clock.now()));
            let url = prices_url(base, ticker, first, asked.until);
            let read = move |status, bytes: &[u8], at| read(status, bytes, &asked, at);
            self.endpoint.send(NAME, Some(&request.symbol), url, read)
        };
        let gate = self.endpoint.gate();
        let fetch = || gate.ask(&request.symbol, NAME, budget, send);
        // What is kept was found to reach until the day it came on.
        let read = |bytes: &[u8], at| {
            let read = || read(200, bytes, &asked(self.date(at)), at);
            self.endpoint.parse(NAME, read)
        };
        self.endpoint
            .kept_chart(&question, budget, fetch, read)
            .await
    }

    fn forget(&self, symbol: &Symbol) {
        self.endpoint.forget(symbol);
    }
}

/// What an answer has to answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The symbol.
    pub symbol: &'a Symbol,
    /// First date asked for.
    pub from: Date,
    /// Last date asked for. Prices as traded become split-adjusted only by every later split, so
    /// an answer that was not asked to reach until today is refused.
    pub until: Date,
}

fn prices_url(base: &Url, ticker: &str, from: Date, until: Date) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("/tiingo/daily/{ticker}/prices"));
    url.query_pairs_mut()
        .append_pair("startDate", &from.min(until).to_string())
        .append_pair("endDate", &until.to_string())
        .append_pair("format", "json")
        .append_pair("resampleFreq", "daily");
    url
}

/// From when on the row of `date` is final.
fn settles_at(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let evening = date
        .at(TIINGO_FINAL_HOUR, 0, 0, 0)
        .to_zoned(zone.clone())
        .ok()?;
    Some(evening.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn symbols_tiingo_cannot_have_are_told_by_their_form() {
        let is_ticker = |text: &str| us_ticker(&Symbol::try_new(text).unwrap()).is_some();
        for text in ["AAPL", "BRK-B", "SPY", "A", "BF-A", "aapl"] {
            assert!(is_ticker(text), "{text}");
        }
        for text in [
            "^GSPC",
            "EURUSD=X",
            "GC=F",
            "WSU.DE",
            "005930.KS",
            "BTC-USD",
            "ETH-EUR",
            "-A",
            "7203",
            "A_B",
        ] {
            assert!(!is_ticker(text), "{text}");
        }
    }

    #[test]
    fn the_url_is_the_documented_one() {
        let base = Url::parse("https://api.tiingo.com").unwrap();
        let url = prices_url(&base, "BRK-B", date(2026, 1, 2), date(2026, 11, 22));
        assert_eq!(
            url.as_str(),
            "https://api.tiingo.com/tiingo/daily/BRK-B/prices\
             ?startDate=2026-01-02&endDate=2026-11-22&format=json&resampleFreq=daily"
        );
    }
}
