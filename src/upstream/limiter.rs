//! The pace towards one upstream, kept by governor's bucket. Who goes next is not decided here
//! (`line.rs`), nor how fast (`pace.rs`).
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
use tokio::time::Instant;

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

/// Lets at most a number of requests a second pass, some at once after a pause.
pub(super) struct Limiter {
    bucket: Bucket,
    clock: TokioClock,
    last_pass: Option<Instant>,
    /// Nothing passes earlier: the first after a change keeps its distance to the last before it.
    not_before: Option<Instant>,
}

impl Limiter {
    /// `rate` requests a second, `burst` at once after a pause.
    pub(super) fn new(rate: f64, burst: u32, now: Instant) -> Self {
        let clock = TokioClock { origin: now };
        Self {
            bucket: bucket(period(rate), burst, &clock),
            clock,
            last_pass: None,
            not_before: None,
        }
    }

    /// Goes on at another rate. A new bucket is full, which would be a burst at each change: it
    /// begins empty, or with the one request that is due.
    pub(super) fn change(&mut self, rate: f64, burst: u32) {
        let period = period(rate);
        self.bucket = bucket(period, burst, &self.clock);
        if burst > 1 {
            for _ in 0..burst {
                // A full bucket refuses none of these.
                let _ = self.bucket.check();
            }
        }
        self.not_before = self.last_pass.map(|last| last + period);
    }

    /// Lets one request pass at `now`, or tells when to ask again.
    pub(super) fn pass(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(not_before) = self.not_before.filter(|not_before| *not_before > now) {
            return Err(not_before);
        }
        match self.bucket.check() {
            Ok(()) => {
                self.last_pass = Some(now);
                self.not_before = None;
                Ok(())
            }
            Err(not_yet) => Err(now + not_yet.wait_time_from(self.clock.now())),
        }
    }
}

fn period(rate: f64) -> Duration {
    // The configuration keeps the rate within 0.01 to 10,000: the period is never zero.
    Duration::from_secs_f64(1.0 / rate)
}

fn bucket(period: Duration, burst: u32, clock: &TokioClock) -> Bucket {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::with_period(period)
        .unwrap_or(Quota::per_second(NonZeroU32::MIN))
        .allow_burst(burst);
    RateLimiter::direct_with_clock(quota, clock.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// Passes `count` requests, one after another as soon as each may.
    async fn pass(limiter: &mut Limiter, count: usize, passed: &mut Vec<Instant>) {
        for _ in 0..count {
            while let Err(at) = limiter.pass(clock::monotonic()) {
                tokio::time::sleep_until(at).await;
            }
            passed.push(clock::monotonic());
        }
    }

    fn shortest_gap(passed: &[Instant]) -> Duration {
        let gaps = passed.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.min().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_requests_pass_at_the_ideal_rate_and_never_faster() {
        let start = clock::monotonic();
        let (mut limiter, mut passed) = (Limiter::new(20.0, 2, start), Vec::new());
        pass(&mut limiter, 1_000, &mut passed).await;
        let total = passed[999] - start;
        assert!(
            total <= Duration::from_secs(50) * 105 / 100,
            "{total:?} for 1,000 at 20/s"
        );
        for window in passed.windows(23) {
            let span = window[22] - window[0];
            assert!(
                span >= Duration::from_secs(1),
                "23 requests within {span:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_the_rate_never_lets_a_burst_through() {
        let start = clock::monotonic();
        let (mut limiter, mut passed) = (Limiter::new(10.0, 5, start), Vec::new());
        pass(&mut limiter, 30, &mut passed).await;
        for (rate, burst, gap_ms) in [(20.0, 1, 50), (5.0, 1, 200), (5.0, 5, 200), (40.0, 1, 25)] {
            let from = passed.len() - 1;
            limiter.change(rate, burst);
            pass(&mut limiter, 20, &mut passed).await;
            let gap = shortest_gap(&passed[from..]);
            assert!(
                gap >= Duration::from_millis(gap_ms),
                "{gap:?} at {rate}/s after a change"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn changes_in_quick_succession_neither_hurry_nor_stop_it() {
        let start = clock::monotonic();
        let (mut limiter, mut passed) = (Limiter::new(10.0, 2, start), Vec::new());
        for _ in 0..100 {
            limiter.change(10.0, 1);
            pass(&mut limiter, 1, &mut passed).await;
        }
        assert!(shortest_gap(&passed) >= Duration::from_millis(100));
        let total = clock::monotonic() - start;
        assert!(total <= Duration::from_secs(11), "{total:?}");
    }
}
