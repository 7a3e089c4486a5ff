//! The pace towards one upstream: a queue in order of arrival in front of governor's bucket.
//!
//! `until_ready` is not used: it wakes every waiter at once, in random order, and sleeps in real
//! time even when tokio's time is paused.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::clock;

/// tokio's time (real or paused) as governor wants it.
#[derive(Debug, Clone)]
struct TokioClock {
    origin: Instant,
}

impl governor::clock::Clock for TokioClock {
    type Instant = SinceOrigin;

    fn now(&self) -> SinceOrigin {
        SinceOrigin(Nanos::from(self.origin.elapsed()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SinceOrigin(Nanos);

impl std::ops::Add<Nanos> for SinceOrigin {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0 + other)
    }
}

impl Reference for SinceOrigin {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.duration_since(earlier.0)
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(Reference::saturating_sub(&self.0, duration))
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<SinceOrigin>>;

/// Lets at most `rate` requests a second pass, `burst` at once after a pause, first come first
/// served.
pub(super) struct Limiter {
    // The queue: whoever holds it is next; tokio's mutex is fair.
    turn: Mutex<()>,
    bucket: Bucket,
}

impl Limiter {
    pub(super) fn new(rate: f64, burst: u32) -> Self {
        let period = Duration::from_secs_f64(1.0 / rate);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        // The configuration keeps the rate within 0.01 to 10,000: the period is never zero.
        let quota = Quota::with_period(period)
            .unwrap_or(Quota::per_second(NonZeroU32::MIN))
            .allow_burst(burst);
        let clock = TokioClock {
            origin: clock::monotonic(),
        };
        Self {
            turn: Mutex::new(()),
            bucket: RateLimiter::direct_with_clock(quota, clock),
        }
    }

    /// Waits for this caller's turn.
    pub(super) async fn pass(&self) {
        let _turn = self.turn.lock().await;
        while let Err(not_yet) = self.bucket.check() {
            tokio::time::sleep(not_yet.wait_time_from(self.bucket.clock().now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_requests_pass_at_the_ideal_rate_in_order_and_never_faster() {
        let limiter = Arc::new(Limiter::new(20.0, 2));
        let start = clock::monotonic();
        let passed = Arc::new(Mutex::new(Vec::new()));
        let tasks = tokio_util::task::TaskTracker::new();
        for index in 0..1_000 {
            let (limiter, passed) = (Arc::clone(&limiter), Arc::clone(&passed));
            tasks.spawn(async move {
                limiter.pass().await;
                passed.lock().await.push((index, start.elapsed()));
            });
        }
        tasks.close();
        tasks.wait().await;
        let passed = passed.lock().await;
        let order: Vec<i32> = passed.iter().map(|(index, _)| *index).collect();
        assert!(order.is_sorted(), "not first come, first served");
        let total = passed.last().unwrap().1;
        assert!(
            total <= Duration::from_secs(50) * 105 / 100,
            "{total:?} for 1,000 at 20/s"
        );
        for window in passed.windows(23) {
            let span = window[22].1.checked_sub(window[0].1).unwrap();
            assert!(
                span >= Duration::from_secs(1),
                "23 requests within {span:?}"
            );
        }
    }
}
