//! The only door to time: everything that asks "what time is it" asks a [`Clock`].

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
        })
    }

    /// Wall-clock time now.
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Virtual {
                wall_at_start,
                started,
            } => wall_at_start
                .saturating_add(signed(started.elapsed()))
                .unwrap_or(Timestamp::MAX),
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
}
