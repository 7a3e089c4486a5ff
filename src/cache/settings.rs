//! How the cache is set up: `[cache]` of the configuration, or a test.

use std::time::Duration;

use super::Address;

/// `[cache]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where entries are kept.
    pub backend: Backend,
    /// Bytes of memory that entries may take up in this process.
    pub max_bytes: u64,
    /// How long an answer is good.
    pub ttl: Duration,
    /// How long it is good that there is none.
    pub negative_ttl: Duration,
    /// How long past its `ttl` an answer may stand in when loading fails by an outage; zero for
    /// never.
    pub stale_if_error: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backend: Backend::Memory,
            max_bytes: 32 << 20,
            // Yahoo's answers carry `max-age=10`.
            ttl: Duration::from_secs(10),
            negative_ttl: Duration::from_mins(1),
            stale_if_error: Duration::ZERO,
        }
    }
}

/// Where entries are kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Backend {
    /// Nowhere: every question is asked.
    Off,
    /// In this process.
    Memory,
    /// In this process, and in a Redis that others read too.
    Redis(RemoteSettings),
}

/// The shared backend.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteSettings {
    /// Where it is.
    pub address: Address,
    /// Put in front of every key.
    pub key_prefix: String,
    /// Bound on one call.
    pub timeout: Duration,
    /// Wait between two tries to reach it while it is away.
    pub retry_every: Duration,
}

impl RemoteSettings {
    /// What `key_prefix` is unless told otherwise.
    pub const KEY_PREFIX: &'static str = "finstage:";

    /// What `timeout` is unless told otherwise.
    pub const TIMEOUT: Duration = Duration::from_millis(100);

    /// A server at `address`, all else as usual.
    pub fn at(address: Address) -> Self {
        Self {
            address,
            key_prefix: Self::KEY_PREFIX.to_owned(),
            timeout: Self::TIMEOUT,
            retry_every: Duration::from_secs(3),
        }
    }
}
