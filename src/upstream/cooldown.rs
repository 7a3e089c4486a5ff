//! A refusal (429) is a state of our address, not of a request: it makes everybody wait, then lets
//! exactly one request try. What that one hears tells "a little too fast" (a short brake) from
//! "blocked" (a long cool-down). Arithmetic only; time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::pace::STREAK;
use crate::config::Cooldown as Settings;

/// The first brake; doubled for each refusal until [`STREAK`] requests in a row are answered.
const BRAKE: Duration = Duration::from_secs(1);

/// Why requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// We were a little too fast, it seems.
    Brake,
    /// We are refused whatever our pace is.
    Block,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed(Instant),
    Probing,
}

/// What a request under way must remember of the moment it left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    /// How many refusals had closed the way by then.
    epoch: u64,
    /// Whether it went alone, to find out.
    pub(super) is_probe: bool,
}

/// Whether a request may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Now,
    /// Now, alone.
    AsProbe,
    /// Not before then.
    At(Instant),
    /// Not before the one under way has come back.
    AfterProbe,
}

/// What was decided about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) kind: Kind,
    pub(super) wait: Duration,
    /// Whether it was a probe's.
    pub(super) by_probe: bool,
}

/// How an upstream refused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Refusal {
    /// Its `Retry-After`.
    pub(super) retry_after: Option<Duration>,
    /// It was no 429 but a closed door (401, 403, a consent page).
    pub(super) is_ban: bool,
}

/// The cool-down shared by all requests to one upstream.
#[derive(Debug)]
pub(super) struct Cooldown {
    settings: Settings,
    state: State,
    kind: Kind,
    epoch: u64,
    next_brake: Duration,
    next_block: Duration,
    streak: u32,
}

impl Cooldown {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: State::Open,
            kind: Kind::Brake,
            epoch: 0,
            next_brake: BRAKE.min(settings.initial),
            next_block: settings.initial,
            streak: 0,
        }
    }

    /// Whether requests leave freely.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether we are blocked, and not only braking.
    pub(super) fn is_blocked(&self) -> bool {
        !self.is_open() && self.kind == Kind::Block
    }

    /// Whether a request may leave at `now`.
    pub(super) fn may_leave(&self, now: Instant) -> Leave {
        match self.state {
            State::Open => Leave::Now,
            State::Closed(until) if until <= now => Leave::AsProbe,
            State::Closed(until) => Leave::At(until),
            State::Probing => Leave::AfterProbe,
        }
    }

    /// How long nobody may send; zero while a probe is under way, `None` when everybody may.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Open => None,
            State::Closed(until) => Some(until.saturating_duration_since(now)),
            State::Probing => Some(Duration::ZERO),
        }
    }

    /// A request leaves; only after [`Self::may_leave`] has said so.
    pub(super) fn left(&mut self) -> Pass {
        let is_probe = !self.is_open();
        if is_probe {
            self.state = State::Probing;
        }
        Pass {
            epoch: self.epoch,
            is_probe,
        }
    }

    /// Whether what a request heard tells anything: not when the way was closed since it left.
    pub(super) fn is_current(&self, pass: Pass) -> bool {
        pass.epoch == self.epoch
    }

    /// A request was answered; gives what this ended.
    pub(super) fn answered(&mut self, pass: Pass) -> Option<Kind> {
        if !self.is_current(pass) {
            return None;
        }
        self.streak = self.streak.saturating_add(1);
        if self.streak >= STREAK {
            self.next_brake = BRAKE.min(self.settings.initial);
            self.next_block = self.settings.initial;
        }
        pass.is_probe.then(|| {
            self.state = State::Open;
            self.kind
        })
    }

    /// A request was refused; gives what this closed. Requests that were under way together count
    /// as one refusal.
    pub(super) fn refused(&mut self, pass: Pass, refusal: Refusal, now: Instant) -> Option<Closed> {
        if !self.is_current(pass) {
            return None;
        }
        let Settings { initial, max } = self.settings;
        let asked = refusal.retry_after.unwrap_or_default().min(max);
        let is_block = pass.is_probe || refusal.is_ban || asked.max(self.next_brake) >= initial;
        let wait = if is_block {
            self.kind = Kind::Block;
            let wait = self.next_block.max(asked);
            self.next_block = (wait * 2).min(max);
            wait
        } else {
            self.kind = Kind::Brake;
            let wait = self.next_brake.max(asked);
            self.next_brake = (wait * 2).min(initial);
            wait
        };
        self.streak = 0;
        self.epoch += 1;
        self.state = State::Closed(now + wait);
        Some(Closed {
            kind: self.kind,
            wait,
            by_probe: pass.is_probe,
        })
    }

    /// A request came back without a word about our standing (an outage), or not at all: a probe
    /// leaves the question to the next one.
    pub(super) fn vanished(&mut self, pass: Pass, now: Instant) {
        if pass.is_probe && self.is_current(pass) {
            self.state = State::Closed(now);
        }
    }

    /// The row of answers is broken.
    pub(super) fn interrupted(&mut self) {
        self.streak = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_mins(1);
    const PLAIN: Refusal = Refusal {
        retry_after: None,
        is_ban: false,
    };

    fn cooldown() -> Cooldown {
        Cooldown::new(Settings {
            initial: MINUTE,
            max: 3 * MINUTE,
        })
    }

    #[allow(
        clippy::unnecessary_wraps,
        reason = "it is compared with what may be none"
    )]
    fn closed(kind: Kind, wait: Duration, by_probe: bool) -> Option<Closed> {
        Some(Closed {
            kind,
            wait,
            by_probe,
        })
    }

    #[test]
    fn a_first_refusal_brakes_and_a_refused_probe_blocks() {
        let (mut cooldown, now) = (cooldown(), clock::monotonic());
        let pass = cooldown.left();
        let brake = cooldown.refused(pass, PLAIN, now);
        assert_eq!(brake, closed(Kind::Brake, SECOND, false));
        assert!(!cooldown.is_open() && !cooldown.is_blocked());
        assert_eq!(cooldown.may_leave(now), Leave::At(now + SECOND));
        assert_eq!(cooldown.may_leave(now + SECOND), Leave::AsProbe);
        let probe = cooldown.left();
        assert_eq!(cooldown.may_leave(now + MINUTE), Leave::AfterProbe);
        let block = cooldown.refused(probe, PLAIN, now);
        assert_eq!(block, closed(Kind::Block, MINUTE, true));
        assert!(cooldown.is_blocked());
        let probe = cooldown.left();
        assert_eq!(cooldown.answered(probe), Some(Kind::Block));
        assert!(cooldown.is_open());
    }

    #[test]
    fn a_ban_and_a_long_retry_after_are_a_block_at_once() {
        let now = clock::monotonic();
        for (refusal, wait) in [
            (
                Refusal {
                    is_ban: true,
                    ..PLAIN
                },
                MINUTE,
            ),
            (
                Refusal {
                    retry_after: Some(90 * SECOND),
                    ..PLAIN
                },
                90 * SECOND,
            ),
            (
                Refusal {
                    retry_after: Some(99 * 60 * MINUTE),
                    ..PLAIN
                },
                3 * MINUTE,
            ),
        ] {
            let mut cooldown = cooldown();
            let pass = cooldown.left();
            let refused = cooldown.refused(pass, refusal, now);
            assert_eq!(refused, closed(Kind::Block, wait, false));
        }
    }

    #[test]
    fn a_short_retry_after_is_a_brake_of_that_length() {
        let mut cooldown = cooldown();
        let pass = cooldown.left();
        let refusal = Refusal {
            retry_after: Some(7 * SECOND),
            ..PLAIN
        };
        let refused = cooldown.refused(pass, refusal, clock::monotonic());
        assert_eq!(refused, closed(Kind::Brake, 7 * SECOND, false));
    }

    #[test]
    fn refusals_of_requests_under_way_together_count_once_even_when_they_come_after_the_probe() {
        let (mut cooldown, now) = (cooldown(), clock::monotonic());
        let passes = [(); 4].map(|()| cooldown.left());
        assert!(cooldown.refused(passes[0], PLAIN, now).is_some());
        assert_eq!(cooldown.refused(passes[1], PLAIN, now), None);
        assert_eq!(cooldown.answered(passes[2]), None);
        assert!(!cooldown.is_open(), "an old answer opened it");
        let probe = cooldown.left();
        cooldown.answered(probe);
        assert_eq!(cooldown.refused(passes[3], PLAIN, now), None);
        assert!(cooldown.is_open());
    }

    #[test]
    fn waits_double_up_to_their_maximum_and_start_over_after_a_row_of_answers() {
        let (mut cooldown, now) = (cooldown(), clock::monotonic());
        let refuse = |cooldown: &mut Cooldown| {
            let pass = cooldown.left();
            cooldown.refused(pass, PLAIN, now).unwrap().wait.as_secs()
        };
        let waits = [(); 5].map(|()| refuse(&mut cooldown));
        assert_eq!(waits, [1, 60, 120, 180, 180]);
        let answer = |cooldown: &mut Cooldown| {
            let pass = cooldown.left();
            cooldown.answered(pass);
        };
        answer(&mut cooldown);
        assert_eq!([refuse(&mut cooldown), refuse(&mut cooldown)], [2, 180]);
        for _ in 0..STREAK {
            answer(&mut cooldown);
        }
        assert_eq!([refuse(&mut cooldown), refuse(&mut cooldown)], [1, 60]);
    }

    #[test]
    fn brakes_grow_into_a_block() {
        let (mut cooldown, now) = (cooldown(), clock::monotonic());
        let mut seen = Vec::new();
        for _ in 0..8 {
            let pass = cooldown.left();
            let closed = cooldown.refused(pass, PLAIN, now).unwrap();
            seen.push((closed.kind, closed.wait.as_secs()));
            let probe = cooldown.left();
            cooldown.answered(probe);
        }
        let waits: Vec<u64> = seen.iter().map(|(_, wait)| *wait).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 120]);
        assert_eq!((seen[5].0, seen[6].0), (Kind::Brake, Kind::Block));
    }

    #[test]
    fn a_probe_that_comes_back_without_a_verdict_is_replaced() {
        let (mut cooldown, now) = (cooldown(), clock::monotonic());
        let pass = cooldown.left();
        cooldown.refused(pass, PLAIN, now);
        let probe = cooldown.left();
        cooldown.vanished(probe, now);
        assert_eq!(cooldown.may_leave(now), Leave::AsProbe);
        let other = cooldown.left();
        assert_eq!(cooldown.may_leave(now), Leave::AfterProbe);
        assert_eq!(cooldown.answered(other), Some(Kind::Brake));
    }
}
