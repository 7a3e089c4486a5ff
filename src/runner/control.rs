//! A hold on a run that is going on: to cancel it, and to see how far it is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::RunSpec;
use crate::domain::{RunOrigin, ScheduleId};

/// What the runner knows of a run while it goes on.
#[derive(Debug)]
pub(super) struct Control {
    run_id: i64,
    schedule: ScheduleId,
    scheduled_for: Timestamp,
    origin: RunOrigin,
    started_at: Timestamp,
    tasks_total: AtomicU32,
    tasks_done: AtomicU32,
    is_finishing: AtomicBool,
    stop: CancellationToken,
    reason: OnceLock<String>,
}

/// A run that is going on, as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Its row.
    pub run_id: i64,
    /// Whose it is.
    pub schedule: ScheduleId,
    /// The planned instant.
    pub scheduled_for: Timestamp,
    /// What made it due.
    pub origin: RunOrigin,
    /// When it began.
    pub started_at: Timestamp,
    /// Tasks it has.
    pub tasks_total: u32,
    /// Tasks that have ended.
    pub tasks_done: u32,
}

impl Control {
    pub(super) fn new(spec: &RunSpec, now: Timestamp) -> Self {
        Self {
            run_id: spec.run_id,
            schedule: spec.schedule.id.clone(),
            scheduled_for: spec.scheduled_for,
            origin: spec.origin,
            started_at: now,
            tasks_total: AtomicU32::new(u32::try_from(spec.symbols.len()).unwrap_or(u32::MAX)),
            tasks_done: AtomicU32::new(0),
            is_finishing: AtomicBool::new(false),
            stop: CancellationToken::new(),
            reason: OnceLock::new(),
        }
    }

    /// Asks the run to end; the first reason stands.
    pub(super) fn cancel(&self, reason: &str) {
        let _ = self.reason.set(reason.to_owned());
        self.stop.cancel();
    }

    /// Waits until somebody asks it to end.
    pub(super) async fn cancelled(&self) {
        self.stop.cancelled().await;
    }

    /// Why it was asked to end.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// Fewer symbols than its schedule names have something to do.
    pub(super) fn set_tasks_total(&self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.tasks_total.store(count, Ordering::Relaxed);
    }

    pub(super) fn set_tasks_done(&self, count: u32) {
        self.tasks_done.store(count, Ordering::Relaxed);
    }

    /// The tasks are done; only the end is still to be written.
    pub(super) fn set_finishing(&self) {
        self.is_finishing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_finishing(&self) -> bool {
        self.is_finishing.load(Ordering::Relaxed)
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            run_id: self.run_id,
            schedule: self.schedule.clone(),
            scheduled_for: self.scheduled_for,
            origin: self.origin,
            started_at: self.started_at,
            tasks_total: self.tasks_total.load(Ordering::Relaxed),
            tasks_done: self.tasks_done.load(Ordering::Relaxed),
        }
    }
}
