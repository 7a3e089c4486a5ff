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
        opens: UPSTREAM_BLOCKED,
        "provider": provider: &'a str,
        "cause": cause: &'a str,
        "cooldown_ms": cooldown_ms: u64,
    }
    /// The upstream answers again.
    UpstreamCooldownClosed<'a> {
        "upstream.cooldown_closed", "FS4003", INFO, "the upstream answers again",
        action: "None.",
        closes: UPSTREAM_BLOCKED,
        "provider": provider: &'a str,
    }
    /// An answer was larger than the cap and was dropped.
    UpstreamBodyTooLarge<'a> {
        "upstream.body_too_large", "FS4004", WARN, "answer larger than the cap, dropped",
        action: "None unless it repeats; then ask for a shorter window.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "cap_bytes": cap_bytes: u64,
    }
    /// The upstream sent us elsewhere, to a consent or log-in page as a rule; not followed.
    UpstreamRedirectRefused<'a> {
        "upstream.redirect_refused", "FS4005", WARN, "the upstream redirects us; not followed",
        action: "Open the upstream's site from this machine: it may ask for consent. If it moved, change base_url.",
        "provider": provider: &'a str,
        "status": status: u64,
        "host": host: &'a str,
    }
    /// The upstream does not let us in: 401, 403, or an error that says so.
    UpstreamAuthFailed<'a> {
        "upstream.auth_failed", "FS4006", WARN, "the upstream does not let us in",
        action: "Check the key, if the provider has one; else our address is blocked: ask less, or wait.",
        tells: UPSTREAM_LOCKED,
        "provider": provider: &'a str,
        "status": status: u64,
        "reason": reason: &'a str,
    }
    /// The upstream refused a request: from now on it is asked more slowly, after a wait.
    UpstreamPaceLowered<'a> {
        "upstream.pace_lowered", "FS4010", INFO, "refused: the pace is lowered",
        action: "None by itself; if it repeats, set max_rps to the pace it settles at.",
        "provider": provider: &'a str,
        "cause": cause: &'a str,
        "from_rps": from_rps: f64,
        "to_rps": to_rps: f64,
        "wait_ms": wait_ms: u64,
    }
    /// The upstream takes the configured pace again.
    UpstreamPaceRecovered<'a> {
        "upstream.pace_recovered", "FS4011", INFO, "the configured pace is kept again",
        action: "None.",
        "provider": provider: &'a str,
        "rps": rps: f64,
    }
    /// The upstream said several times in a row not to know a symbol: it is not asked for a while.
    UpstreamSymbolShelved<'a> {
        "upstream.symbol_shelved", "FS4012", WARN, "unknown symbol, not asked for a while",
        action: "Check its spelling; if it is delisted, remove it from its schedules.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "answers": answers: u64,
        "rest_ms": rest_ms: u64,
    }
    /// The upstream knows a symbol that was not asked for a while.
    UpstreamSymbolBack<'a> {
        "upstream.symbol_back", "FS4013", INFO, "the upstream knows the symbol again",
        action: "None.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
    }
    /// A provider could not answer for a symbol, so the schedule's next one is asked.
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
        opens: UPSTREAM_UNUSABLE,
        "provider": provider: &'a str,
        "class": class: &'a str,
        "reason": reason: &'a str,
        "rest_ms": rest_ms: u64,
    }
    /// A provider that was passed over answers again.
    UpstreamUsable<'a> {
        "upstream.usable", "FS4022", INFO, "provider answers again",
        action: "None.",
        closes: UPSTREAM_UNUSABLE,
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
