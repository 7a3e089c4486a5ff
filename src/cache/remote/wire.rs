//! The few commands sent to a Redis, single or cluster.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};

use super::super::Address;

/// Longest reason shown to people.
const REASON_CHARS: usize = 200;

/// A connection that many callers use at once. Cheap to clone; a call that is dropped half-way
/// leaves it usable.
#[derive(Clone)]
pub(super) enum Wire {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Wire {
    /// Connects, within `timeout`.
    pub(super) async fn open(address: &Address, timeout: Duration) -> Result<Self, String> {
        match tokio::time::timeout(timeout, connect(address, timeout)).await {
            Ok(Ok(wire)) => Ok(wire),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(no_answer(timeout)),
        }
    }

    /// The bytes of `key` with the milliseconds it has left there, negative without a limit.
    pub(super) async fn get(&mut self, key: &str) -> RedisResult<(Option<Vec<u8>>, i64)> {
        let mut both = redis::pipe();
        both.cmd("GET").arg(key).cmd("PTTL").arg(key);
        match self {
            Self::Single(connection) => both.query_async(connection).await,
            Self::Cluster(connection) => both.query_async(connection).await,
        }
    }

    /// Sets `key` for so many milliseconds.
    pub(super) async fn set(&mut self, key: &str, bytes: &[u8], ms: u64) -> RedisResult<()> {
        let mut set = redis::cmd("SET");
        set.arg(key).arg(bytes).arg("PX").arg(ms);
        match self {
            Self::Single(connection) => set.exec_async(connection).await,
            Self::Cluster(connection) => set.exec_async(connection).await,
        }
    }
}

async fn connect(address: &Address, timeout: Duration) -> RedisResult<Wire> {
    if address.is_cluster() {
        let client = ClusterClient::builder(address.urls())
            .connection_timeout(timeout)
            .response_timeout(timeout)
            // Every call of ours is bounded anyway; what is left of one must not go on for long.
            .retries(2)
            .build()?;
        return client.get_async_connection().await.map(Wire::Cluster);
    }
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout));
    let client = Client::open(address.urls().next().unwrap_or_default())?;
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.map(Wire::Single)
}

/// An error in a few words; a server's own words never hold what a client sent for a password.
pub(super) fn words(error: &RedisError) -> String {
    error.to_string().chars().take(REASON_CHARS).collect()
}

/// The words for a call that took too long.
pub(super) fn no_answer(timeout: Duration) -> String {
    format!("no answer within {} ms", timeout.as_millis())
}
