//! Which runs of a schedule go on, and which wait for them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::RunSpec;
use super::control::{Control, Progress};
use crate::domain::ScheduleId;
use crate::store::RunEnd;

/// How a run joins the others of its schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It runs at once, whatever else does.
    Beside,
    /// It runs when nothing else of its schedule does, in order of admission.
    After,
    /// The others are cancelled; it runs when they have ended.
    Instead,
}

/// A run that may begin.
pub(super) struct Ready {
    pub(super) spec: RunSpec,
    pub(super) done: oneshot::Sender<RunEnd>,
}

/// What the slots want done about an admission.
#[derive(Default)]
pub(super) struct Moves {
    /// Begins now.
    pub(super) start: Option<Ready>,
    /// Waited, and shall not run any more; with the reason.
    pub(super) dropped: Vec<(Ready, String)>,
}

/// Where a run was that is to be cancelled.
pub(super) enum Found {
    Nowhere,
    /// It goes on, and was asked to end.
    Running,
    /// It waited, and does not any more.
    Waiting(Box<Ready>),
}

/// The runs of every schedule, by schedule.
#[derive(Default)]
pub(super) struct Slots {
    slots: HashMap<ScheduleId, Slot>,
    is_closed: bool,
}

#[derive(Default)]
struct Slot {
    running: BTreeMap<i64, Arc<Control>>,
    waiting: VecDeque<Ready>,
}

impl Slots {
    pub(super) fn admit(&mut self, ready: Ready, admission: Admission) -> Moves {
        let mut moves = Moves::default();
        if self.is_closed {
            moves.dropped.push((ready, STOPPED.to_owned()));
            return moves;
        }
        let slot = self
            .slots
            .entry(ready.spec.schedule.id.clone())
            .or_default();
        if admission == Admission::Instead {
            let reason = format!("replaced by the fire of {}", ready.spec.scheduled_for);
            for control in slot.running.values() {
                control.cancel(&reason);
            }
            let replaced = slot.waiting.drain(..);
            moves
                .dropped
                .extend(replaced.map(|ready| (ready, reason.clone())));
        }
        let is_idle = slot.running.is_empty() && slot.waiting.is_empty();
        if admission == Admission::Beside || is_idle {
            moves.start = Some(ready);
        } else {
            slot.waiting.push_back(ready);
        }
        moves
    }

    /// A run has begun.
    pub(super) fn enter(&mut self, schedule: &ScheduleId, run_id: i64, control: Arc<Control>) {
        let slot = self.slots.entry(schedule.clone()).or_default();
        slot.running.insert(run_id, control);
    }

    /// A run has ended: gives the one that begins now.
    pub(super) fn leave(&mut self, schedule: &ScheduleId, run_id: i64) -> Option<Ready> {
        let slot = self.slots.get_mut(schedule)?;
        slot.running.remove(&run_id);
        if !slot.running.is_empty() {
            return None;
        }
        let next = slot.waiting.pop_front();
        if next.is_none() {
            self.slots.remove(schedule);
        }
        next
    }

    /// Runs of a schedule that go on, and that wait.
    pub(super) fn count(&self, schedule: &ScheduleId) -> (usize, usize) {
        self.slots.get(schedule).map_or((0, 0), |slot| {
            let running = slot.running.values().filter(|run| !run.is_finishing());
            (running.count(), slot.waiting.len())
        })
    }

    /// All runs that go on, and how many wait.
    pub(super) fn totals(&self) -> (usize, usize) {
        let slots = self.slots.values();
        slots.fold((0, 0), |(running, waiting), slot| {
            (running + slot.running.len(), waiting + slot.waiting.len())
        })
    }

    /// The numbers of all runs that go on or wait.
    pub(super) fn held(&self) -> HashSet<i64> {
        let slots = self.slots.values();
        let held = slots.flat_map(|slot| {
            let waiting = slot.waiting.iter().map(|ready| ready.spec.run_id);
            slot.running.keys().copied().chain(waiting)
        });
        held.collect()
    }

    /// All runs that go on, in order of their numbers.
    pub(super) fn progress(&self) -> Vec<Progress> {
        let running = self.slots.values().flat_map(|slot| slot.running.values());
        let mut progress: Vec<Progress> = running.map(|control| control.progress()).collect();
        progress.sort_by_key(|progress| progress.run_id);
        progress
    }

    /// Cancels the run of that number, wherever it is.
    pub(super) fn cancel(&mut self, run_id: i64, reason: &str) -> Found {
        for slot in self.slots.values_mut() {
            if let Some(control) = slot.running.get(&run_id) {
                control.cancel(reason);
                return Found::Running;
            }
            let place = slot
                .waiting
                .iter()
                .position(|ready| ready.spec.run_id == run_id);
            if let Some(ready) = place.and_then(|place| slot.waiting.remove(place)) {
                return Found::Waiting(Box::new(ready));
            }
        }
        Found::Nowhere
    }

    /// No run begins any more: gives those that waited.
    pub(super) fn close(&mut self) -> Vec<(Ready, String)> {
        self.is_closed = true;
        let waiting = self
            .slots
            .values_mut()
            .flat_map(|slot| slot.waiting.drain(..));
        let mut dropped: Vec<_> = waiting.map(|ready| (ready, STOPPED.to_owned())).collect();
        dropped.sort_by_key(|(ready, _)| ready.spec.run_id);
        dropped
    }
}

const STOPPED: &str = "the daemon stopped before it began";
