//! The upstream: can a client be built, and, only when asked for, does it answer?

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Check;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::telemetry::Meter;
use crate::upstream::{Budget, CallCounts, ChartRequest, ClientError, MarketData as _, Yahoo};

const NAME: &str = "upstream";

/// Window of the one request.
const DAYS: i64 = 7;

/// The client, or why there is none.
pub(super) struct Upstream {
    client: Result<Yahoo, ClientError>,
    origin: Option<String>,
}

impl Upstream {
    pub(super) fn new(config: &Config) -> Self {
        let mut settings = config.yahoo.clone();
        // One request, whatever comes of it.
        settings.retry.max_attempts = 1;
        let client = Yahoo::new(&settings, Clock::system(), Meter::default());
        let origin = client.as_ref().ok().map(Yahoo::origin);
        Self { client, origin }
    }

    /// Whose prices it gives.
    pub(super) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    pub(super) async fn checks(
        &self,
        config: &Config,
        now: Timestamp,
        online: bool,
    ) -> Option<Check> {
        let base = &config.yahoo.base_url;
        let client = match &self.client {
            Ok(client) => client,
            Err(error) => {
                let remedy = "install ca-certificates, and check `base_url`";
                return Some(Check::failed(NAME, error.to_string(), remedy));
            }
        };
        if !online {
            let found = format!("{base} was not asked; --online sends one request");
            return Some(Check::unknown(NAME, found));
        }
        let schedules = || config.schedules.iter();
        let schedule = schedules()
            .find(|schedule| schedule.enabled)
            .or_else(|| schedules().next())?;
        let request = ChartRequest {
            symbol: schedule.symbols.first()?.clone(),
            from: now
                .saturating_sub(SignedDuration::from_hours(24 * DAYS))
                .unwrap_or(now),
            to: now,
        };
        let started = clock::monotonic();
        let budget = Budget::starting_now(schedule.task_timeout, Arc::<CallCounts>::default());
        Some(match client.chart(&request, &budget).await {
            Ok(chart) => Check::ok(
                NAME,
                format!(
                    "{base} gave {} bars of {} in {} ms",
                    chart.bars.len(),
                    request.symbol,
                    clock::elapsed_ms(started)
                ),
            ),
            Err(fault) => Check::failed(
                NAME,
                format!("{base}: {} ({})", fault.message, fault.class),
                "check the network, the address and whether it refuses this machine",
            ),
        })
    }
}
