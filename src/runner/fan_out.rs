//! The tasks of a run: bounded in flight, each contained, cut off at the deadline or on abort.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RunSpec;
use super::record::Recorder;
use crate::clock;
use crate::domain::{FaultClass, RunState, RunTotals, Symbol, TaskOutcome, TaskResult};
use crate::jobs::{Done, Services, perform};
use crate::store::RunEnd;
use crate::telemetry::Work;
use crate::upstream::{Budget, CallCounts, Fault};

/// A task in flight, as the run remembers it.
struct InFlight {
    symbol: Symbol,
    counts: Arc<CallCounts>,
    started_at: Timestamp,
    started: Instant,
}

impl InFlight {
    fn outcome(&self, result: TaskResult) -> TaskOutcome {
        TaskOutcome {
            symbol: self.symbol.clone(),
            result,
            calls: self.counts.calls(),
            retries: self.counts.retries(),
            rate_limited: self.counts.rate_limited(),
            started_at: self.started_at,
            duration_ms: clock::elapsed_ms(self.started),
        }
    }
}

/// Why a run ended before its tasks did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CutOff {
    Timeout,
    Abort,
}

impl CutOff {
    fn fault(self, is_refused: bool) -> TaskResult {
        let (class, message) = match self {
            Self::Timeout if is_refused => (
                FaultClass::RateLimited,
                "still refused by the upstream when the run's time was up",
            ),
            Self::Timeout => (FaultClass::Timeout, "the run's time was up"),
            Self::Abort => (FaultClass::Cancelled, "stopped before it was done"),
        };
        TaskResult::Failed {
            class,
            message: message.to_owned(),
        }
    }
}

/// Runs all tasks of `spec` and writes outcomes and end to the ledger.
pub(super) async fn run(spec: &RunSpec, services: &Services, abort: &CancellationToken) -> RunEnd {
    let started = clock::monotonic();
    let mut recorder = Recorder::start(spec, services).await;
    let cut_off = fan_out(spec, services, abort, started, &mut recorder).await;
    services
        .meter
        .record(Work::Run, spec.assignment.name(), started.elapsed());
    let totals: RunTotals = recorder.totals();
    let (state, reason) = match cut_off {
        None => (totals.final_state(), None),
        Some(CutOff::Timeout) => {
            let limit = crate::domain::format_span(spec.timeout);
            (RunState::TimedOut, Some(format!("not done within {limit}")))
        }
        Some(CutOff::Abort) => (
            RunState::Cancelled,
            Some("stopped before it was done".to_owned()),
        ),
    };
    let end = RunEnd {
        state,
        totals,
        duration_ms: clock::elapsed_ms(started),
        reason,
    };
    recorder.finish(&end, abort).await;
    end
}

async fn fan_out(
    spec: &RunSpec,
    services: &Services,
    abort: &CancellationToken,
    started: Instant,
    recorder: &mut Recorder<'_>,
) -> Option<CutOff> {
    let deadline = tokio::time::sleep_until(started + spec.timeout);
    tokio::pin!(deadline);
    let mut waiting = spec.symbols.iter();
    let mut tasks: JoinSet<Result<Done, Fault>> = JoinSet::new();
    let mut in_flight: HashMap<Id, InFlight> = HashMap::new();
    let cut_off = loop {
        while tasks.len() < spec.concurrency.max(1) {
            let Some(symbol) = waiting.next() else { break };
            let (id, task) = launch(symbol, spec, services, &mut tasks);
            in_flight.insert(id, task);
        }
        if tasks.is_empty() {
            break None;
        }
        tokio::select! {
            biased;
            () = abort.cancelled() => break Some(CutOff::Abort),
            () = &mut deadline => break Some(CutOff::Timeout),
            Some(joined) = tasks.join_next_with_id() => {
                note(joined, &mut in_flight, recorder);
                recorder.write_some().await;
            }
        }
    };
    let cut_off = cut_off?;
    tasks.abort_all();
    // A task that ended in the same moment keeps its own outcome.
    while let Some(joined) = tasks.join_next_with_id().await {
        if !joined.as_ref().is_err_and(JoinError::is_cancelled) {
            note(joined, &mut in_flight, recorder);
        }
    }
    let waiting = waiting.as_slice();
    if in_flight.is_empty() && waiting.is_empty() {
        return None;
    }
    let is_refused = services.upstream.is_refusing();
    for task in in_flight.into_values() {
        let is_refused = is_refused || task.counts.rate_limited() > 0;
        recorder.add(task.outcome(cut_off.fault(is_refused)));
    }
    for symbol in waiting {
        let task = InFlight {
            symbol: symbol.clone(),
            counts: Arc::default(),
            started_at: services.clock.now(),
            started: clock::monotonic(),
        };
        recorder.add(task.outcome(cut_off.fault(is_refused)));
    }
    Some(cut_off)
}

fn launch(
    symbol: &Symbol,
    spec: &RunSpec,
    services: &Services,
    tasks: &mut JoinSet<Result<Done, Fault>>,
) -> (Id, InFlight) {
    let counts = Arc::new(CallCounts::default());
    let budget = Budget::starting_now(spec.task_timeout, Arc::clone(&counts));
    let task = InFlight {
        symbol: symbol.clone(),
        counts,
        started_at: services.clock.now(),
        started: clock::monotonic(),
    };
    let (services, symbol, assignment) = (services.clone(), symbol.clone(), spec.assignment);
    let handle = tasks.spawn(async move {
        let work = perform(assignment, &symbol, &services, &budget);
        services
            .meter
            .measure(Work::Task, assignment.name(), work)
            .await
    });
    (handle.id(), task)
}

fn note(
    joined: Result<(Id, Result<Done, Fault>), JoinError>,
    in_flight: &mut HashMap<Id, InFlight>,
    recorder: &mut Recorder<'_>,
) {
    let (id, result) = match joined {
        Ok((id, Ok(done))) => {
            let Done {
                rows_written,
                rows_rejected,
            } = done;
            (
                id,
                TaskResult::Succeeded {
                    rows_written,
                    rows_rejected,
                },
            )
        }
        Ok((id, Err(fault))) => (
            id,
            TaskResult::Failed {
                class: fault.class,
                message: fault.message,
            },
        ),
        // The panic hook has logged the place; here it becomes the symbol's outcome.
        Err(error) => {
            let message = "the job panicked; see event FS9001 in the log".to_owned();
            (
                error.id(),
                TaskResult::Failed {
                    class: FaultClass::Internal,
                    message,
                },
            )
        }
    };
    if let Some(task) = in_flight.remove(&id) {
        recorder.add(task.outcome(result));
    }
}
