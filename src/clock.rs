//! The only door to time: everything that asks "what time is it" asks a [`Clock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A source of wall-clock and monotonic time.
///
/// The system clock in production; in tests a clock that starts at a chosen instant and moves with
/// tokio's (pausable) time, so that a day passes in a millisecond.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Virtual {
        wall_at_start: Timestamp,
        started: Instant,
        /// Sum of its steps, in nanoseconds.
        stepped: Arc<AtomicI64>,
    },
}

impl Clock {
    /// The operating system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that reads `wall` now and advances with tokio's time.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self(Source::Virtual {
            wall_at_start: wall,
            started: monotonic(),
            stepped: Arc::default(),
        })
    }

    /// Steps a clock made by [`Self::starting_at`], and all its clones, as an administrator steps
    /// the machine's: monotonic time goes on undisturbed. The system's clock is not ours to step.
    pub fn step(&self, by: SignedDuration) {
        if let Source::Virtual { stepped, .. } = &self.0 {
            let nanos = i64::try_from(by.as_nanos()).unwrap_or_default();
            stepped.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// Wall-clock time now.
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Virtual {
                wall_at_start,
                started,
                stepped,
            } => {
                let steps = SignedDuration::from_nanos(stepped.load(Ordering::Relaxed));
                wall_at_start
                    .saturating_add(signed(started.elapsed()).saturating_add(steps))
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }
}

/// Monotonic time now; follows tokio's paused time inside a paused runtime.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Milliseconds from `start` until now, as the ledger stores durations.
pub fn elapsed_ms(start: Instant) -> i64 {
    i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// A [`Duration`] as jiff's signed duration, saturating.
pub fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_virtual_clock_moves_with_paused_time() {
        let start: Timestamp = "2026-03-08T06:59:59Z".parse().unwrap();
        let clock = Clock::starting_at(start);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(clock.now().to_string(), "2026-03-08T07:59:59Z");
    }
    #[tokio::test(start_paused = true)]
    async fn a_step_moves_the_wall_and_not_the_monotonic_clock() {
        let clock = Clock::starting_at("2026-03-08T06:59:59Z".parse().unwrap());
        let (seen, started) = (clock.clone(), monotonic());
        clock.step(SignedDuration::from_hours(-24));
        assert_eq!(seen.now().to_string(), "2026-03-07T06:59:59Z");
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
