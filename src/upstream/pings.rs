//! Calls of a schedule's `heartbeat_url`: a dead man's switch elsewhere hears of each run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::domain::{HeartbeatUrl, ScheduleId};
use crate::telemetry::events;

/// Bound on one call.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls before one is given up.
const PING_ATTEMPTS: u32 = 3;

/// Wait between two of them.
const PING_RETRY: Duration = Duration::from_secs(2);

/// Calls heartbeat addresses; the client is built when the first is called. Cheap to clone.
#[derive(Clone, Default)]
pub struct Pings(Arc<OnceCell<Option<reqwest::Client>>>);

impl Pings {
    /// Calls `url` with `suffix` (`/start`, `/fail` or nothing); tries a few times, and says when
    /// nobody heard it. The run it tells of does not wait for this.
    pub async fn send(&self, schedule: &ScheduleId, url: &HeartbeatUrl, suffix: &str) {
        let client = self.0.get_or_init(client).await;
        let mut reason = "the HTTP client cannot be built".to_owned();
        for attempt in 0..PING_ATTEMPTS {
            let Some(client) = client else { break };
            if attempt > 0 {
                tokio::time::sleep(PING_RETRY).await;
            }
            let address = format!("{}{suffix}", url.expose().trim_end_matches('/'));
            match client.get(address).send().await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => reason = format!("it answered {}", answer.status().as_u16()),
                // Without its URL: whoever reads the log must not be able to silence the switch.
                Err(error) => reason = error.without_url().to_string(),
            }
        }
        events::HeartbeatFailed {
            schedule: schedule.as_str(),
            ping: if suffix.is_empty() { "/" } else { suffix },
            reason: &reason,
        }
        .emit();
    }
}

async fn client() -> Option<reqwest::Client> {
    // Building a client reads the system's certificates: 20 to 30 ms nobody else shall wait for.
    let build = || {
        // A second call finds it installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .timeout(PING_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("finstage/", env!("CARGO_PKG_VERSION")))
            .build()
    };
    tokio::task::spawn_blocking(build).await.ok()?.ok()
}
