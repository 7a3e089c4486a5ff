//! What the providers of plain JSON share: a client, a gate of their own, and how refusals look.

use reqwest::Url;

use super::client::{Client, ClientError, MAX_BODY_BYTES};
use super::{Budget, Fault, Gate};
use crate::clock::Clock;
use crate::config::{Secret, UpstreamSettings};
use crate::domain::{FaultClass, Symbol};
use crate::telemetry::{Meter, Work, events};

/// Letters of an upstream's own message that are passed on.
const TOLD_CHARS: usize = 160;

/// One provider's door: every request of it passes here.
pub(super) struct Endpoint {
    pub(super) clock: Clock,
    provider: &'static str,
    client: Client,
    gate: Gate,
    meter: Meter,
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
        Ok(Self {
            clock,
            provider,
            client: Client::authorized(settings, authorization)?,
            gate: Gate::new(provider, settings, meter.clone()),
            meter,
        })
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn base(&self) -> &Url {
        self.client.base()
    }

    /// Asks one question through the gate; `read` makes an answer of status and body, `name` is
    /// what its durations are filed under.
    pub(super) async fn ask<T>(
        &self,
        name: &'static str,
        symbol: &Symbol,
        budget: &Budget,
        url: &Url,
        read: impl Fn(u16, &[u8]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let send = || async {
            let body = self.client.get(url.clone()).await;
            if let Err(fault) = &body
                && fault.class == FaultClass::BadPayload
            {
                events::UpstreamBodyTooLarge {
                    provider: self.provider,
                    symbol: symbol.as_str(),
                    cap_bytes: MAX_BODY_BYTES as u64,
                }
                .emit();
            }
            let body = body?;
            let parse = || read(body.status, &body.bytes);
            let outcome = self.meter.measure_sync(Work::Parse, name, parse);
            outcome.map_err(|fault| Fault {
                retry_after: body.retry_after,
                ..fault
            })
        };
        self.gate.ask(symbol, name, budget, send).await
    }
}

/// Whose prices come from `base`: `simulated` for plain http, which is this machine only.
pub(super) fn origin_of(base: &Url) -> String {
    match (base.scheme(), base.host_str()) {
        ("http", _) | (_, None) => "simulated".to_owned(),
        (_, Some(host)) => host.to_owned(),
    }
}

/// The faults a status tells whatever the body says; 418 is Binance's word for an address that went
/// on after a 429.
pub(super) fn refusal(status: u16) -> Option<Fault> {
    let (class, message) = match status {
        418 | 429 => (
            FaultClass::RateLimited,
            format!("the upstream answered {status}: too many requests"),
        ),
        300..=399 => (
            FaultClass::Blocked,
            format!("the upstream redirects ({status}); not followed"),
        ),
        401 | 403 | 451 => (
            FaultClass::Blocked,
            format!("the upstream refuses us (HTTP {status})"),
        ),
        500.. => (
            FaultClass::Outage,
            format!("the upstream answered HTTP {status}"),
        ),
        _ => return None,
    };
    Some(Fault::new(class, message))
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
