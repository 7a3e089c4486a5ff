//! What the daemon shows to those who watch it over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::control::protocol::{CacheAnswer, StatusAnswer};
use super::control::status;
use super::heart::STALL_MS;
use super::live::Live;
use crate::config::HttpSettings;
use crate::http::{Health, HttpServer, Watched};
use crate::telemetry::{MetricsHandle, events, metric};

/// Every state a schedule can be in, so that one nobody is in any more shows 0.
const STATES: [&str; 6] = ["ok", "running", "paused", "disabled", "late", "stale"];

/// A daemon and what it has counted.
pub(super) struct Window {
    pub(super) live: Arc<Live>,
    pub(super) metrics: MetricsHandle,
}

/// Begins to show the daemon. Who cannot be watched serves all the same.
pub(super) fn open(settings: &HttpSettings, window: Window, stop: CancellationToken) {
    let opened = HttpServer::bind(settings).and_then(|server| {
        let address = server.address()?;
        drop(server.start(Arc::new(window), stop)?);
        Ok(address)
    });
    match opened {
        Ok(address) => events::DaemonWatchable {
            listen: &address.to_string(),
        }
        .emit(),
        Err(error) => events::DaemonNoHttp {
            listen: &settings.listen.to_string(),
            reason: &error.to_string(),
        }
        .emit(),
    }
}

#[async_trait]
impl Watched for Window {
    async fn metrics(&self) -> String {
        metric::planner_age(seconds(self.live.pulse.age_ms()));
        metric::upstream_refusing(f64::from(u8::from(self.live.upstream.is_refusing())));
        for pool in self.live.store.connections() {
            metric::store_connections(pool.pool, "busy", pool.busy.into());
            metric::store_connections(pool.pool, "idle", pool.idle.into());
        }
        // Without a planner the rest is as it was seen last.
        if let Some(status) = status(&self.live).await {
            show(&status);
        }
        self.metrics.render()
    }

    fn tidy(&self) {
        self.metrics.tidy();
    }

    async fn health(&self) -> Health {
        let age_ms = self.live.pulse.age_ms();
        if age_ms > STALL_MS {
            let why = format!("the planner has not looked at the clock for {age_ms} ms");
            return Health {
                lives: Err(why.clone()),
                is_ready: Err(why),
            };
        }
        let is_ready = match status(&self.live).await {
            None => Err("the daemon is ending".to_owned()),
            Some(StatusAnswer {
                store_down_ms: Some(ms),
                ..
            }) => Err(format!("the database cannot be used for {ms} ms")),
            Some(_) => Ok(()),
        };
        Health {
            lives: Ok(()),
            is_ready,
        }
    }
}

fn show(status: &StatusAnswer) {
    metric::build_info(&status.version, 1.0);
    metric::process_start(seconds(status.started_at.as_millisecond()));
    metric::config_loaded(seconds(status.config_loaded_at.as_millisecond()));
    metric::config_accepted(f64::from(u8::from(status.config_problems == 0)));
    metric::store_down(seconds(status.store_down_ms.unwrap_or_default()));
    let mut by_state: BTreeMap<&str, u32> = STATES.iter().map(|state| (*state, 0)).collect();
    for schedule in &status.schedules {
        *by_state.entry(schedule.state.as_str()).or_default() += 1;
    }
    for (state, schedules) in by_state {
        metric::schedules(state, schedules.into());
    }
    for pace in &status.paces {
        metric::upstream_pace(&pace.provider, pace.pace_rps);
    }
    let runs = u32::try_from(status.runs.len()).unwrap_or(u32::MAX);
    metric::runs_active(runs.into());
    let open = status.runs.iter();
    let open: u32 = open
        .map(|run| run.tasks_total.saturating_sub(run.tasks_done))
        .sum();
    metric::tasks_open(open.into());
    if let Some(cache) = &status.cache {
        show_cache(cache);
    }
}

fn show_cache(cache: &CacheAnswer) {
    for (result, count) in [
        ("hit", cache.hits),
        ("negative", cache.negative_hits),
        ("shared", cache.shared),
        ("stale", cache.stale),
        ("miss", cache.misses),
    ] {
        metric::cache_requests(result, count);
    }
    metric::cache_loads("ok", cache.loads.saturating_sub(cache.load_errors));
    metric::cache_loads("error", cache.load_errors);
    metric::cache_evictions(cache.evictions);
    metric::cache_backend_errors(cache.backend_errors);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let (bytes, entries) = (cache.bytes as f64, cache.entries as f64);
    metric::cache_bytes(bytes);
    metric::cache_entries(entries);
}

#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of this age are below 2^53"
)]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
