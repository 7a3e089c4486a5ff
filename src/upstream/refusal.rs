//! Statuses that say all there is to know whatever stands in the body: the one place that classes
//! them, for all providers; and the event that tells that our address is refused, once per answer.

use super::Fault;
use super::client::Body;
use crate::domain::FaultClass;
use crate::telemetry::events;

/// What a status says by itself: we ask too often, we are sent elsewhere, or not let in. `None` when
/// the body has to be looked at.
pub(super) fn refusal(status: u16) -> Option<Fault> {
    let (class, message) = if is_rate_limit(status) {
        (
            FaultClass::RateLimited,
            format!("the upstream answered {status}: too many requests"),
        )
    } else if is_redirect(status) {
        (
            FaultClass::Blocked,
            format!("the upstream redirects ({status}); not followed"),
        )
    } else if is_ban(status) {
        (
            FaultClass::Blocked,
            format!("the upstream refuses us (HTTP {status})"),
        )
    } else {
        return None;
    };
    Some(Fault::new(class, message))
}

/// Whether a status says that we ask too often: 418 is Binance's word for an address that went on
/// after a 429, 999 is Yahoo's own.
fn is_rate_limit(status: u16) -> bool {
    matches!(status, 418 | 429 | 999)
}

/// Whether a status says that we are not let in: no key, a wrong one, not from this address, not
/// from this country (451).
fn is_ban(status: u16) -> bool {
    matches!(status, 401 | 403 | 451)
}

/// Whether a status sends us elsewhere. 304 does not: we never ask whether something has changed.
fn is_redirect(status: u16) -> bool {
    (300..400).contains(&status) && status != 304
}

/// Tells the operator of a `fault` read off `body` when it means that our address is refused.
pub(super) fn tell_refusal(provider: &str, body: &Body, fault: &Fault) {
    if fault.class != FaultClass::Blocked {
        return;
    }
    let status = u64::from(body.status);
    if is_redirect(body.status) {
        events::UpstreamRedirectRefused {
            provider,
            status,
            host: body.redirected_to.as_deref().unwrap_or("unknown"),
        }
        .emit();
    } else {
        events::UpstreamAuthFailed {
            provider,
            status,
            reason: &fault.message,
        }
        .emit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_one_class_whoever_sends_it() {
        use FaultClass::{Blocked, RateLimited};
        for (status, class) in [
            (429, Some(RateLimited)),
            (418, Some(RateLimited)),
            (999, Some(RateLimited)),
            (301, Some(Blocked)),
            (308, Some(Blocked)),
            (401, Some(Blocked)),
            (403, Some(Blocked)),
            (451, Some(Blocked)),
            (304, None),
            (200, None),
            (404, None),
            (500, None),
        ] {
            assert_eq!(refusal(status).map(|fault| fault.class), class, "{status}");
        }
    }
}
