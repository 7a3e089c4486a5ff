//! Yahoo Finance's chart endpoint. The contract is described in docs/market-data.md.

mod bounded;
mod classify;
mod errors;
mod parse;
mod spark;
mod spark_parse;
pub(super) mod wire;

use jiff::Timestamp;
use reqwest::Url;

use super::answers::Question;
use super::client::ClientError;
use super::endpoint::{Endpoint, origin_of};
use super::{Answers, Budget, Chart, ChartRequest, Fault, LatestRequest, MarketData};
use crate::clock::Clock;
use crate::config::UpstreamSettings;
use crate::domain::{FaultClass, Symbol};
use crate::telemetry::Meter;

pub use parse::parse;

/// The interval every request asks for and every answer must state.
const INTERVAL: &str = "1d";

/// The provider's name in tables and log lines.
const PROVIDER: &str = "yahoo";

/// What durations of its requests are filed under.
const NAME: &str = "yahoo.chart";

/// Yahoo, or whatever speaks like it at the configured address.
pub struct Yahoo {
    endpoint: Endpoint,
    /// Questions for quotes that wait to be sent together, where that is wanted.
    spark: Option<spark::Collector>,
}

impl Yahoo {
    /// Builds the client; nothing is sent yet.
    pub fn new(
        settings: &UpstreamSettings,
        clock: Clock,
        meter: Meter,
    ) -> Result<Self, ClientError> {
        let endpoint = Endpoint::new(PROVIDER, settings, None, clock, meter)?;
        Ok(Self {
            endpoint,
            spark: None,
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
}

#[async_trait::async_trait]
impl MarketData for Yahoo {
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

    fn gives_latest(&self, _budget: &Budget) -> bool {
        self.spark.is_some()
    }

    async fn latest(&self, request: &LatestRequest, budget: &Budget) -> Option<Chart> {
        self.by_batch(request, budget).await
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let question = Question::new(request, self.endpoint.clock.now());
        let url = chart_url(self.endpoint.base(), &question.sent);
        let fetch = || {
            let read = |status, bytes: &[u8], at| read(status, bytes, request, at);
            self.endpoint.ask(NAME, &request.symbol, budget, &url, read)
        };
        // Only good answers are kept, and those have this status.
        let read = |bytes: &[u8], at| {
            let read = || read(200, bytes, request, at);
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

/// Classifies and parses one answer, and checks that it answers `request`.
pub fn read(
    status: u16,
    body: &[u8],
    request: &ChartRequest,
    now: Timestamp,
) -> Result<Chart, Fault> {
    // Some servers put a byte order mark before their JSON; it may be left out (RFC 8259, 8.1).
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let mut chart = parse(status, body, now)?;
    verify(&chart, &request.symbol)?;
    let from = chart.zone.to_datetime(request.from).date();
    let to = chart.zone.to_datetime(request.to).date();
    // Every row is looked at: a stray one may stand anywhere in the answer.
    chart
        .bars
        .retain(|bar| (from..=to).contains(&bar.trading_date));
    if chart.bars.is_empty() && chart.rejected.is_empty() {
        return Err(Fault::new(
            FaultClass::NoData,
            "the upstream has no price in this window",
        ));
    }
    Ok(chart)
}

/// The answer must be for what was asked: a wrong one would silently become somebody's prices.
fn verify(chart: &Chart, symbol: &Symbol) -> Result<(), Fault> {
    let wrong = |message| Err(Fault::new(FaultClass::BadPayload, message));
    if !chart.symbol.eq_ignore_ascii_case(symbol.as_str()) {
        return wrong(format!("asked for {symbol}, answered with another symbol"));
    }
    if chart.granularity != INTERVAL {
        return wrong(format!(
            "asked for daily rows, answered with interval `{}`",
            chart.granularity
        ));
    }
    Ok(())
}

/// `base/v8/finance/chart/SYMBOL?…`. A symbol is one path segment; of its characters only `^` and
/// `=` need encoding.
fn chart_url(base: &Url, request: &ChartRequest) -> Url {
    let mut url = base.clone();
    let segment = request
        .symbol
        .as_str()
        .replace('^', "%5E")
        .replace('=', "%3D");
    url.set_path(&format!("/v8/finance/chart/{segment}"));
    url.query_pairs_mut()
        .append_pair("interval", INTERVAL)
        .append_pair("events", "div,splits")
        .append_pair("period1", &request.from.as_second().to_string())
        .append_pair("period2", &request.to.as_second().to_string());
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_symbol_leaves_the_host_or_its_path_segment(text in "[A-Za-z0-9.\\-_=^]{1,32}") {
            let Ok(symbol) = Symbol::try_new(&text) else { return Ok(()) };
            let base = Url::parse("https://query1.finance.yahoo.com").unwrap();
            let request = ChartRequest { symbol, from: Timestamp::UNIX_EPOCH, to: Timestamp::UNIX_EPOCH };
            let url = chart_url(&base, &request);
            prop_assert_eq!(url.host_str(), base.host_str());
            prop_assert_eq!(url.path_segments().unwrap().count(), 4);
            prop_assert_eq!(url.fragment(), None);
        }
    }

    #[test]
    fn a_bar_before_the_window_is_left_out_even_in_the_middle_of_the_answer() {
        let body = r#"{"chart":{"result":[{"meta":{"symbol":"X","dataGranularity":"1d",
            "exchangeTimezoneName":"UTC"},"timestamp":[1767571200,-2300000000,1767657600],
            "indicators":{"quote":[{"open":[1,1,1],"high":[1,1,1],"low":[1,1,1],"close":[1,1,1],
            "volume":[1,1,1]}]}}],"error":null}}"#;
        let request = ChartRequest {
            symbol: Symbol::try_new("X").unwrap(),
            from: Timestamp::UNIX_EPOCH,
            to: Timestamp::from_second(1_800_000_000).unwrap(),
        };
        let chart = read(200, body.as_bytes(), &request, request.to).unwrap();
        let years: Vec<i16> = chart.bars.iter().map(|b| b.trading_date.year()).collect();
        assert_eq!(years, [2026, 2026]);
    }

    #[test]
    fn the_url_is_the_documented_one() {
        let base = Url::parse("http://127.0.0.1:8080").unwrap();
        let request = ChartRequest {
            symbol: Symbol::try_new("^GSPC").unwrap(),
            from: Timestamp::from_second(-86_400).unwrap(),
            to: Timestamp::from_second(100).unwrap(),
        };
        assert_eq!(
            chart_url(&base, &request).as_str(),
            "http://127.0.0.1:8080/v8/finance/chart/%5EGSPC\
             ?interval=1d&events=div%2Csplits&period1=-86400&period2=100"
        );
    }
}
