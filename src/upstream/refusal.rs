//! Statuses that refuse our address, and the event that tells of one, once per such answer.

use super::Fault;
use super::client::Body;
use crate::domain::FaultClass;
use crate::telemetry::events;

/// Whether a status refuses our address as such: asked too often (999 is Yahoo's own word for it),
/// or not let in.
pub(super) fn is_refusal(status: u16) -> bool {
    is_rate_limit(status) || matches!(status, 401 | 403)
}

/// Whether a status says that we ask too often.
pub(super) fn is_rate_limit(status: u16) -> bool {
    matches!(status, 429 | 999)
}

/// Whether a status sends us elsewhere. 304 does not: we never ask whether something has changed.
pub(super) fn is_redirect(status: u16) -> bool {
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
