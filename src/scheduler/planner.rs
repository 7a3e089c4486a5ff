//! The planner: one thread that reads the clock, asks the ledger, and starts runs.
//!
//! Clock wakes, ledger decides: a fire is run only by whoever wrote its row. A thread of its own
//! keeps it punctual when the runtime is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::decide::{Verdict, decide};
use super::plan::{Due, Plan};
use crate::clock;
use crate::domain::{Fire, RunOrigin, RunState, Schedule};
use crate::jobs::Assignment;
use crate::runner::{RunSpec, Runner};
use crate::store::{Claim, Epoch, Store};
use crate::telemetry::events;

/// The planner looks at the clock at least this often. A step of the wall clock or a suspended
/// machine is noticed within a second by the heartbeat, which wakes it ([`Pulse::wake`]).
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// How often the ledger is asked again while it cannot be used.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// What the planner works with.
pub struct Planner {
    /// The schedules.
    pub plan: Plan,
    /// The ledger.
    pub store: Store,
    /// Starts runs.
    pub runner: Runner,
    /// Marks our rows.
    pub epoch: Epoch,
    /// Time.
    pub clock: clock::Clock,
}

/// What the planner thread is told.
enum Command {
    Look,
    Stop,
}

/// The running planner thread.
pub struct PlannerHandle {
    commands: Sender<Command>,
    thread: JoinHandle<()>,
    last_look: Arc<AtomicI64>,
}

/// The planner's sign of life, and a way to wake it. Cheap to clone.
#[derive(Clone)]
pub struct Pulse {
    commands: Sender<Command>,
    last_look: Arc<AtomicI64>,
}

impl Pulse {
    /// How long ago, by `now`, the planner looked at the clock, ms; at most five seconds while it
    /// lives.
    pub fn age_ms(&self, now: Timestamp) -> i64 {
        now.as_millisecond() - self.last_look.load(Ordering::Relaxed)
    }

    /// Makes the planner look at the clock now.
    pub fn wake(&self) {
        let _ = self.commands.send(Command::Look);
    }
}

impl PlannerHandle {
    /// The planner's sign of life.
    pub fn pulse(&self) -> Pulse {
        Pulse {
            commands: self.commands.clone(),
            last_look: Arc::clone(&self.last_look),
        }
    }

    /// Stops planning; returns when no fire can be claimed any more. Blocks for one claim at most.
    pub fn stop(self) {
        let _ = self.commands.send(Command::Stop);
        let _ = self.thread.join();
    }
}

impl Planner {
    /// Starts the thread.
    pub fn start(self, runtime: Handle) -> std::io::Result<PlannerHandle> {
        let (commands, received) = channel();
        let last_look = Arc::new(AtomicI64::new(self.clock.now().as_millisecond()));
        let look = Arc::clone(&last_look);
        let thread = std::thread::Builder::new()
            .name("planner".to_owned())
            .spawn(move || Loop::new(self, runtime, look).run(&received))?;
        Ok(PlannerHandle {
            commands,
            thread,
            last_look,
        })
    }
}

struct Loop {
    planner: Planner,
    runtime: Handle,
    last_look: Arc<AtomicI64>,
    served_since: Timestamp,
    store_down_since: Option<Instant>,
}

impl Loop {
    fn new(planner: Planner, runtime: Handle, last_look: Arc<AtomicI64>) -> Self {
        let served_since = planner.clock.now();
        Self {
            planner,
            runtime,
            last_look,
            served_since,
            store_down_since: None,
        }
    }

    fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let now = self.planner.clock.now();
            self.last_look
                .store(now.as_millisecond(), Ordering::Relaxed);
            self.tick(now);
            match commands.recv_timeout(self.sleep()) {
                Ok(Command::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn sleep(&self) -> Duration {
        if self.store_down_since.is_some() {
            return STORE_RETRY;
        }
        let Some(next) = self.planner.plan.next_dispatch() else {
            return LONGEST_SLEEP;
        };
        let until = next.duration_since(self.planner.clock.now());
        Duration::try_from(until)
            .unwrap_or(Duration::ZERO)
            .min(LONGEST_SLEEP)
    }

    fn tick(&mut self, now: Timestamp) {
        let due = self.planner.plan.take_due(now);
        if due.is_empty() {
            return;
        }
        let decided: Vec<(&Due, Vec<Verdict>)> = due
            .iter()
            .map(|due| {
                let is_active = self.planner.runner.is_active(&due.schedule.id);
                (
                    due,
                    decide(&due.schedule, &due.fires, now, self.served_since, is_active),
                )
            })
            .collect();
        let claims: Vec<Claim> = decided
            .iter()
            .flat_map(|(due, verdicts)| {
                verdicts.iter().map(|verdict| claim(&due.schedule, verdict))
            })
            .collect();
        let (store, epoch) = (&self.planner.store, self.planner.epoch);
        match self.runtime.block_on(store.claim(&claims, epoch, now)) {
            Ok(ours) => {
                self.note_store_back();
                for (due, verdicts) in &decided {
                    let ours = |verdict: &&Verdict| {
                        ours.get(&(due.schedule.id.clone(), verdict.scheduled_for))
                            .copied()
                    };
                    self.act(due, verdicts, ours);
                }
                for due in &due {
                    self.planner.plan.decided(due);
                }
            }
            Err(error) => {
                if self.store_down_since.is_none() {
                    let reason = error.to_string();
                    events::StoreUnavailable {
                        during: "the claim of fires",
                        reason: &reason,
                    }
                    .emit();
                    self.store_down_since = Some(clock::monotonic());
                }
                for due in &due {
                    self.planner.plan.put_back(due);
                }
            }
        }
    }

    fn note_store_back(&mut self) {
        if let Some(since) = self.store_down_since.take() {
            events::StoreRecovered {
                outage_ms: clock::elapsed_ms(since),
            }
            .emit();
        }
    }

    /// Starts what is ours to run and logs what is not run.
    fn act(&self, due: &Due, verdicts: &[Verdict], ours: impl Fn(&&Verdict) -> Option<i64>) {
        let schedule = &due.schedule;
        let name = schedule.id.as_str();
        for verdict in verdicts {
            let Some(run_id) = ours(&verdict) else {
                continue;
            };
            let scheduled_for = verdict.scheduled_for.to_string();
            match verdict.state {
                RunState::Claimed => {
                    if verdict.origin == RunOrigin::CatchUp {
                        let lateness_ms = verdict.lateness_ms;
                        let scheduled_for = &scheduled_for;
                        events::RunCaughtUp {
                            schedule: name,
                            scheduled_for,
                            lateness_ms,
                        }
                        .emit();
                    }
                    drop(
                        self.planner
                            .runner
                            .start(run_spec(schedule, verdict, run_id)),
                    );
                }
                RunState::SkippedOverlap => {
                    let scheduled_for = &scheduled_for;
                    events::RunSkippedOverlap {
                        schedule: name,
                        scheduled_for,
                    }
                    .emit();
                }
                _ => {}
            }
        }
        let missed: Vec<&Verdict> = verdicts
            .iter()
            .filter(|verdict| verdict.state == RunState::Missed && ours(verdict).is_some())
            .collect();
        if let (Some(first), Some(last)) = (missed.first(), missed.last()) {
            events::RunMissed {
                schedule: name,
                fires: missed.len() as u64,
                first: &first.scheduled_for.to_string(),
                last: &last.scheduled_for.to_string(),
            }
            .emit();
        }
    }
}

fn claim(schedule: &Schedule, verdict: &Verdict) -> Claim {
    Claim {
        fire: Fire {
            schedule: schedule.id.clone(),
            scheduled_for: verdict.scheduled_for,
        },
        job: schedule.job,
        origin: verdict.origin,
        state: verdict.state,
        lateness_ms: verdict.lateness_ms,
        reason: verdict.reason.clone(),
    }
}

fn run_spec(schedule: &Schedule, verdict: &Verdict, run_id: i64) -> RunSpec {
    RunSpec {
        run_id,
        schedule: schedule.id.clone(),
        scheduled_for: verdict.scheduled_for,
        origin: verdict.origin,
        assignment: Assignment::Job(schedule.job),
        symbols: Arc::clone(&schedule.symbols),
        concurrency: schedule.concurrency,
        timeout: schedule.timeout,
        task_timeout: schedule.task_timeout,
        lateness_ms: verdict.lateness_ms,
        on_outcome: None,
    }
}
