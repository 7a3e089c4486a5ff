//! HTTP, carefully: bodies under a cap, no redirects, every wait bounded, no URL in an error.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url, redirect};

use super::Fault;
use crate::config::{Secret, UpstreamSettings};
use crate::domain::FaultClass;

/// Largest body read, decompressed: twenty times a 40-year answer.
pub(super) const MAX_BODY_BYTES: usize = 8 << 20;

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
    pub(super) bytes: Vec<u8>,
}

/// One client for all requests to one upstream.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Client {
    pub(super) fn new(settings: &UpstreamSettings) -> Result<Self, ClientError> {
        Self::authorized(settings, None)
    }

    /// A client whose every request carries this `Authorization`.
    pub(super) fn authorized(
        settings: &UpstreamSettings,
        authorization: Option<&Secret>,
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
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .https_only(base.scheme() == "https");
        if base.scheme() == "http" {
            // Loopback only (the configuration sees to that): no certificates to load, no proxy.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| failed(&error.without_url()))?;
        Ok(Self { http, base })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends one GET and reads the whole answer.
    pub(super) async fn get(&self, url: Url) -> Result<Body, Fault> {
        let mut response = self.http.get(url).send().await.map_err(outage)?;
        let status = response.status();
        let retry_after = retry_after(status, response.headers());
        let announced = response
            .content_length()
            .and_then(|n| usize::try_from(n).ok());
        let mut bytes = Vec::with_capacity(announced.unwrap_or(32 << 10).min(MAX_BODY_BYTES));
        while let Some(chunk) = response.chunk().await.map_err(outage)? {
            if bytes.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(Fault::new(
                    FaultClass::BadPayload,
                    format!("the answer is larger than {} MiB", MAX_BODY_BYTES >> 20),
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body {
            status: status.as_u16(),
            retry_after,
            bytes,
        })
    }
}

/// Seconds of a `Retry-After`; its date form is not used by any upstream we know.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let relevant = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::IM_A_TEAPOT
    ) || status.is_server_error();
    let text = headers
        .get(RETRY_AFTER)
        .filter(|_| relevant)?
        .to_str()
        .ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
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
