//! The way every question to one upstream takes, and the one place that tells its order.
//!
//! 1. *Known symbol?* (`symbols.rs`) A symbol that the upstream has not known three times in a row
//!    is shelved: the question fails at once, no request is sent.
//! 2. *The line* (`line.rs`): all questions of the process wait in it. Live work goes before
//!    backfill, which gets every tenth turn; within a lane, first come first served (`lanes.rs`).
//!    Whoever is next leaves as soon as
//!    - there is a place in flight (`concurrency`),
//!    - the cool-down lets it (`cooldown.rs`). While that is closed nobody leaves; then exactly one
//!      does, the probe, of a symbol known to be good if one waits,
//!    - the pace lets it (`pace.rs` says how fast, `limiter.rs` keeps to it).
//! 3. *The request*, bounded from its first byte to the last of the body by `request_timeout` and
//!    by the task's time. Waiting in the line is not charged to the task.
//! 4. *What is learnt.* Any answer, be it "not found", keeps or raises the pace. A refusal is a
//!    state of our address: it lowers the pace and closes the cool-down for all, shortly at first
//!    (we were a little too fast), long if the probe is refused too (we are blocked). Refusals of
//!    requests that were under way together count once. docs/adr/0008 has the reasons.
//! 5. *Again?* Refused: back to 2, to the same place in the line, which is in front; never at once.
//!    Outage: back to 2 after a wait with jitter (`retry.rs`), at least the `Retry-After`, within
//!    the attempts and the task's time. Anything else is the answer.

use std::time::Duration;

use super::Fault;
use super::budget::{Budget, Said};
use super::cooldown::{Kind, Refusal};
use super::line::{Leave, Line, Ticket};
use super::retry::Waits;
use super::symbols::{Admitted, Symbols, Unknown};
use crate::clock::{self, Clock};
use crate::config::UpstreamSettings;
use crate::domain::{FaultClass, Retry, Symbol, format_span};
use crate::telemetry::{Meter, Work, events, metric};

/// How often one question is put back after a refusal before it counts as failed. The cool-down
/// doubles each time, so this is hours; the run's timeout ends most tasks earlier.
const MAX_REFUSALS: u32 = 8;

/// How often a task that may ask somebody else looks whether a cool-down has begun meanwhile; its
/// place in the line stays its own.
const IMPATIENT_LOOK: Duration = Duration::from_secs(1);

/// Shared by all requests to one upstream.
pub struct Gate {
    provider: &'static str,
    symbols: Symbols,
    line: Line,
    retry: Retry,
    request_timeout: Duration,
    meter: Meter,
    clock: Clock,
}

/// A question under way.
struct Question<'q> {
    name: &'static str,
    budget: &'q Budget,
    ticket: Ticket,
    /// Absent when it is about many.
    symbol: Option<&'q Symbol>,
}

impl Gate {
    /// A gate that keeps to `settings`.
    pub fn new(provider: &'static str, settings: &UpstreamSettings, meter: Meter) -> Self {
        Self {
            provider,
            symbols: Symbols::default(),
            line: Line::new(settings),
            retry: settings.retry,
            request_timeout: settings.request_timeout,
            meter,
            clock: Clock::system(),
        }
    }

    /// The same gate with another clock, for what it tells people about times.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whether we are blocked, so that requests only wait.
    pub fn is_refusing(&self) -> bool {
        self.line.is_blocked()
    }

    /// The pace now, in requests a second: `max_rps`, or less since the upstream refused us.
    pub fn pace_rps(&self) -> f64 {
        self.line.rate()
    }

    /// Asks until there is an answer, a fault that repeating cannot mend, or no time left. `ask`
    /// sends one request; `name` is what its durations are filed under.
    pub async fn ask<T, F>(
        &self,
        symbol: &Symbol,
        name: &'static str,
        budget: &Budget,
        ask: impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let admitted = self
            .symbols
            .admit(symbol, clock::monotonic())
            .map_err(|unknown| self.shelved(&unknown))?;
        let question = Question {
            name,
            budget,
            ticket: self.line.ticket(budget.lane()),
            symbol: Some(symbol),
        };
        let outcome = self.ask_repeatedly(&question, ask).await;
        self.note_symbol(admitted, symbol, budget, outcome.as_ref().err());
        outcome
    }

    /// The same for a question about many symbols at once. Whatever comes of it is said of none of
    /// them; of those that were answered for, [`Self::answered_for`] is to be told.
    pub async fn ask_for_many<T, F>(
        &self,
        name: &'static str,
        budget: &Budget,
        ask: impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let question = Question {
            name,
            budget,
            ticket: self.line.ticket(budget.lane()),
            symbol: None,
        };
        self.ask_repeatedly(&question, ask).await
    }

    /// Whether a question for `symbol` would fail at once.
    pub fn is_shelved(&self, symbol: &Symbol) -> bool {
        self.symbols.is_shelved(symbol, clock::monotonic())
    }

    /// `symbol` was among many and was answered for: the upstream knows it.
    pub fn answered_for(&self, symbol: &Symbol, budget: &Budget) {
        self.heard_known(symbol, budget, self.symbols.known(symbol));
    }

    async fn ask_repeatedly<T, F>(
        &self,
        question: &Question<'_>,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut waits = Waits::new(&self.retry);
        let mut refusals = 0;
        let mut attempt = 1;
        loop {
            let fault = match self.ask_once(question, attempt > 1, &mut ask).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            match fault.class {
                // Put back: the next turn comes when the cool-down is over.
                FaultClass::RateLimited | FaultClass::Blocked
                    if refusals < MAX_REFUSALS
                        && self.too_long_a_wait(question.budget.patience()).is_none() =>
                {
                    refusals += 1;
                }
                FaultClass::Outage => {
                    // An upstream that says when to come back is not asked sooner.
                    let asked = fault.retry_after.unwrap_or_default();
                    let wait = waits
                        .next()
                        .map(|wait| wait.max(asked))
                        .filter(|wait| clock::monotonic() + *wait < question.budget.deadline());
                    let Some(wait) = wait else { return Err(fault) };
                    events::UpstreamRetried {
                        provider: self.provider,
                        symbol: question.symbol.map_or("many", Symbol::as_str),
                        attempt,
                        delay_ms: ms(wait),
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
        question: &Question<'_>,
        is_retry: bool,
        ask: &mut impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let (arrived, budget) = (clock::monotonic(), question.budget);
        let leave = self.leave(question).await;
        let waited = arrived.elapsed();
        budget.add_wait(waited);
        let leave = leave?;
        self.meter.record(Work::Wait, self.provider, waited);
        budget.count_call(is_retry);
        let sent = clock::monotonic();
        let deadline = budget.deadline().min(sent + self.request_timeout);
        let bounded = tokio::time::timeout_at(deadline, ask());
        let work = self.meter.measure(Work::Request, question.name, bounded);
        let outcome = match work.await {
            Ok(outcome) => outcome,
            Err(_) if budget.deadline() <= clock::monotonic() => Err(Fault::new(
                FaultClass::Timeout,
                "the task's time was up before the answer came",
            )),
            Err(_) => {
                let limit = format_span(self.request_timeout);
                Err(Fault::new(
                    FaultClass::Outage,
                    format!("no answer within {limit}"),
                ))
            }
        };
        let class = outcome
            .as_ref()
            .err()
            .map_or("ok", |fault| fault.class.as_str());
        metric::upstream_requests(self.provider, class, 1);
        if let Err(fault) = &outcome
            && matches!(fault.class, FaultClass::RateLimited | FaultClass::Blocked)
        {
            self.meter
                .record(Work::Refused, self.provider, sent.elapsed());
        }
        self.learn(leave, budget, outcome.as_ref().err());
        outcome
    }

    /// Waits in the line. A task that may ask somebody else does not wait for a cool-down longer
    /// than its patience, whether it has begun or begins meanwhile.
    async fn leave(&self, question: &Question<'_>) -> Result<Leave<'_>, Fault> {
        let is_good = question.symbol.is_some_and(|one| self.symbols.is_good(one));
        let leave = || self.line.leave(question.ticket, is_good);
        // As it is now: the wait in the line is not charged to the task, so it must not eat it up.
        let Some(patience) = question.budget.patience() else {
            return Ok(leave().await);
        };
        loop {
            if let Some(fault) = self.too_long_a_wait(Some(patience)) {
                return Err(fault);
            }
            if let Ok(leave) = tokio::time::timeout(IMPATIENT_LOOK, leave()).await {
                return Ok(leave);
            }
        }
    }

    fn too_long_a_wait(&self, patience: Option<Duration>) -> Option<Fault> {
        let wait = self.line.closed_for()?;
        patience.filter(|patience| wait > *patience)?;
        let message = format!("the upstream refuses us for another {}", format_span(wait));
        Some(Fault::new(FaultClass::RateLimited, message))
    }

    /// Tells the line what the answer says about our standing with the upstream.
    fn learn(&self, leave: Leave<'_>, budget: &Budget, fault: Option<&Fault>) {
        match fault.map(|fault| (fault.class, fault)) {
            Some((FaultClass::RateLimited, fault)) => {
                budget.count_rate_limited();
                self.refused(leave, fault, false);
            }
            Some((FaultClass::Blocked, fault)) => self.refused(leave, fault, true),
            // An outage says nothing: a probe that met one leaves the question open.
            Some((FaultClass::Outage | FaultClass::Timeout, _)) => leave.failed(),
            _ => self.answered(leave),
        }
    }

    fn answered(&self, leave: Leave<'_>) {
        let heard = leave.answered();
        if heard.ended == Some(Kind::Block) {
            events::UpstreamCooldownClosed {
                provider: self.provider,
            }
            .emit();
        }
        if let Some(rps) = heard.recovered_rps {
            events::UpstreamPaceRecovered {
                provider: self.provider,
                rps,
            }
            .emit();
        }
    }

    fn refused(&self, leave: Leave<'_>, fault: &Fault, is_ban: bool) {
        let retry_after = fault.retry_after;
        let Some(refused) = leave.refused(Refusal {
            retry_after,
            is_ban,
        }) else {
            return;
        };
        let wait_ms = ms(refused.closed.wait);
        if refused.closed.kind == Kind::Block {
            events::UpstreamCooldownOpened {
                provider: self.provider,
                cause: &fault.message,
                cooldown_ms: wait_ms,
            }
            .emit();
        }
        if refused.to_rps < refused.from_rps {
            events::UpstreamPaceLowered {
                provider: self.provider,
                cause: &fault.message,
                from_rps: refused.from_rps,
                to_rps: refused.to_rps,
                wait_ms,
            }
            .emit();
        }
    }

    /// Remembers what the upstream says about the symbol.
    fn note_symbol(
        &self,
        admitted: Admitted<'_>,
        symbol: &Symbol,
        budget: &Budget,
        fault: Option<&Fault>,
    ) {
        match fault.map(|fault| fault.class) {
            None => self.heard_known(symbol, budget, admitted.known()),
            // Nothing in this window: the symbol as such is known, which is no proof of life.
            Some(FaultClass::NoData) => self.tell_back(symbol, admitted.known()),
            Some(FaultClass::NotFound) => {
                budget.hear(self.provider, Said::Unknown);
                let verdict = admitted.missing(clock::monotonic(), self.clock.now());
                if let Some((unknown, rest)) = verdict {
                    events::UpstreamSymbolShelved {
                        provider: self.provider,
                        symbol: symbol.as_str(),
                        answers: unknown.answers.into(),
                        rest_ms: ms(rest),
                    }
                    .emit();
                }
            }
            // It says nothing about the symbol.
            Some(_) => drop(admitted),
        }
    }

    fn heard_known(&self, symbol: &Symbol, budget: &Budget, was_shelved: bool) {
        budget.hear(self.provider, Said::Known);
        self.tell_back(symbol, was_shelved);
    }

    fn tell_back(&self, symbol: &Symbol, was_shelved: bool) {
        if was_shelved {
            events::UpstreamSymbolBack {
                provider: self.provider,
                symbol: symbol.as_str(),
            }
            .emit();
        }
    }

    /// The answer for a symbol that is not asked for now.
    fn shelved(&self, unknown: &Unknown) -> Fault {
        let left = unknown.again.duration_since(clock::monotonic());
        let again = self.clock.now().saturating_add(clock::signed(left));
        Fault::new(
            FaultClass::NotFound,
            format!(
                "the upstream has not known this symbol since {:.0} ({} answers in a row); \
                 it is asked again after {:.0}",
                unknown.since,
                unknown.answers,
                again.unwrap_or_default(),
            ),
        )
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
