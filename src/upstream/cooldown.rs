//! A refusal (429) is a state of our address, not of a request: it makes everybody wait, then lets
//! exactly one request try.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock;
use crate::config::Cooldown as Settings;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    ClosedUntil(Instant),
    Probing,
}

struct Inner {
    state: State,
    next_wait: Duration,
}

/// The cool-down shared by all requests to one upstream.
pub(super) struct Cooldown {
    settings: Settings,
    inner: Mutex<Inner>,
    changed: Notify,
}

/// Leave to send one request. A probe that is dropped without a verdict lets another one try.
pub(super) struct Leave<'a> {
    cooldown: &'a Cooldown,
    is_probe: bool,
}

impl Cooldown {
    pub(super) fn new(settings: Settings) -> Self {
        let inner = Inner {
            state: State::Open,
            next_wait: settings.initial,
        };
        Self {
            settings,
            inner: Mutex::new(inner),
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request may be sent.
    pub(super) async fn leave(&self) -> Leave<'_> {
        loop {
            // Registered before looking, so that no change between the two is lost.
            let changed = self.changed.notified();
            let until = {
                let mut inner = self.lock();
                match inner.state {
                    State::Open => {
                        return Leave {
                            cooldown: self,
                            is_probe: false,
                        };
                    }
                    State::ClosedUntil(until) if until <= clock::monotonic() => {
                        inner.state = State::Probing;
                        return Leave {
                            cooldown: self,
                            is_probe: true,
                        };
                    }
                    State::ClosedUntil(until) => Some(until),
                    State::Probing => None,
                }
            };
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => changed.await,
            }
        }
    }

    /// Whether nobody may send but a probe.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().state != State::Open
    }

    /// How long nobody may send; zero while a probe is under way, `None` when everybody may.
    pub(super) fn remaining(&self) -> Option<Duration> {
        match self.lock().state {
            State::Open => None,
            State::ClosedUntil(until) => Some(until.saturating_duration_since(clock::monotonic())),
            State::Probing => Some(Duration::ZERO),
        }
    }

    fn settle(&self, state: State) {
        self.lock().state = state;
        self.changed.notify_waiters();
    }
}

impl Leave<'_> {
    /// Whether no cool-down has begun since this leave was given.
    pub(super) fn still_holds(&self) -> bool {
        self.is_probe || self.cooldown.lock().state == State::Open
    }

    /// The upstream answered; gives true when this ended a cool-down.
    pub(super) fn answered(mut self) -> bool {
        let was_probe = std::mem::take(&mut self.is_probe);
        if was_probe {
            self.cooldown.lock().next_wait = self.cooldown.settings.initial;
            self.cooldown.settle(State::Open);
        }
        was_probe
    }

    /// The upstream refused; gives the wait when this opened (or prolonged) a cool-down. Requests
    /// that were under way together count as one refusal.
    pub(super) fn refused(mut self, retry_after: Option<Duration>) -> Option<Duration> {
        let was_probe = std::mem::take(&mut self.is_probe);
        let wait = {
            let mut inner = self.cooldown.lock();
            if !was_probe && inner.state != State::Open {
                return None;
            }
            let asked = retry_after
                .unwrap_or_default()
                .min(self.cooldown.settings.max);
            let wait = inner.next_wait.max(asked);
            inner.next_wait = (wait * 2).min(self.cooldown.settings.max);
            wait
        };
        self.cooldown
            .settle(State::ClosedUntil(clock::monotonic() + wait));
        Some(wait)
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.cooldown.settle(State::ClosedUntil(clock::monotonic()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cooldown() -> Cooldown {
        Cooldown::new(Settings {
            initial: Duration::from_mins(1),
            max: Duration::from_mins(3),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_requests_under_way_together_open_one_cooldown() {
        let cooldown = cooldown();
        let (first, second) = (cooldown.leave().await, cooldown.leave().await);
        assert_eq!(first.refused(None), Some(Duration::from_mins(1)));
        assert_eq!(second.refused(None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leave_ends_with_the_refusal_of_another_request_but_a_probes_does_not() {
        let cooldown = cooldown();
        let (first, second) = (cooldown.leave().await, cooldown.leave().await);
        assert!(second.still_holds());
        first.refused(None);
        assert!(!second.still_holds());
        assert!(cooldown.leave().await.still_holds());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_wait_one_probe_goes_and_the_others_stay() {
        let cooldown = cooldown();
        let start = clock::monotonic();
        cooldown.leave().await.refused(None);
        let probe = cooldown.leave().await;
        assert!(start.elapsed() >= Duration::from_mins(1) && probe.is_probe);
        let other = tokio::time::timeout(Duration::from_mins(5), cooldown.leave()).await;
        assert!(
            other.is_err(),
            "a second request went while the probe was under way"
        );
        assert!(probe.answered());
        assert!(!cooldown.leave().await.is_probe);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_probes_double_the_wait_up_to_the_maximum() {
        let cooldown = cooldown();
        let mut waits = Vec::new();
        for _ in 0..4 {
            waits.extend(
                cooldown
                    .leave()
                    .await
                    .refused(None)
                    .map(|wait| wait.as_secs()),
            );
        }
        assert_eq!(waits, [60, 120, 180, 180]);
        assert!(cooldown.leave().await.answered());
        let again = cooldown.leave().await.refused(None);
        assert_eq!(again, Some(Duration::from_mins(1)), "an answer starts over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_dies_without_a_verdict_is_replaced() {
        let cooldown = cooldown();
        cooldown.leave().await.refused(None);
        drop(cooldown.leave().await);
        let leave = tokio::time::timeout(Duration::from_secs(1), cooldown.leave()).await;
        assert!(leave.is_ok_and(|leave| leave.is_probe));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_honoured_within_the_maximum() {
        let cooldown = cooldown();
        let asked = Some(Duration::from_secs(90));
        assert_eq!(cooldown.leave().await.refused(asked), asked);
        let absurd = Some(Duration::from_hours(99));
        assert_eq!(
            cooldown.leave().await.refused(absurd),
            Some(Duration::from_mins(3))
        );
    }
}
