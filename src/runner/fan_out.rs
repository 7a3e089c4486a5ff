//! The tasks of a round: bounded in flight, each contained, cut off at the deadline, when the run
//! is cancelled, or on abort.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::control::Control;
use super::record::Recorder;
use super::{Desk, RunSpec};
use crate::clock;
use crate::domain::{FaultClass, Symbol, TaskOutcome, TaskResult};
use crate::jobs::Done;
use crate::telemetry::Work;
use crate::upstream::{Budget, CallCounts, Fault};

/// What ends a run before its tasks do.
pub(super) struct Bounds<'r> {
    /// When its time is up.
    pub(super) deadline: Instant,
    /// When it has taken longer than promised.
    pub(super) slow_at: Option<Instant>,
    /// Somebody may cancel it.
    pub(super) control: &'r Control,
    /// The daemon may be told to end at once.
    pub(super) abort: &'r CancellationToken,
}

/// Why a run ended before its tasks did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutOff {
    Timeout,
    Cancel,
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
            Self::Cancel => (FaultClass::Cancelled, "the run was cancelled"),
            Self::Abort => (FaultClass::Cancelled, "stopped before it was done"),
        };
        TaskResult::Failed {
            class,
            message: message.to_owned(),
        }
    }
}

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

/// The tasks of one round.
struct Round<'r, 's> {
    spec: &'r RunSpec,
    desk: &'r Desk,
    waiting: std::slice::Iter<'s, Symbol>,
    tasks: JoinSet<Result<Done, Fault>>,
    in_flight: HashMap<Id, InFlight>,
}

/// Does the tasks of `symbols`; every one of them has an outcome afterwards. Gives why not all
/// were let finish.
pub(super) async fn fan_out(
    symbols: &[Symbol],
    spec: &RunSpec,
    desk: &Desk,
    bounds: &Bounds<'_>,
    recorder: &mut Recorder<'_>,
) -> Option<CutOff> {
    let mut round = Round {
        spec,
        desk,
        waiting: symbols.iter(),
        tasks: JoinSet::new(),
        in_flight: HashMap::new(),
    };
    let cut_off = round.until_done(bounds, recorder).await?;
    if cut_off != CutOff::Abort {
        round.have_grace(bounds.abort, recorder).await;
    }
    round.cut_off(cut_off, recorder).await
}

impl Round<'_, '_> {
    async fn until_done(
        &mut self,
        bounds: &Bounds<'_>,
        recorder: &mut Recorder<'_>,
    ) -> Option<CutOff> {
        let deadline = tokio::time::sleep_until(bounds.deadline);
        tokio::pin!(deadline);
        let slow = tokio::time::sleep_until(bounds.slow_at.unwrap_or(bounds.deadline));
        tokio::pin!(slow);
        loop {
            while self.tasks.len() < self.spec.schedule.concurrency.max(1) {
                let Some(symbol) = self.waiting.next() else {
                    break;
                };
                self.launch(symbol);
            }
            if self.tasks.is_empty() {
                return None;
            }
            tokio::select! {
                biased;
                () = bounds.abort.cancelled() => return Some(CutOff::Abort),
                () = bounds.control.cancelled() => return Some(CutOff::Cancel),
                () = &mut deadline => return Some(CutOff::Timeout),
                () = &mut slow, if bounds.slow_at.is_some() && !recorder.is_slow() => recorder.note_slow(),
                Some(joined) = self.tasks.join_next_with_id() => {
                    self.note(joined, recorder);
                    bounds.control.set_tasks_done(recorder.ended());
                    recorder.write_some().await;
                }
            }
        }
    }

    /// Nothing new begins; what is in flight may finish for a while.
    async fn have_grace(&mut self, abort: &CancellationToken, recorder: &mut Recorder<'_>) {
        let over = tokio::time::sleep(self.spec.schedule.cancel_grace);
        tokio::pin!(over);
        while !self.tasks.is_empty() {
            tokio::select! {
                biased;
                () = abort.cancelled() => return,
                () = &mut over => return,
                Some(joined) = self.tasks.join_next_with_id() => self.note(joined, recorder),
            }
        }
    }

    /// Ends what is in flight and gives all that is left its outcome.
    async fn cut_off(mut self, cut_off: CutOff, recorder: &mut Recorder<'_>) -> Option<CutOff> {
        self.tasks.abort_all();
        // A task that ended in the same moment keeps its own outcome.
        while let Some(joined) = self.tasks.join_next_with_id().await {
            if !joined.as_ref().is_err_and(JoinError::is_cancelled) {
                self.note(joined, recorder);
            }
        }
        let waiting = self.waiting.as_slice();
        if self.in_flight.is_empty() && waiting.is_empty() {
            return None;
        }
        let is_refused = self.desk.work.is_refused();
        let mut left: Vec<InFlight> = self.in_flight.into_values().collect();
        left.sort_by(|one, other| one.symbol.cmp(&other.symbol));
        left.extend(waiting.iter().map(|symbol| InFlight {
            symbol: symbol.clone(),
            counts: Arc::default(),
            started_at: self.desk.clock.now(),
            started: clock::monotonic(),
        }));
        for task in left {
            let is_refused = is_refused || task.counts.rate_limited() > 0;
            recorder.add(task.outcome(cut_off.fault(is_refused)));
        }
        Some(cut_off)
    }

    fn launch(&mut self, symbol: &Symbol) {
        let counts = Arc::new(CallCounts::default());
        let schedule = &self.spec.schedule;
        let budget = Budget::starting_now(schedule.task_timeout, Arc::clone(&counts))
            .in_lane(self.spec.assignment.lane())
            .asking(schedule.providers);
        let task = InFlight {
            symbol: symbol.clone(),
            counts,
            started_at: self.desk.clock.now(),
            started: clock::monotonic(),
        };
        let (desk, symbol, assignment) = (self.desk.clone(), symbol.clone(), self.spec.assignment);
        let handle = self.tasks.spawn(async move {
            let work = desk.work.perform(assignment, &symbol, &budget);
            desk.meter
                .measure(Work::Task, assignment.name(), work)
                .await
        });
        self.in_flight.insert(handle.id(), task);
    }

    fn note(
        &mut self,
        joined: Result<(Id, Result<Done, Fault>), JoinError>,
        recorder: &mut Recorder<'_>,
    ) {
        let (id, result) = match joined {
            Ok((id, Ok(done))) => (
                id,
                TaskResult::Succeeded {
                    rows_written: done.rows_written,
                    rows_rejected: done.rows_rejected,
                },
            ),
            Ok((id, Err(fault))) => (
                id,
                TaskResult::Failed {
                    class: fault.class,
                    message: fault.message,
                },
            ),
            // The panic hook has logged the place; here it becomes the symbol's outcome.
            Err(error) => (
                error.id(),
                TaskResult::Failed {
                    class: FaultClass::Internal,
                    message: "the job panicked; see event FS9001 in the log".to_owned(),
                },
            ),
        };
        if let Some(task) = self.in_flight.remove(&id) {
            recorder.add(task.outcome(result));
        }
    }
}
