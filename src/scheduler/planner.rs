//! The planner: one thread that reads the clock, asks the ledger, and starts runs.
//!
//! Clock wakes, ledger decides: a fire is run only by whoever wrote its row. A thread of its own
//! keeps it punctual when the runtime is busy.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::decide::{Verdict, decide};
use super::plan::{Due, Plan};
use crate::clock;
use crate::domain::{Fire, RunOrigin, RunState, Schedule};
use crate::jobs::Assignment;
use crate::runner::{RunSpec, Runner};
use crate::store::{Claim, Epoch, Ours, Store};
use crate::telemetry::events;

/// The planner looks at the clock at least this often: a step of the wall clock or a suspended
/// machine is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(2);

/// How often the ledger is asked again while it cannot be used.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Longest wait for the ledger in one go: the planner has to show its life.
const CLAIM_PATIENCE: Duration = Duration::from_secs(8);

/// Fires claimed together at most, unless one schedule has more.
const CLAIM_FIRES: usize = 6_000;

/// Wall and monotonic clock may drift apart this much between two looks.
const STEP_TOLERANCE_MS: i64 = 500;

/// Runs started lately that are remembered, so that a repeated claim never starts one twice.
const REMEMBERED_RUNS: usize = 20_000;

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
    /// Called at each look at the clock: what depends on a living planner hangs here.
    pub on_look: Box<dyn Fn() + Send>,
}

/// The planner's sign of life, by the monotonic clock. Cheap to clone.
#[derive(Clone)]
pub struct Pulse {
    started: Instant,
    last_look_ms: Arc<AtomicI64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            started: clock::monotonic(),
            last_look_ms: Arc::default(),
        }
    }
}

impl Pulse {
    /// How long ago the planner looked at the clock, ms; at most two seconds while it lives.
    pub fn age_ms(&self) -> i64 {
        clock::elapsed_ms(self.started) - self.last_look_ms.load(Ordering::Relaxed)
    }

    fn beat(&self) {
        self.last_look_ms
            .store(clock::elapsed_ms(self.started), Ordering::Relaxed);
    }
}

/// The running planner thread.
pub struct PlannerHandle {
    stop: Sender<()>,
    thread: JoinHandle<()>,
    steps_back: UnboundedReceiver<()>,
}

impl PlannerHandle {
    /// Waits until the wall clock is stepped back; `None` when the planner thread has ended, which
    /// it never does by itself.
    pub async fn stepped_back(&mut self) -> Option<()> {
        self.steps_back.recv().await
    }

    /// Stops planning; returns when no fire can be claimed any more. Blocks for one claim at most.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

impl Planner {
    /// Starts the thread, which shows its life on `pulse`.
    pub fn start(self, runtime: Handle, pulse: Pulse) -> std::io::Result<PlannerHandle> {
        let (stop, stopped) = channel();
        let (stepped_back, steps_back) = unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("planner".to_owned())
            .spawn(move || Loop::new(self, runtime, pulse, stepped_back).run(&stopped))?;
        Ok(PlannerHandle {
            stop,
            thread,
            steps_back,
        })
    }
}

struct Loop {
    planner: Planner,
    runtime: Handle,
    pulse: Pulse,
    stepped_back: UnboundedSender<()>,
    served_since: Timestamp,
    previous: (Timestamp, Instant),
    store_down_since: Option<Instant>,
    started: HashSet<i64>,
}

impl Loop {
    fn new(
        planner: Planner,
        runtime: Handle,
        pulse: Pulse,
        stepped_back: UnboundedSender<()>,
    ) -> Self {
        let served_since = planner.clock.now();
        Self {
            planner,
            runtime,
            pulse,
            stepped_back,
            served_since,
            previous: (served_since, clock::monotonic()),
            store_down_since: None,
            started: HashSet::new(),
        }
    }

    fn run(mut self, stopped: &Receiver<()>) {
        loop {
            let now = self.planner.clock.now();
            self.pulse.beat();
            (self.planner.on_look)();
            self.note_step(now);
            self.tick(now);
            match stopped.recv_timeout(self.sleep()) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// A step forward makes fires due as if the machine had slept; after a step back, fires that
    /// come again are in the ledger already, and those it does not know are due as ever.
    fn note_step(&mut self, now: Timestamp) {
        let wall = now.as_millisecond() - self.previous.0.as_millisecond();
        let step_ms = wall - clock::elapsed_ms(self.previous.1);
        self.previous = (now, clock::monotonic());
        if step_ms.abs() <= STEP_TOLERANCE_MS {
            return;
        }
        events::DaemonClockStepped { step_ms }.emit();
        if step_ms < 0 {
            self.served_since = self.served_since.min(now);
            self.planner.plan.rebase(now);
            let _ = self.stepped_back.send(());
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
        let mut rest = due.as_slice();
        while !rest.is_empty() {
            // All that is due goes in one statement; after a long absence in a few, so that what is
            // done is done, and the planner shows its life in between.
            let mut fires = 0;
            let count = rest.iter().take_while(|due| {
                let fits = fires == 0 || fires + due.fires.len() <= CLAIM_FIRES;
                fires += due.fires.len();
                fits
            });
            let (group, later) = rest.split_at(count.count());
            if !self.claim_group(group, now) {
                for due in rest {
                    self.planner.plan.put_back(due);
                }
                return;
            }
            rest = later;
            self.pulse.beat();
            (self.planner.on_look)();
        }
    }

    /// Decides about a group of due schedules, claims, and acts; false when the ledger could not be
    /// asked and nothing was decided.
    fn claim_group(&mut self, group: &[Due], now: Timestamp) -> bool {
        let decided: Vec<(&Due, Vec<Verdict>)> = group
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
            .flat_map(|(due, verdicts)| verdicts.iter().map(|v| claim(&due.schedule, v)))
            .collect();
        let (store, epoch) = (&self.planner.store, self.planner.epoch);
        // A claim that is cut off may have been written: asked again, it is ours and still open.
        let answer = self.runtime.block_on(async {
            tokio::time::timeout(CLAIM_PATIENCE, store.claim(&claims, epoch, now)).await
        });
        let reason = match answer {
            Ok(Ok(ours)) => {
                self.note_store_back();
                for (due, verdicts) in &decided {
                    let ours = |verdict: &&Verdict| {
                        ours.get(&(due.schedule.id.clone(), verdict.scheduled_for))
                            .copied()
                    };
                    self.act(due, verdicts, ours);
                    self.planner.plan.decided(due);
                }
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if self.store_down_since.is_none() {
            events::StoreUnavailable {
                during: "the claim of fires",
                reason: &reason,
            }
            .emit();
            self.store_down_since = Some(clock::monotonic());
        }
        false
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
    fn act(&mut self, due: &Due, verdicts: &[Verdict], ours: impl Fn(&&Verdict) -> Option<Ours>) {
        let schedule = &due.schedule;
        let name = schedule.id.as_str();
        for verdict in verdicts {
            let Some(Ours { run_id, is_open }) = ours(&verdict) else {
                continue;
            };
            let scheduled_for = verdict.scheduled_for.to_string();
            if is_open && self.started.insert(run_id) {
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
            } else if verdict.state == RunState::SkippedOverlap {
                let scheduled_for = &scheduled_for;
                events::RunSkippedOverlap {
                    schedule: name,
                    scheduled_for,
                }
                .emit();
            }
        }
        if self.started.len() > REMEMBERED_RUNS {
            self.started.clear();
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
                older_unlisted: due.unlisted,
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
