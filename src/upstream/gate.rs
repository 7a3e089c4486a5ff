//! The way every question to one upstream takes: places in flight, cool-down, pace, retries.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::Fault;
use super::budget::Budget;
use super::cooldown::Cooldown;
use super::limiter::Limiter;
use super::retry::Waits;
use crate::clock;
use crate::config::UpstreamSettings;
use crate::domain::Retry;
use crate::domain::{FaultClass, Symbol};
use crate::telemetry::{Meter, Work, events};

/// How often one question is put back after a refusal before it counts as failed. The cool-down
/// doubles each time, so this is hours; the run's timeout ends most tasks earlier.
const MAX_REFUSALS: u32 = 8;

/// Shared by all requests to one upstream.
pub struct Gate {
    provider: &'static str,
    places: Semaphore,
    cooldown: Cooldown,
    limiter: Limiter,
    retry: Retry,
    request_timeout: Duration,
    meter: Meter,
}

impl Gate {
    /// A gate that keeps to `settings`.
    pub fn new(provider: &'static str, settings: &UpstreamSettings, meter: Meter) -> Self {
        let places = usize::try_from(settings.concurrency).unwrap_or(1);
        Self {
            provider,
            places: Semaphore::new(places),
            cooldown: Cooldown::new(settings.cooldown),
            limiter: Limiter::new(settings.max_rps, settings.burst),
            retry: settings.retry,
            request_timeout: settings.request_timeout,
            meter,
        }
    }

    /// Whether requests wait for a cool-down.
    pub fn is_refusing(&self) -> bool {
        self.cooldown.is_closed()
    }

    /// Asks until there is an answer, a fault that repeating cannot mend, or no time left. `ask`
    /// sends one request; `name` is what its durations are filed under.
    pub async fn ask<T, F>(
        &self,
        symbol: &Symbol,
        name: &'static str,
        budget: &Budget,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut waits = Waits::new(&self.retry);
        let mut refusals = 0;
        let mut attempt = 1;
        loop {
            let fault = match self.ask_once(name, budget, attempt > 1, &mut ask).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            match fault.class {
                // Put back: the next turn comes when the cool-down is over.
                FaultClass::RateLimited | FaultClass::Blocked if refusals < MAX_REFUSALS => {
                    refusals += 1;
                }
                FaultClass::Outage => {
                    // An upstream that says when to come back is not asked sooner.
                    let asked = fault.retry_after.unwrap_or_default();
                    let wait = waits
                        .next()
                        .map(|wait| wait.max(asked))
                        .filter(|wait| clock::monotonic() + *wait < budget.deadline());
                    let Some(wait) = wait else { return Err(fault) };
                    events::UpstreamRetried {
                        provider: self.provider,
                        symbol: symbol.as_str(),
                        attempt,
                        delay_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                        reason: &fault.message,
                    }
                    .emit();
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(fault),
            }
            attempt += 1;
        }
    }

    async fn ask_once<T, F>(
        &self,
        name: &'static str,
        budget: &Budget,
        is_retry: bool,
        ask: &mut impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let arrived = clock::monotonic();
        // Never closed; were it, going on without a place would be the lesser evil.
        let _place = self.places.acquire().await.ok();
        let leave = loop {
            let leave = self.cooldown.leave().await;
            self.limiter.pass().await;
            // While this one waited for the pace, another may have been refused.
            if leave.still_holds() {
                break leave;
            }
        };
        let waited = arrived.elapsed();
        budget.add_wait(waited);
        self.meter.record(Work::Wait, self.provider, waited);
        budget.count_call(is_retry);
        let deadline = budget
            .deadline()
            .min(clock::monotonic() + self.request_timeout);
        let bounded = tokio::time::timeout_at(deadline, ask());
        let outcome = match self.meter.measure(Work::Request, name, bounded).await {
            Ok(outcome) => outcome,
            Err(_) if budget.deadline() <= clock::monotonic() => Err(Fault::new(
                FaultClass::Timeout,
                "the task's time was up before the answer came",
            )),
            Err(_) => {
                let limit = crate::domain::format_span(self.request_timeout);
                Err(Fault::new(
                    FaultClass::Outage,
                    format!("no answer within {limit}"),
                ))
            }
        };
        self.learn(leave, budget, &outcome);
        outcome
    }

    /// Tells the cool-down what the answer says about our standing with the upstream.
    fn learn<T>(
        &self,
        leave: super::cooldown::Leave<'_>,
        budget: &Budget,
        outcome: &Result<T, Fault>,
    ) {
        match outcome {
            Err(fault) if fault.class == FaultClass::RateLimited => {
                budget.count_rate_limited();
                self.refused(leave, fault);
            }
            Err(fault) if fault.class == FaultClass::Blocked => self.refused(leave, fault),
            // An outage says nothing: a probe that met one leaves the question open.
            Err(fault) if matches!(fault.class, FaultClass::Outage | FaultClass::Timeout) => {}
            Ok(_) | Err(_) => {
                if leave.answered() {
                    events::UpstreamCooldownClosed {
                        provider: self.provider,
                    }
                    .emit();
                }
            }
        }
    }

    fn refused(&self, leave: super::cooldown::Leave<'_>, fault: &Fault) {
        if let Some(wait) = leave.refused(fault.retry_after) {
            events::UpstreamCooldownOpened {
                provider: self.provider,
                cause: &fault.message,
                cooldown_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            }
            .emit();
        }
    }
}
