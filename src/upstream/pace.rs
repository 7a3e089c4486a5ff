//! How fast one upstream is asked: a little faster after many answers, half as fast after a
//! refusal. Arithmetic only; time is an argument. docs/adr/0008 tells why it is shaped like this.
//!
//! Additive increase, multiplicative decrease, with the memory of TCP's slow-start threshold: the
//! pace that was refused last (the ceiling) is approached by halves, then kept away from, and only
//! rarely tried again.

use std::time::Duration;

use tokio::time::Instant;

/// Answers in a row after which the pace may rise.
pub(super) const STREAK: u32 = 50;

/// The lowest pace that refusals lead to, in requests a second, unless `max_rps` is lower still.
const FLOOR_RPS: f64 = 0.1;

/// Part of the ceiling at which the pace stays: below it, yet not far.
const SAFE_PART: f64 = 0.95;

/// Part of the ceiling by which the pace creeps once it has stayed long enough.
const CREEP_PART: f64 = 0.01;

/// A ceiling that was left so far behind no longer holds.
const SURPASSED: f64 = 1.05;

/// What many small steps may be off by.
const ROUNDING: f64 = 1e-9;

/// Growth where nothing is known of a ceiling.
const GROWTH: f64 = 1.1;

/// How long the pace stays below its ceiling before it tries again; doubled when that is refused.
const PATIENCE: Duration = Duration::from_mins(2);

/// The longest such stay.
const MAX_PATIENCE: Duration = Duration::from_mins(16);

/// What an answer did to the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It stays.
    Kept,
    /// It rises.
    Faster,
    /// It is what the configuration allows, again.
    Recovered,
}

/// The pace towards one upstream, in requests a second.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    max: f64,
    floor: f64,
    rate: f64,
    /// The pace that was refused last, until it is surpassed.
    ceiling: Option<f64>,
    /// Whether a ceiling was known before the refusal that is being dealt with.
    had_ceiling: bool,
    streak: u32,
    patience: Duration,
    /// Until when the pace stays where it is, below the ceiling.
    stays_until: Option<Instant>,
}

impl Pace {
    /// A pace that begins at `max`: the configuration's word is taken until the upstream objects.
    pub(super) fn new(max: f64) -> Self {
        Self {
            max,
            floor: FLOOR_RPS.min(max),
            rate: max,
            ceiling: None,
            had_ceiling: false,
            streak: 0,
            patience: PATIENCE,
            stays_until: None,
        }
    }

    /// Requests a second.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether it is as fast as the configuration allows.
    pub(super) fn is_full(&self) -> bool {
        self.rate >= self.max
    }

    /// A request that had to wait for the pace was answered. Others prove nothing about it.
    pub(super) fn answered(&mut self, now: Instant) -> Step {
        if self.is_full() && self.ceiling.is_none() {
            return Step::Kept;
        }
        self.streak += 1;
        if self.streak < STREAK {
            return Step::Kept;
        }
        self.streak = 0;
        if self.is_full() {
            // The configuration ends below the ceiling, or at it.
            if self.has_stayed(now) {
                self.forget_ceiling();
            }
            return Step::Kept;
        }
        let before = self.rate;
        self.rise(now);
        if self.rate >= self.max * (1.0 - ROUNDING) {
            self.rate = self.max;
            self.stays_until = Some(now + self.patience);
            Step::Recovered
        } else if self.rate > before {
            Step::Faster
        } else {
            Step::Kept
        }
    }

    fn rise(&mut self, now: Instant) {
        let Some(ceiling) = self.ceiling else {
            self.rate *= GROWTH;
            return;
        };
        let safe = SAFE_PART * ceiling;
        if self.rate < safe {
            let half_way = f64::midpoint(self.rate, ceiling);
            self.rate = (2.0 * self.rate).min(half_way).min(safe);
        } else if self.has_stayed(now) {
            self.rate += CREEP_PART * ceiling;
            if self.rate > SURPASSED * ceiling {
                self.forget_ceiling();
            }
        }
    }

    /// Whether the pace has stayed below its ceiling for long enough; the stay begins with the
    /// first question.
    fn has_stayed(&mut self, now: Instant) -> bool {
        now >= *self.stays_until.get_or_insert(now + self.patience)
    }

    fn forget_ceiling(&mut self) {
        self.ceiling = None;
        self.stays_until = None;
        self.patience = PATIENCE;
    }

    /// Requests failed without a word about the pace: the row of answers is broken.
    pub(super) fn interrupted(&mut self) {
        self.streak = 0;
    }

    /// A request that went at this pace was refused: half of it, and not so fast again soon.
    pub(super) fn refused(&mut self) {
        if self.stays_until.take().is_some() {
            // It was tried too early.
            self.patience = (2 * self.patience).min(MAX_PATIENCE);
        }
        self.had_ceiling = self.ceiling.replace(self.rate).is_some();
        self.halve();
    }

    /// The single request that was to find out was refused, too. If that happens with a ceiling
    /// known, its height counts over a longer time than a second: it is taken to be half as high.
    pub(super) fn probe_refused(&mut self) {
        if std::mem::take(&mut self.had_ceiling) {
            self.ceiling = self.ceiling.map(|ceiling| (ceiling / 2.0).max(self.floor));
        }
        self.halve();
    }

    fn halve(&mut self) {
        self.streak = 0;
        self.rate = (self.rate / 2.0).max(self.floor);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock;

    fn answers(pace: &mut Pace, count: u32, now: Instant) -> Vec<Step> {
        (0..count)
            .map(|_| pace.answered(now))
            .filter(|step| *step != Step::Kept)
            .collect()
    }

    #[test]
    fn it_begins_at_the_configured_pace_and_stays_there() {
        let (mut pace, now) = (Pace::new(20.0), clock::monotonic());
        assert!(answers(&mut pace, 1_000, now).is_empty());
        assert!(pace.is_full() && pace.rate() == 20.0);
    }

    #[test]
    fn a_refusal_halves_it_down_to_the_floor() {
        for (max, expected) in [
            (1.0, [0.5, 0.25, 0.125, 0.1, 0.1]),
            (0.05, [0.05, 0.05, 0.05, 0.05, 0.05]),
        ] {
            let mut pace = Pace::new(max);
            let rates = expected.map(|_| {
                pace.refused();
                pace.rate()
            });
            assert_eq!(rates, expected);
        }
    }

    #[test]
    fn fifty_answers_in_a_row_raise_it_and_forty_nine_do_not() {
        let (mut pace, now) = (Pace::new(16.0), clock::monotonic());
        pace.refused();
        assert!(answers(&mut pace, 49, now).is_empty());
        pace.interrupted();
        assert!(answers(&mut pace, 49, now).is_empty(), "the row was broken");
        assert_eq!(answers(&mut pace, 1, now), [Step::Faster]);
        assert_eq!(pace.rate(), 12.0, "half way to what was refused");
    }

    #[test]
    fn it_stops_short_of_what_was_refused_and_tries_again_after_a_while() {
        let (mut pace, start) = (Pace::new(20.0), clock::monotonic());
        pace.refused();
        answers(&mut pace, 1_000, start);
        assert_eq!(pace.rate(), 19.0);
        answers(&mut pace, 1_000, start + PATIENCE - Duration::from_secs(1));
        assert_eq!(pace.rate(), 19.0);
        let steps = answers(&mut pace, 5 * STREAK, start + PATIENCE);
        assert_eq!(steps.last(), Some(&Step::Recovered));
        assert_eq!(steps.len(), 5, "a hundredth each: {steps:?}");
        assert_eq!(pace.rate(), 20.0);
        pace.refused();
        answers(&mut pace, 1_000, start + PATIENCE);
        answers(
            &mut pace,
            1_000,
            start + PATIENCE * 3 - Duration::from_secs(1),
        );
        assert_eq!(pace.rate(), 19.0, "twice the patience");
    }

    #[test]
    fn a_ceiling_that_is_left_behind_no_longer_holds() {
        let (mut pace, start) = (Pace::new(100.0), clock::monotonic());
        for _ in 0..3 {
            pace.refused();
        }
        let later = start + MAX_PATIENCE;
        answers(&mut pace, 500, start);
        assert_eq!(pace.rate(), 0.95 * 25.0);
        let steps = answers(&mut pace, 50 * STREAK, later);
        assert_eq!(steps.last(), Some(&Step::Recovered), "{}", pace.rate());
    }

    #[test]
    fn a_block_halves_a_known_ceiling_once_and_a_new_one_not_at_all() {
        let (mut pace, now) = (Pace::new(80.0), clock::monotonic());
        pace.refused();
        pace.probe_refused();
        pace.probe_refused();
        assert_eq!(pace.rate(), 10.0);
        answers(&mut pace, 10_000, now);
        assert_eq!(pace.rate(), 76.0);
        pace.refused();
        pace.probe_refused();
        pace.probe_refused();
        answers(&mut pace, 10_000, now);
        assert_eq!(pace.rate(), 0.95 * 76.0 / 2.0);
    }

    /// One thing that can happen to a pace.
    #[derive(Debug, Clone, Copy)]
    enum Happens {
        Answers(u32),
        Interruption,
        Refusal,
        Probe,
        Time(u64),
    }

    fn happens() -> impl Strategy<Value = Happens> {
        prop_oneof![
            4 => (1_u32..200).prop_map(Happens::Answers),
            1 => Just(Happens::Interruption),
            1 => Just(Happens::Refusal),
            1 => Just(Happens::Probe),
            1 => (1_u64..1_000).prop_map(Happens::Time),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_it_stays_within_bounds_and_rises_only_after_a_whole_row(
            max in 0.01_f64..10_000.0,
            story in proptest::collection::vec(happens(), 1..200),
        ) {
            let (mut pace, mut now) = (Pace::new(max), clock::monotonic());
            // The oracle counts the row on its own, and knows the pace that was refused last.
            let (mut row, mut refused_at) = (0_u32, f64::INFINITY);
            for event in story {
                let before = pace.rate();
                match event {
                    Happens::Answers(count) => for _ in 0..count {
                        let (before, full) = (pace.rate(), pace.is_full());
                        row += 1;
                        let step = pace.answered(now);
                        prop_assert_eq!(step != Step::Kept, pace.rate() > before);
                        prop_assert_eq!(step == Step::Recovered, pace.is_full() && !full);
                        prop_assert!(pace.rate() <= before * 2.0 + 1e-9);
                        if step != Step::Kept {
                            prop_assert!(row >= STREAK);
                            row = 0;
                        }
                        if before < SAFE_PART * refused_at {
                            prop_assert!(pace.rate() <= SAFE_PART * refused_at * (1.0 + 2.0 * ROUNDING));
                        }
                        if pace.rate() > SURPASSED * refused_at { refused_at = f64::INFINITY; }
                    },
                    Happens::Interruption => { pace.interrupted(); row = 0; }
                    Happens::Refusal => { refused_at = before; pace.refused(); row = 0; }
                    // A block may lower the ceiling below what the oracle knows.
                    Happens::Probe => { refused_at = f64::INFINITY; pace.probe_refused(); row = 0; }
                    Happens::Time(seconds) => now += Duration::from_secs(seconds),
                }
                if matches!(event, Happens::Refusal | Happens::Probe) {
                    prop_assert_eq!(pace.rate(), (before / 2.0).max(0.1_f64.min(max)));
                }
                prop_assert!((0.1_f64.min(max)..=max).contains(&pace.rate()));
            }
            // It always finds back, given answers and time.
            for _ in 0..200_000 {
                if pace.is_full() { break; }
                now += Duration::from_mins(1);
                answers(&mut pace, STREAK, now);
            }
            prop_assert!(pace.is_full(), "stuck at {} of {}", pace.rate(), max);
        }
    }
}
