//! What all providers share: a client, a gate of their own, the answers kept, and how bodies that
//! are no JSON look.

use jiff::Timestamp;
use reqwest::Url;

use super::answers::{Fetched, Origin, Question};
use super::client::{Client, ClientError, MAX_BODY_BYTES};
use super::refusal::tell_refusal;
use super::{Answers, Budget, Chart, Fault, Gate};
use crate::cache::Key;
use crate::clock::Clock;
use crate::config::{Secret, UpstreamSettings};
use crate::domain::{FaultClass, Symbol};
use crate::telemetry::{Meter, Work, events};

/// Letters of an upstream's own message that are passed on.
const TOLD_CHARS: usize = 160;

/// The interval of all rows.
const INTERVAL: &str = "1d";

/// One provider's door: every request of it passes here.
pub(super) struct Endpoint {
    pub(super) clock: Clock,
    provider: &'static str,
    client: Client,
    gate: Gate,
    meter: Meter,
    answers: Option<Answers>,
    /// Host and port, for telling answers of different upstreams apart.
    place: String,
}

/// What one request has brought.
pub(super) struct Got<T> {
    /// What was read off it.
    pub(super) value: T,
    /// As it was sent.
    pub(super) bytes: Vec<u8>,
    /// When it came.
    pub(super) at: Timestamp,
}

impl Endpoint {
    /// Builds the client; nothing is sent yet. `authorization` goes with every request.
    pub(super) fn new(
        provider: &'static str,
        settings: &UpstreamSettings,
        authorization: Option<&Secret>,
        clock: Clock,
        meter: Meter,
    ) -> Result<Self, ClientError> {
        let client = Client::new(settings, authorization, clock.clone())?;
        let place = place(client.base());
        Ok(Self {
            gate: Gate::new(provider, settings, meter.clone()).with_clock(clock.clone()),
            clock,
            provider,
            client,
            meter,
            answers: None,
            place,
        })
    }

    /// The same with answers kept for a while; without, every question is sent.
    pub(super) fn with_answers(self, answers: Option<Answers>) -> Self {
        Self { answers, ..self }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn base(&self) -> &Url {
        self.client.base()
    }

    pub(super) fn forget(&self, symbol: &Symbol) {
        if let Some(answers) = &self.answers {
            answers.forget(symbol);
        }
    }

    /// Sends one request past the gate, which its caller has to be in; `read` makes an answer of
    /// status, body and the moment it came, `name` is what its durations are filed under. `symbol`
    /// is absent when the request is for many.
    pub(super) async fn send<T>(
        &self,
        name: &'static str,
        symbol: Option<&Symbol>,
        url: Url,
        read: impl FnOnce(u16, &[u8], Timestamp) -> Result<T, Fault>,
    ) -> Result<Got<T>, Fault> {
        let body = self.client.get(url).await.inspect_err(|fault| {
            if fault.class == FaultClass::BadPayload {
                events::UpstreamBodyTooLarge {
                    provider: self.provider,
                    symbol: symbol.map_or("many", Symbol::as_str),
                    cap_bytes: MAX_BODY_BYTES as u64,
                }
                .emit();
            }
        })?;
        let at = self.clock.now();
        let outcome = self.parse(name, || read(body.status, &body.bytes, at));
        let value = outcome.map_err(|fault| {
            tell_refusal(self.provider, &body, &fault);
            Fault {
                retry_after: body.retry_after,
                ..fault
            }
        })?;
        let bytes = body.bytes;
        Ok(Got { value, bytes, at })
    }

    /// Asks one question about `symbol` through the gate.
    pub(super) async fn ask<T>(
        &self,
        name: &'static str,
        symbol: &Symbol,
        budget: &Budget,
        url: &Url,
        read: impl Fn(u16, &[u8], Timestamp) -> Result<T, Fault>,
    ) -> Result<Got<T>, Fault> {
        let send = || self.send(name, Some(symbol), url.clone(), &read);
        self.gate.ask(symbol, name, budget, send).await
    }

    /// Reads an answer, measured.
    pub(super) fn parse<T>(
        &self,
        name: &'static str,
        read: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.meter.measure_sync(Work::Parse, name, read)
    }

    /// The kept answer to `question`, or the one `ask` brings, which is kept then. `read` makes a
    /// chart of kept bytes that came at some time.
    pub(super) async fn kept_chart<F>(
        &self,
        question: &Question,
        budget: &Budget,
        ask: impl Fn() -> F + Send + Sync,
        read: impl Fn(&[u8], Timestamp) -> Result<Chart, Fault> + Send + Sync,
    ) -> Result<Chart, Fault>
    where
        F: Future<Output = Result<Got<Chart>, Fault>> + Send,
    {
        let key = question.key(&self.origin());
        let ask = || async {
            let Got { value, bytes, at } = ask().await?;
            Ok(Fetched {
                valid_until: value.settles_at,
                value,
                bytes,
                at,
            })
        };
        self.kept(&key, &question.sent.symbol, budget, ask, read)
            .await
    }

    /// The kept latest price of `symbol`, or what `ask` brings.
    pub(super) async fn kept_latest<F>(
        &self,
        symbol: &Symbol,
        budget: &Budget,
        ask: impl Fn() -> F + Send + Sync,
        read: impl Fn(&[u8], Timestamp) -> Result<Chart, Fault> + Send + Sync,
    ) -> Result<Chart, Fault>
    where
        F: Future<Output = Result<Fetched<Chart>, Fault>> + Send,
    {
        let key = self.origin().latest_key(symbol);
        self.kept(&key, symbol, budget, ask, read).await
    }

    async fn kept<F>(
        &self,
        key: &Key,
        symbol: &Symbol,
        budget: &Budget,
        ask: impl Fn() -> F + Send + Sync,
        read: impl Fn(&[u8], Timestamp) -> Result<Chart, Fault> + Send + Sync,
    ) -> Result<Chart, Fault>
    where
        F: Future<Output = Result<Fetched<Chart>, Fault>> + Send,
    {
        let Some(answers) = &self.answers else {
            return Ok(ask().await?.value);
        };
        answers
            .get((key, symbol), self.provider, budget, ask, read)
            .await
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            provider: self.provider,
            place: &self.place,
            interval: INTERVAL,
        }
    }
}

/// `host:port` of a base address.
fn place(base: &Url) -> String {
    let port = base.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", base.host_str().unwrap_or_default())
}

/// Whose prices come from `base`: `simulated` for plain http, which is this machine only.
pub(super) fn origin_of(base: &Url) -> String {
    match (base.scheme(), base.host_str()) {
        ("http", _) | (_, None) => "simulated".to_owned(),
        (_, Some(host)) => host.to_owned(),
    }
}

/// What a body is by its first byte that is not a blank: a fault for what no JSON begins with.
pub(super) fn first_byte(status: u16, body: &[u8]) -> Result<u8, Fault> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => Err(outage(format!("an empty answer (HTTP {status})"))),
        Some(b'<') => Err(outage(format!(
            "a web page instead of data (HTTP {status})"
        ))),
        Some(first) => Ok(*first),
    }
}

/// A status that says the upstream is unwell, whatever its body, where the body is not read for it.
pub(super) fn unwell(status: u16) -> Option<Fault> {
    (status >= 500).then(|| outage(format!("the upstream answered HTTP {status}")))
}

pub(super) fn outage(message: String) -> Fault {
    Fault::new(FaultClass::Outage, message)
}

/// A body that is not what was agreed: damaged on the way, or of another shape.
pub(super) fn unreadable(error: &serde_json::Error) -> Fault {
    let class = if error.is_data() {
        FaultClass::BadPayload
    } else {
        FaultClass::Outage
    };
    Fault::new(class, format!("the answer cannot be read: {error}"))
}

/// An upstream's own words, short and plain.
pub(super) fn told(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(TOLD_CHARS).collect::<String>().trim().to_owned()
}
