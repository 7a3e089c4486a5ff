//! The cache.

use crate::telemetry::catalogue::events;

events! {
    /// The shared cache cannot be used; memory and the upstream go on without it.
    CacheBackendLost<'a> {
        "cache.backend_lost", "FS4501", WARN, "the shared cache cannot be used; going on without it",
        action: "Check the Redis server and [cache]. No job fails; it is tried again every few seconds.",
        opens: CACHE_LOST,
        "cache.backend": backend: &'a str,
        "reason": reason: &'a str,
    }
    /// The shared cache is used again.
    CacheBackendBack<'a> {
        "cache.backend_back", "FS4502", INFO, "the shared cache is used again",
        action: "None.",
        closes: CACHE_LOST,
        "cache.backend": backend: &'a str,
        "outage_ms": outage_ms: u64,
    }
    /// The upstream is out and answers past their time are given in its place, as [cache] `stale_if_error` allows.
    CacheStaleGiven<'a> {
        "cache.stale_given", "FS4503", WARN, "the upstream is out; old answers stand in",
        action: "Runs succeed on old prices meanwhile. Look at the upstream; set stale_if_error = \"0s\" to have them fail.",
        "provider": provider: &'a str,
        "limit_ms": limit_ms: u64,
    }
    /// The upstream answers again; no old answer stands in any more.
    CacheStaleEnded<'a> {
        "cache.stale_ended", "FS4504", INFO, "the upstream answers again; old answers no longer stand in",
        action: "None.",
        "provider": provider: &'a str,
    }
}
