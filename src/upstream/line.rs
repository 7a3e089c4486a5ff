//! The line in front of one upstream: everybody waits here, and whoever is next leaves as soon as
//! there is a place, the cool-down lets it and the pace lets it.
//!
//! There is no task behind it. The one that is next waits for its moment itself; each change wakes
//! whoever is next then. One that is cancelled wakes its successor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::cooldown::{Closed, Cooldown, Kind, Leave as May, Pass, Refusal};
use super::lanes::{Lane, Lanes};
use super::limiter::Limiter;
use super::pace::{Pace, Step};
use crate::clock;
use crate::config::UpstreamSettings;

struct Inner {
    lanes: Lanes<Arc<Notify>>,
    numbers: u64,
    in_flight: usize,
    cooldown: Cooldown,
    pace: Pace,
    limiter: Limiter,
}

/// The line in front of one upstream.
pub(super) struct Line {
    places: usize,
    burst: u32,
    inner: Mutex<Inner>,
}

/// A place in the line: kept by a question over all its requests, so that one which is put back
/// is in front again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    number: u64,
    lane: Lane,
}

/// What an answer has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heard {
    /// What it ended.
    pub(super) ended: Option<Kind>,
    /// The pace, when it is the configured one again.
    pub(super) recovered_rps: Option<f64>,
}

/// What a refusal has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Refused {
    pub(super) closed: Closed,
    /// The pace before.
    pub(super) from_rps: f64,
    /// The pace from now on.
    pub(super) to_rps: f64,
}

/// Leave to send one request; it holds a place. Dropped without a verdict it says nothing about
/// the upstream, and a probe lets another one try.
pub(super) struct Leave<'l> {
    line: &'l Line,
    pass: Pass,
    /// Whether the pace had to hold it back: only then does an answer say something about the pace.
    was_held: bool,
    has_verdict: bool,
}

/// Somebody who waits.
struct Waiter<'l> {
    line: &'l Line,
    ticket: Ticket,
    turn: Arc<Notify>,
    was_held: bool,
    is_waiting: bool,
}

/// What a waiter has to do.
enum Turn<'l> {
    Go(Leave<'l>),
    WaitUntil(Instant),
    Wait,
}

impl Inner {
    fn next(&self) -> Option<(u64, &Arc<Notify>)> {
        if self.cooldown.is_open() {
            self.lanes.next()
        } else {
            self.lanes.next_probe()
        }
    }

    /// To be called after each change that may let somebody go.
    fn wake_next(&self) {
        if let Some((_, turn)) = self.next() {
            turn.notify_one();
        }
    }
}

impl Line {
    pub(super) fn new(settings: &UpstreamSettings) -> Self {
        let inner = Inner {
            lanes: Lanes::default(),
            numbers: 0,
            in_flight: 0,
            cooldown: Cooldown::new(settings.cooldown),
            pace: Pace::new(settings.max_rps),
            limiter: Limiter::new(settings.max_rps, settings.burst, clock::monotonic()),
        };
        Self {
            places: usize::try_from(settings.concurrency).unwrap_or(1).max(1),
            burst: settings.burst,
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether we are blocked, so that requests only wait.
    pub(super) fn is_blocked(&self) -> bool {
        self.lock().cooldown.is_blocked()
    }

    /// How long nobody may send; `None` when everybody may.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        self.lock().cooldown.remaining(clock::monotonic())
    }

    /// Requests a second, as they are let through now.
    pub(super) fn rate(&self) -> f64 {
        self.lock().pace.rate()
    }

    /// A place behind all others of that lane.
    pub(super) fn ticket(&self, lane: Lane) -> Ticket {
        let mut inner = self.lock();
        inner.numbers += 1;
        Ticket {
            number: inner.numbers,
            lane,
        }
    }

    /// Waits until the holder of `ticket` may send a request. `is_good`: its symbol is known to
    /// the upstream.
    pub(super) async fn leave(&self, ticket: Ticket, is_good: bool) -> Leave<'_> {
        let mut waiter = Waiter::join(self, ticket, is_good);
        loop {
            match waiter.turn() {
                Turn::Go(leave) => return leave,
                Turn::Wait => waiter.turn.notified().await,
                Turn::WaitUntil(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = waiter.turn.notified() => {}
                    }
                }
            }
        }
    }
}

impl<'l> Waiter<'l> {
    fn join(line: &'l Line, ticket: Ticket, is_good: bool) -> Self {
        let turn = Arc::new(Notify::new());
        let Ticket { lane, number } = ticket;
        // Whoever was next and is no longer finds out when it looks.
        line.lock()
            .lanes
            .join(lane, number, is_good, Arc::clone(&turn));
        Self {
            line,
            ticket,
            turn,
            was_held: false,
            is_waiting: true,
        }
    }

    fn turn(&mut self) -> Turn<'l> {
        let line = self.line;
        let mut inner = line.lock();
        let inner = &mut *inner;
        let is_next = inner
            .next()
            .is_some_and(|(number, _)| number == self.ticket.number);
        if !is_next || inner.in_flight >= line.places {
            return Turn::Wait;
        }
        let now = clock::monotonic();
        match inner.cooldown.may_leave(now) {
            May::Now | May::AsProbe => {}
            May::At(at) => return Turn::WaitUntil(at),
            May::AfterProbe => return Turn::Wait,
        }
        if let Err(at) = inner.limiter.pass(now) {
            self.was_held = true;
            return Turn::WaitUntil(at);
        }
        self.is_waiting = false;
        inner.lanes.go(self.ticket.lane, self.ticket.number);
        inner.in_flight += 1;
        let pass = inner.cooldown.left();
        inner.wake_next();
        Turn::Go(Leave {
            line,
            pass,
            was_held: self.was_held,
            has_verdict: false,
        })
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.is_waiting {
            let mut inner = self.line.lock();
            inner.lanes.quit(self.ticket.lane, self.ticket.number);
            inner.wake_next();
        }
    }
}

impl Leave<'_> {
    /// The upstream answered, whatever it said.
    pub(super) fn answered(mut self) -> Heard {
        self.has_verdict = true;
        let mut inner = self.line.lock();
        let mut heard = Heard {
            ended: inner.cooldown.answered(self.pass),
            recovered_rps: None,
        };
        if !self.was_held || !inner.cooldown.is_current(self.pass) {
            return heard;
        }
        let step = inner.pace.answered(clock::monotonic());
        if step != Step::Kept {
            self.line.follow(&mut inner);
        }
        if step == Step::Recovered {
            heard.recovered_rps = Some(inner.pace.rate());
        }
        heard
    }

    /// The upstream refused; gives what this changed. Refusals of requests that were under way
    /// together change it once.
    pub(super) fn refused(mut self, refusal: Refusal) -> Option<Refused> {
        self.has_verdict = true;
        let mut inner = self.line.lock();
        let from_rps = inner.pace.rate();
        let closed = inner
            .cooldown
            .refused(self.pass, refusal, clock::monotonic())?;
        if closed.by_probe {
            inner.pace.probe_refused();
        } else {
            inner.pace.refused();
        }
        self.line.follow(&mut inner);
        Some(Refused {
            closed,
            from_rps,
            to_rps: inner.pace.rate(),
        })
    }

    /// The upstream gave no answer, or a broken one: nothing to grow faster on.
    pub(super) fn failed(self) {
        let mut inner = self.line.lock();
        inner.cooldown.interrupted();
        inner.pace.interrupted();
        drop(inner);
        drop(self);
    }
}

impl Line {
    /// Lets the bucket follow the pace. Bursts are for an upstream that takes the whole pace: one
    /// that has refused us is asked evenly.
    fn follow(&self, inner: &mut Inner) {
        let burst = if inner.pace.is_full() { self.burst } else { 1 };
        inner.limiter.change(inner.pace.rate(), burst);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut inner = self.line.lock();
        inner.in_flight = inner.in_flight.saturating_sub(1);
        if !self.has_verdict {
            inner.cooldown.vanished(self.pass, clock::monotonic());
        }
        inner.wake_next();
    }
}
