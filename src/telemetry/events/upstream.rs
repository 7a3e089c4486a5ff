//! The upstream.

use crate::telemetry::catalogue::events;

events! {
    /// A request failed in a way that is worth another try.
    UpstreamRetried<'a> {
        "upstream.retried", "FS4001", DEBUG, "request failed, will be repeated",
        action: "None by itself; rising numbers mean the upstream is unwell.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "attempt": attempt: u64,
        "delay_ms": delay_ms: u64,
        "reason": reason: &'a str,
    }
    /// The upstream refuses our address for a while: all requests to it wait.
    UpstreamCooldownOpened<'a> {
        "upstream.cooldown_opened", "FS4002", WARN, "the upstream refuses us; all requests wait",
        action: "Lower [upstream.NAME] max_rps if this repeats.",
        "provider": provider: &'a str,
        "cause": cause: &'a str,
        "cooldown_ms": cooldown_ms: u64,
    }
    /// The upstream answers again.
    UpstreamCooldownClosed<'a> {
        "upstream.cooldown_closed", "FS4003", INFO, "the upstream answers again",
        action: "None.",
        "provider": provider: &'a str,
    }
    /// An answer was larger than the cap and was dropped.
    UpstreamBodyTooLarge<'a> {
        "upstream.body_too_large", "FS4004", WARN, "answer larger than the cap, dropped",
        action: "None unless it repeats; then ask for a shorter window.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "cap_bytes": cap_bytes: u64,
    }    /// A provider could not answer for a symbol, so the schedule's next one is asked.
    UpstreamFellBack<'a> {
        "upstream.fell_back", "FS4020", DEBUG, "provider cannot answer, the next one is asked",
        action: "None by itself; see upstream.unusable for a provider that is down.",
        "provider": provider: &'a str,
        "next": next: &'a str,
        "task.symbol": symbol: &'a str,
        "class": class: &'a str,
        "reason": reason: &'a str,
    }
    /// A provider failed several tasks in a row and is passed over for a while.
    UpstreamUnusable<'a> {
        "upstream.unusable", "FS4021", WARN, "provider is out of order; others are asked instead",
        action: "See the reason: the network, the provider's own status page, its key.",
        "provider": provider: &'a str,
        "class": class: &'a str,
        "reason": reason: &'a str,
        "rest_ms": rest_ms: u64,
    }
    /// A provider that was passed over answers again.
    UpstreamUsable<'a> {
        "upstream.usable", "FS4022", INFO, "provider answers again",
        action: "None.",
        "provider": provider: &'a str,
    }
    /// A question for many prices at once failed, so each is asked for by itself.
    UpstreamBatchFailed<'a> {
        "upstream.batch_failed", "FS4023", DEBUG, "batch of quotes failed, each is asked for alone",
        action: "None by itself; when it repeats, remove quotes.batch from [upstream.yahoo].",
        "provider": provider: &'a str,
        "symbols": symbols: u64,
        "reason": reason: &'a str,
    }
}
