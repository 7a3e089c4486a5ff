//! Who may ask: requests for another host, or without the token, are refused.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq as _;

use crate::config::{HttpSettings, Secret};

/// What a request is let in by.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    listen: SocketAddr,
    token: Option<Secret>,
}

impl Guard {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        Self {
            listen: settings.listen,
            token: settings.token.clone(),
        }
    }

    /// Whether a request with these headers may be answered; else how it is refused, and why.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        match &self.token {
            Some(token) if !has_token(headers, token) => Err((
                StatusCode::UNAUTHORIZED,
                "send the token: Authorization: Bearer …\n",
            )),
            // With a token no web page in somebody's browser gets in.
            Some(_) => Ok(()),
            None if self.is_meant(headers) => Ok(()),
            None => Err((
                StatusCode::MISDIRECTED_REQUEST,
                "the Host header does not name this machine's loopback address\n",
            )),
        }
    }

    /// A name of somebody else's that resolves to loopback is how web pages reach local services.
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let Some(host) = host else { return false };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let address = name.parse::<IpAddr>();
        name.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|ip| ip.is_loopback() || ip == self.listen.ip())
    }
}

fn has_token(headers: &HeaderMap, token: &Secret) -> bool {
    let sent = headers
        .get(AUTHORIZATION)
        .map(axum::http::HeaderValue::as_bytes);
    let sent = sent.and_then(|value| value.strip_prefix(b"Bearer "));
    // As long for a wrong token as for a nearly right one.
    sent.is_some_and(|sent| bool::from(sent.ct_eq(token.expose().as_bytes())))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn guard(listen: &str, token: Option<&str>) -> Guard {
        Guard {
            listen: listen.parse().unwrap(),
            token: token.map(|text| Secret::new(text.to_owned())),
        }
    }

    fn refused(guard: &Guard, header: &HeaderName, value: &str) -> Option<u16> {
        let value = HeaderValue::from_str(value).unwrap();
        let headers = HeaderMap::from_iter([(header.clone(), value)]);
        guard
            .check(&headers)
            .err()
            .map(|(status, _)| status.as_u16())
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let guard = guard("127.0.0.1:8787", None);
        for host in [
            "localhost",
            "LOCALHOST:8787",
            "127.0.0.1:8787",
            "[::1]:80",
            "127.0.0.2",
        ] {
            assert_eq!(refused(&guard, &HOST, host), None, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8787",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
        ] {
            assert_eq!(refused(&guard, &HOST, host), Some(421), "{host}");
        }
        assert!(guard.check(&HeaderMap::new()).is_err());
    }

    #[test]
    fn the_token_has_to_be_right_to_the_last_letter() {
        let token = "0123456789abcdef0123456789abcdef";
        let guard = guard("0.0.0.0:8787", Some(token));
        assert_eq!(
            refused(&guard, &AUTHORIZATION, &format!("Bearer {token}")),
            None
        );
        for wrong in [
            token.to_owned(),
            format!("Bearer {token}x"),
            format!("Bearer {}", &token[1..]),
            "Bearer 0123456789abcdef0123456789abcdeg".to_owned(),
            "Bearer ".to_owned(),
        ] {
            assert_eq!(
                refused(&guard, &AUTHORIZATION, &wrong),
                Some(401),
                "{wrong}"
            );
        }
        assert_eq!(refused(&guard, &HOST, "localhost"), Some(401));
    }
}
