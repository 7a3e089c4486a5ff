//! The planner: it reads the clock, asks the ledger, and starts runs.
//!
//! Clock wakes, ledger decides: a fire is run only by whoever wrote its row.

mod doubts;
mod following;
mod opening;
mod orders;
mod outage;
mod promises;
mod tick;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::command::Command;
use super::plan::Plan;
use super::thread::Pulse;
use crate::clock::{self, Clock};
use crate::domain::{Pause, Schedule, ScheduleId};
use crate::runner::{Ended, Runner};
use crate::store::{Epoch, Ledger};
use crate::telemetry::events;
use doubts::Doubts;
use following::Following;
use outage::Outage;
use promises::Promises;

/// The planner looks at the clock at least this often: a step of the wall clock or a suspended
/// machine is noticed within it.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(2);

/// Wall and monotonic clock may drift apart this much between two looks.
const STEP_TOLERANCE_MS: i64 = 500;

/// Ends of runs noted between two looks.
const ENDS_AT_ONCE: usize = 1_000;

/// What the planner works with.
pub struct Planner {
    /// The schedules, disabled ones included.
    pub schedules: Vec<Arc<Schedule>>,
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Starts runs.
    pub runner: Runner,
    /// Marks our rows.
    pub epoch: Epoch,
    /// Time.
    pub clock: Clock,
    /// How long it may sleep without a look at the clock: [`LONGEST_SLEEP`] but in a simulation.
    pub longest_sleep: Duration,
    /// Called at each look at the clock: what depends on a living planner hangs here.
    pub on_look: Box<dyn Fn() + Send>,
}

/// What connects the planner to the daemon.
pub struct Wires {
    /// What it is told.
    pub orders: UnboundedReceiver<Command>,
    /// Told once all schedules are planned, with their number.
    pub opened: Option<oneshot::Sender<usize>>,
    /// Told when the wall clock is stepped back.
    pub stepped_back: UnboundedSender<()>,
    /// Where it shows its life.
    pub pulse: Pulse,
}

impl Planner {
    /// Serves the schedules until it is told to stop.
    pub async fn serve(self, wires: Wires) {
        let ends = self.runner.ends();
        Loop::new(self, wires).run(ends).await;
    }
}

struct Loop {
    ledger: Arc<dyn Ledger>,
    runner: Runner,
    epoch: Epoch,
    clock: Clock,
    longest_sleep: Duration,
    on_look: Box<dyn Fn() + Send>,
    opened: Option<oneshot::Sender<usize>>,
    stepped_back: UnboundedSender<()>,
    orders: Option<UnboundedReceiver<Command>>,
    pulse: Pulse,
    schedules: BTreeMap<ScheduleId, Arc<Schedule>>,
    plan: Plan,
    pauses: BTreeMap<ScheduleId, Pause>,
    promises: Promises,
    served_since: Timestamp,
    previous: (Timestamp, Instant),
    is_open: bool,
    /// Rows may stand after now: at a start nobody knows how the clock was.
    is_ahead: bool,
    outage: Option<Outage>,
    /// Runs started lately, so that a repeated claim never starts one twice.
    started: BTreeSet<i64>,
    /// What may be ours without our knowing.
    doubts: Doubts,
    following: Following,
}

impl Loop {
    fn new(planner: Planner, wires: Wires) -> Self {
        let now = planner.clock.now();
        let by_id = |schedule: Arc<Schedule>| (schedule.id.clone(), schedule);
        Self {
            ledger: planner.ledger,
            runner: planner.runner,
            epoch: planner.epoch,
            clock: planner.clock,
            longest_sleep: planner.longest_sleep,
            on_look: planner.on_look,
            opened: wires.opened,
            stepped_back: wires.stepped_back,
            orders: Some(wires.orders),
            pulse: wires.pulse,
            schedules: planner.schedules.into_iter().map(by_id).collect(),
            plan: Plan::default(),
            pauses: BTreeMap::new(),
            promises: Promises::default(),
            served_since: now,
            previous: (now, clock::monotonic()),
            is_open: false,
            is_ahead: true,
            outage: None,
            started: BTreeSet::new(),
            doubts: Doubts::default(),
            following: Following::default(),
        }
    }

    async fn run(mut self, mut ends: UnboundedReceiver<Ended>) {
        let Some(mut orders) = self.orders.take() else {
            return;
        };
        loop {
            self.look().await;
            let pause = self.sleep();
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None | Some(Command::Stop) => return,
                    Some(order) => self.obey(order).await,
                },
                Some(ended) = ends.recv() => {
                    self.note_end(ended).await;
                    self.note_ends(&mut ends).await;
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// What has ended meanwhile is followed together.
    async fn note_ends(&mut self, ends: &mut UnboundedReceiver<Ended>) {
        for _ in 0..ENDS_AT_ONCE {
            if self.is_away() {
                return;
            }
            let Ok(ended) = ends.try_recv() else { return };
            self.note_end(ended).await;
            self.keep_up().await;
        }
    }

    /// One look at the clock and what follows from it.
    async fn look(&mut self) {
        let now = self.clock.now();
        self.show_life();
        self.note_step(now);
        if self.may_ask().await {
            self.use_ledger(now).await;
            self.end_outage();
        }
        if self.is_open {
            self.check_promises(now);
        }
    }

    async fn use_ledger(&mut self, now: Timestamp) {
        if !self.is_open {
            self.is_open = self.open(now).await;
        }
        if self.is_open && self.forget_ahead(now).await {
            if self.tick(now).await && self.follow(now).await && !self.plan.is_due(now) {
                self.settle_doubts(now).await;
            }
            self.end_pauses(now).await;
        }
    }

    fn show_life(&self) {
        self.pulse.beat();
        (self.on_look)();
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
            self.plan.rebase(now);
            self.is_ahead = true;
            let _ = self.stepped_back.send(());
        }
    }

    /// After a step back: what the clock had made due too early and was not run is to come again.
    /// False while the ledger cannot be asked.
    async fn forget_ahead(&mut self, now: Timestamp) -> bool {
        if !self.is_ahead {
            return true;
        }
        let ledger = Arc::clone(&self.ledger);
        let forgotten = ledger.forget_after(now);
        let Ok(fires) = self.in_time("the fires of a wrong clock", forgotten).await else {
            return false;
        };
        if fires > 0 {
            events::RunForgotten { fires }.emit();
        }
        self.is_ahead = false;
        true
    }

    fn sleep(&mut self) -> Duration {
        if let Some(until) = self.until_try() {
            return until.min(self.longest_sleep);
        }
        if self.plan.look_ahead() || (self.is_open && !self.following.is_empty()) {
            return Duration::ZERO;
        }
        let Some(next) = self.plan.next_dispatch() else {
            return self.longest_sleep;
        };
        let until = next.duration_since(self.clock.now());
        Duration::try_from(until)
            .unwrap_or(Duration::ZERO)
            .min(self.longest_sleep)
    }
}
