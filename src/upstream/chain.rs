//! Several providers behind one: a schedule's first provider is asked, and the next ones when it
//! cannot answer.
//!
//! Who is next asked and when:
//! - `outage`, `blocked`, `timeout`, `bad_payload`, `not_found`: at once. While there is a next one, a
//!   provider gets an equal share of the task's remaining time, so that one that hangs leaves
//!   time for the others.
//! - a cool-down (429) that lasts longer than that share: at once; a shorter one is waited for.
//! - `no_data`: only for windows of a year and more. In a short window it says that there was no
//!   session, and every holiday would ask everybody; a year without one says that this provider
//!   has no series.
//! - `bad_request` and faults of ours: never; they are to be seen.
//!
//! A provider that failed several tasks in a row is passed over for a while ([`super::health`]). When
//! nobody could answer, the first that was passed over or in a cool-down is asked once more, and
//! waited for as if it were alone. A symbol's form tells who cannot have it; those are not asked, and
//! neither is one that lacks its key: that is told with the others' faults, but is no verdict on the
//! symbol.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;

use super::health::{Change, Health};
use super::{Budget, Chart, ChartRequest, Fault, LatestRequest, MarketData};
use crate::clock;
use crate::domain::{FaultClass, Provider, Symbol};
use crate::telemetry::events;

/// Windows at least this long hold a session for sure, if the provider has the series at all.
const CERTAIN_WINDOW: SignedDuration = SignedDuration::from_hours(365 * 24);

/// All providers of the program; each schedule's budget says which to ask.
pub struct Chain {
    members: Vec<Member>,
}

struct Member {
    provider: Provider,
    upstream: Arc<dyn MarketData>,
    health: Mutex<Health>,
    was_asked: AtomicBool,
}

/// Why a provider did not answer.
struct Missed<'a> {
    member: &'a Member,
    fault: Fault,
    /// Whether it was not asked, or not waited for.
    is_passed_over: bool,
}

impl Chain {
    /// A chain of these, whatever order a schedule wants them in.
    pub fn new(upstreams: Vec<(Provider, Arc<dyn MarketData>)>) -> Self {
        let members = upstreams.into_iter().map(|(provider, upstream)| Member {
            provider,
            upstream,
            health: Mutex::default(),
            was_asked: AtomicBool::new(false),
        });
        Self {
            members: members.collect(),
        }
    }

    fn member(&self, provider: Provider) -> Option<&Member> {
        self.members.iter().find(|one| one.provider == provider)
    }

    /// Who may be asked for `symbol`, in order.
    fn able(&self, symbol: &Symbol, budget: &Budget) -> Vec<&Member> {
        let wanted = budget.providers();
        wanted
            .iter()
            .filter_map(|provider| self.member(provider))
            .filter(|member| member.upstream.can_have(symbol))
            .collect()
    }

    async fn fall_through(
        &self,
        able: &[&Member],
        request: &ChartRequest,
        budget: &Budget,
    ) -> Result<Chart, Fault> {
        let mut missed: Vec<Missed<'_>> = Vec::new();
        for (place, member) in able.iter().enumerate() {
            let left = u32::try_from(able.len() - place).unwrap_or(1);
            let (fault, is_passed_over) = match member.try_in_turn(request, budget, left).await {
                Tried::Answered(chart) => return Ok(*chart),
                Tried::PassedOver(fault) => (fault, true),
                Tried::Failed(fault) if goes_on(&fault, request) => (fault, false),
                // That one had no session is no answer for another that could not be asked.
                Tried::Failed(fault) if fault.class == FaultClass::NoData && place > 0 => {
                    (fault, false)
                }
                Tried::Failed(fault) => return Err(fault),
            };
            let next = able
                .get(place + 1)
                .map_or("none", |next| next.provider.as_str());
            events::UpstreamFellBack {
                provider: member.provider.as_str(),
                next,
                symbol: request.symbol.as_str(),
                class: fault.class.as_str(),
                reason: &fault.message,
            }
            .emit();
            missed.push(Missed {
                member,
                fault,
                is_passed_over,
            });
        }
        let waiting = missed.iter().position(|one| one.is_passed_over);
        if let Some(one) = waiting.and_then(|place| missed.get_mut(place)) {
            match one.member.upstream.chart(request, budget).await {
                Ok(chart) => {
                    one.member.note(None);
                    return Ok(chart);
                }
                Err(fault) => one.fault = fault,
            }
        }
        Err(verdict(
            missed.iter().map(|one| (one.member.provider, &one.fault)),
        ))
    }
}

/// What came of asking one provider in its turn.
enum Tried {
    Answered(Box<Chart>),
    Failed(Fault),
    /// Not asked, or not waited for.
    PassedOver(Fault),
}

impl Member {
    async fn try_in_turn(&self, request: &ChartRequest, budget: &Budget, left: u32) -> Tried {
        if !self.health().may_ask(clock::monotonic()) {
            return Tried::PassedOver(Fault::new(
                FaultClass::Outage,
                "it failed several tasks in a row and is passed over for a while",
            ));
        }
        self.was_asked.store(true, Ordering::Relaxed);
        let share = budget.share(left);
        let before = share.calls();
        let answer = self.upstream.chart(request, &share).await;
        // What is refused without asking says nothing about the provider's health.
        let was_asked = share.calls() > before;
        match answer {
            Ok(chart) => {
                self.note(None);
                Tried::Answered(Box::new(chart))
            }
            // It waits for a cool-down of its own, and is asked again at the end.
            Err(fault) if fault.class == FaultClass::RateLimited => Tried::PassedOver(fault),
            Err(fault) => {
                if was_asked || is_the_providers(fault.class) {
                    self.note(Some(&fault));
                }
                Tried::Failed(fault)
            }
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an outcome to heart, and tells when it changes something.
    fn note(&self, fault: Option<&Fault>) {
        let is_failure = fault.is_some_and(|fault| is_the_providers(fault.class));
        let change = if is_failure {
            self.health().failed(clock::monotonic())
        } else {
            self.health().answered()
        };
        let provider = self.provider.as_str();
        match (change, fault) {
            (Some(Change::Unusable(rest)), Some(fault)) => events::UpstreamUnusable {
                provider,
                class: fault.class.as_str(),
                reason: &fault.message,
                rest_ms: u64::try_from(rest.as_millis()).unwrap_or(u64::MAX),
            }
            .emit(),
            (Some(Change::Usable), _) => events::UpstreamUsable { provider }.emit(),
            _ => {}
        }
    }
}

/// Whether a fault says something about the provider rather than about the symbol.
fn is_the_providers(class: FaultClass) -> bool {
    matches!(
        class,
        FaultClass::Outage | FaultClass::Blocked | FaultClass::Timeout
    )
}

/// Whether the next provider is asked after this fault.
fn goes_on(fault: &Fault, request: &ChartRequest) -> bool {
    match fault.class {
        FaultClass::NotFound
        | FaultClass::RateLimited
        | FaultClass::Outage
        | FaultClass::BadPayload
        | FaultClass::Timeout
        | FaultClass::Blocked => true,
        FaultClass::NoData => request.to.duration_since(request.from) >= CERTAIN_WINDOW,
        FaultClass::Refused
        | FaultClass::BadRequest
        | FaultClass::Store
        | FaultClass::Cancelled
        | FaultClass::Internal => false,
    }
}

/// One fault for all: the first provider's, unless it does not know the symbol and another could
/// not be asked, which may know it.
fn verdict<'f>(faults: impl Iterator<Item = (Provider, &'f Fault)>) -> Fault {
    let all: Vec<(Provider, &Fault)> = faults.collect();
    let is_unknown = |class| matches!(class, FaultClass::NotFound | FaultClass::NoData);
    let open = all.iter().find(|(_, fault)| !is_unknown(fault.class));
    let class = open
        .or(all.first())
        .map_or(FaultClass::NotFound, |one| one.1.class);
    let told: Vec<String> = all
        .iter()
        .map(|(provider, fault)| format!("{provider}: {}", fault.message))
        .collect();
    Fault::new(class, told.join("; "))
}

#[async_trait::async_trait]
impl MarketData for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    /// That of the first member: a configuration in which some are simulated and some are not is
    /// refused.
    fn origin(&self) -> String {
        let first = self.members.first();
        first
            .map(|member| member.upstream.origin())
            .unwrap_or_default()
    }

    fn paces(&self) -> Vec<(&'static str, f64)> {
        let members = self.members.iter();
        members.flat_map(|member| member.upstream.paces()).collect()
    }

    /// Whether everybody who was ever asked refuses us.
    fn is_refusing(&self) -> bool {
        let was_asked = |member: &&Member| member.was_asked.load(Ordering::Relaxed);
        let mut asked = self.members.iter().filter(was_asked).peekable();
        asked.peek().is_some() && asked.all(|member| member.upstream.is_refusing())
    }

    fn forget(&self, symbol: &Symbol) {
        for member in &self.members {
            member.upstream.forget(symbol);
        }
    }

    fn gives_latest(&self, budget: &Budget) -> bool {
        let first = self.member(budget.providers().first());
        first.is_some_and(|member| member.upstream.gives_latest(budget))
    }

    async fn latest(&self, request: &LatestRequest, budget: &Budget) -> Option<Chart> {
        let first = self.member(budget.providers().first())?;
        let is_able = first.upstream.can_have(&request.symbol);
        if !is_able || first.upstream.lacks().is_some() || first.health().is_resting() {
            return None;
        }
        first.was_asked.store(true, Ordering::Relaxed);
        first.upstream.latest(request, budget).await
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let all = self.able(&request.symbol, budget);
        let lacking: Vec<(Provider, Fault)> = all
            .iter()
            .filter_map(|member| Some((member.provider, member.upstream.lacks()?)))
            .collect();
        let is_lacking = |member: &&Member| lacking.iter().any(|(one, _)| *one == member.provider);
        let able: Vec<&Member> = all.into_iter().filter(|one| !is_lacking(one)).collect();
        let answer = match (able.as_slice(), lacking.first()) {
            ([], Some((_, fault))) => return Err(fault.clone()),
            ([], None) => Err(Fault::new(
                FaultClass::NotFound,
                format!(
                    "none of the schedule's providers ({}) has symbols like `{}`",
                    budget.providers(),
                    request.symbol
                ),
            )),
            ([only], _) => {
                only.was_asked.store(true, Ordering::Relaxed);
                only.upstream.chart(request, budget).await
            }
            (several, _) => self.fall_through(several, request, budget).await,
        };
        answer.map_err(|fault| with_lacking(&fault, &lacking))
    }
}

/// The fault, told with what those lack that could not be asked.
fn with_lacking(fault: &Fault, lacking: &[(Provider, Fault)]) -> Fault {
    let mut message = fault.message.clone();
    for (provider, lack) in lacking {
        message = format!("{message}; {provider}: {}", lack.message);
    }
    Fault {
        retry_after: fault.retry_after,
        ..Fault::new(fault.class, message)
    }
}

#[cfg(test)]
mod tests;
