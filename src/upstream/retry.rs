//! How long to wait before asking again: exponential backoff with jitter, by the backoff crate.
//!
//! Only its arithmetic is used, in a loop of our own: the crate's `retry` has no maximum count and
//! forgets its time limit under `Retry-After`. It is unmaintained (RUSTSEC-2025-0012) and asked
//! for by the owner, so it is fenced into this file.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

use crate::domain::Retry;

/// The waits between attempts.
pub struct Waits {
    backoff: ExponentialBackoff,
    left: u32,
}

impl Waits {
    /// All waits that `retry` allows.
    pub fn new(retry: &Retry) -> Self {
        let backoff = ExponentialBackoff {
            current_interval: retry.initial_interval,
            initial_interval: retry.initial_interval,
            multiplier: retry.multiplier,
            max_interval: retry.max_interval,
            randomization_factor: retry.randomization_factor,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Self {
            backoff,
            left: retry.max_attempts.saturating_sub(1),
        }
    }

    /// The wait before the next attempt; `None` when there is none left.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator would hide that it draws lots"
    )]
    pub fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        self.backoff.next_backoff()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_jitter_and_end_with_the_attempts() {
        let retry = Retry {
            max_attempts: 5,
            initial_interval: Duration::from_millis(100),
            multiplier: 2.0,
            max_interval: Duration::from_millis(300),
            randomization_factor: 0.5,
        };
        for _ in 0..100 {
            let mut waits = Waits::new(&retry);
            for centre in [100.0, 200.0, 300.0, 300.0] {
                let wait = waits.next().unwrap().as_secs_f64() * 1e3;
                assert!(
                    (centre * 0.5..=centre * 1.5 + 1.0).contains(&wait),
                    "{wait} for {centre}"
                );
            }
            assert_eq!(waits.next(), None);
        }
    }

    #[test]
    fn one_attempt_means_no_wait() {
        let retry = Retry {
            max_attempts: 1,
            initial_interval: Duration::from_secs(1),
            multiplier: 2.0,
            max_interval: Duration::from_secs(1),
            randomization_factor: 0.0,
        };
        assert_eq!(Waits::new(&retry).next(), None);
    }
}
