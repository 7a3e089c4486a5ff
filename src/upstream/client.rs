//! HTTP, carefully: bodies under a cap, no redirects, every wait bounded, no URL in an error.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Response, Url, redirect};

use super::Fault;
use super::refusal::refusal;
use super::retry_after::retry_after;
use crate::clock::Clock;
use crate::config::{Secret, UpstreamSettings};
use crate::domain::FaultClass;

/// Largest body read, decompressed: twenty times a 40-year answer.
pub(super) const MAX_BODY_BYTES: usize = 8 << 20;

/// Room made for a body before its first byte: what an upstream announces is only a claim.
const FIRST_ROOM_BYTES: usize = 256 << 10;

/// Bytes read of the body of a refusal, and the time taken for it.
const MAX_QUOTED_BYTES: usize = 16 << 10;
const QUOTED_PATIENCE: Duration = Duration::from_millis(250);

/// How much later the client gives up an answer than the gate, which says so in better words.
const GATE_FIRST: Duration = Duration::from_secs(1);

/// Idle connections kept to the upstream.
const MAX_IDLE_CONNECTIONS: usize = 8;

/// A client that cannot be built: without one nothing can be asked.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built ({0}); is the package ca-certificates installed?")]
pub struct ClientError(String);

impl ClientError {
    /// The thread that built the client did not come back.
    pub fn from_panic(error: &tokio::task::JoinError) -> Self {
        Self(error.to_string())
    }

    pub(super) fn without_zone(error: &jiff::Error) -> Self {
        Self(format!("the time zone database is missing: {error}"))
    }
}

/// An answer, whatever it says.
pub(super) struct Body {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    /// Where a redirect points; the host only, because an address may hold a key.
    pub(super) redirected_to: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// One client for all requests to one upstream.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    /// What no answer may bring back to us: it would be quoted in a fault.
    key: Option<Secret>,
    clock: Clock,
}

impl Client {
    /// A client whose every request carries this `Authorization`, if there is one. By `clock` it
    /// knows how far a date is away that an answer names.
    pub(super) fn new(
        settings: &UpstreamSettings,
        authorization: Option<&Secret>,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        let failed = |error: &dyn std::fmt::Display| ClientError(error.to_string());
        // A second call finds it installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = Url::parse(&settings.base_url).map_err(|error| failed(&error))?;
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            // The error of a header's value does not show it.
            let value = HeaderValue::from_str(authorization.expose());
            let mut value = value.map_err(|error| failed(&error))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(&settings.user_agent)
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.request_timeout)
            // The whole answer, for those who do not come through the gate: a byte now and then
            // would satisfy the timeout of a read for ever. The gate's own bound comes first.
            .timeout(settings.request_timeout + GATE_FIRST)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .https_only(base.scheme() == "https");
        if base.scheme() == "http" {
            // Loopback only (the configuration sees to that): no certificates to load, no proxy.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| failed(&error.without_url()))?;
        // `Token KEY`: the key is what follows the scheme.
        let key = authorization.and_then(|it| it.expose().split_whitespace().last());
        Ok(Self {
            http,
            base,
            key: key.map(|key| Secret::new(key.to_owned())),
            clock,
        })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends one GET and reads the whole answer. Fails as an outage, or as a bad payload when the
    /// answer is larger than [`MAX_BODY_BYTES`].
    pub(super) async fn get(&self, url: Url) -> Result<Body, Fault> {
        let response = self.http.get(url).send().await.map_err(outage)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), self.clock.now());
        let redirected_to = host_of(response.headers(), &self.base);
        // A refusal stays one, however its body ends.
        let mut bytes = if refusal(status).is_some() {
            read_leniently(response).await
        } else {
            read_body(response).await?
        };
        if let Some(key) = &self.key {
            blot_out(key, &mut bytes);
        }
        Ok(Body {
            status,
            retry_after,
            redirected_to,
            bytes,
        })
    }
}

/// Stars instead of a key that an answer quotes; its length stays.
fn blot_out(key: &Secret, bytes: &mut [u8]) {
    let key = key.expose().as_bytes();
    let mut from = 0;
    while let Some(rest) = bytes.get_mut(from..).filter(|rest| rest.len() >= key.len()) {
        let Some(at) = rest.windows(key.len()).position(|window| window == key) else {
            return;
        };
        rest.iter_mut()
            .skip(at)
            .take(key.len())
            .for_each(|byte| *byte = b'*');
        from += at + key.len();
    }
}

/// The beginning of a body that is only there to be quoted.
async fn read_leniently(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_QUOTED_BYTES - bytes.len();
            bytes.extend(chunk.iter().take(room));
            if chunk.len() >= room {
                break;
            }
        }
    };
    // What came until then is as good.
    let _ = tokio::time::timeout(QUOTED_PATIENCE, read).await;
    bytes
}

/// Reads a body up to the cap; one that announces more is not begun.
async fn read_body(mut response: Response) -> Result<Vec<u8>, Fault> {
    // Absent when the body is compressed: its size says nothing about what comes out.
    let announced = response.content_length().unwrap_or_default();
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > MAX_BODY_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(announced.min(FIRST_ROOM_BYTES));
    while let Some(chunk) = response.chunk().await.map_err(outage)? {
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large() -> Fault {
    let message = format!("the answer is larger than {} MiB", MAX_BODY_BYTES >> 20);
    Fault::new(FaultClass::BadPayload, message)
}

fn host_of(headers: &HeaderMap, base: &Url) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    base.join(location).ok()?.host_str().map(str::to_owned)
}

/// reqwest prints the whole URL, and a URL may hold a key: it is cut out first.
fn outage(error: reqwest::Error) -> Fault {
    let kind = if error.is_connect() {
        "cannot connect to the upstream"
    } else if error.is_timeout() {
        "the upstream did not answer in time"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request failed"
    };
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Fault::new(FaultClass::Outage, format!("{kind}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cooldown;
    use crate::domain::Retry;

    #[test]
    fn a_key_that_an_answer_quotes_is_blotted_out_wherever_it_stands() {
        let key = Secret::new("hush".to_owned());
        for (answer, left) in [
            ("hush", "****"),
            ("hushhush, hus h", "********, hus h"),
            ("you said: Token hush!", "you said: Token ****!"),
            ("hus", "hus"),
            ("", ""),
        ] {
            let mut bytes = answer.as_bytes().to_vec();
            blot_out(&key, &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), left);
        }
    }

    #[tokio::test]
    async fn a_date_to_come_back_at_is_held_against_the_clock_the_client_was_given() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 4096];
            let _ = stream.read(&mut question).await.unwrap();
            // No `Date`: only a clock of ours can tell how long that is.
            let refusal = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\
                retry-after: Mon, 01 Jan 2001 00:01:30 GMT\r\n\r\n";
            stream.write_all(refusal.as_bytes()).await.unwrap();
        };
        let second = Duration::from_secs(1);
        let settings = UpstreamSettings {
            base_url: format!("http://{place}"),
            max_rps: 1.0,
            burst: 1,
            concurrency: 1,
            user_agent: "tests".to_owned(),
            connect_timeout: second,
            request_timeout: second * 20,
            cooldown: Cooldown {
                initial: second,
                max: second,
            },
            retry: Retry {
                max_attempts: 1,
                initial_interval: second,
                multiplier: 1.0,
                max_interval: second,
                randomization_factor: 0.0,
            },
        };
        let then = Clock::starting_at("2001-01-01T00:00:00Z".parse().unwrap());
        let client = Client::new(&settings, None, then).unwrap();
        let (body, ()) = tokio::join!(client.get(client.base().clone()), answer);
        let wait = body
            .map_err(|fault| fault.message)
            .unwrap()
            .retry_after
            .unwrap();
        let expected = Duration::from_secs(80)..=Duration::from_secs(90);
        assert!(expected.contains(&wait), "{wait:?}");
    }
}
