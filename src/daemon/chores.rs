//! What the daemon does for itself, and when.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::time::Instant;

use super::assembly::Assembly;
use super::notify;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::monitor::Monitor;
use crate::scheduler::Pulse;
use crate::scheduler::housekeeping::{Chore, Work};
use crate::telemetry::events;

/// Every how many seconds the log shows a sign of life.
const HEARTBEAT_LOG_S: u64 = 60;

/// The planner looks at the clock every five seconds; after this long it counts as stalled.
const PLANNER_STALL_MS: i64 = 15_000;

/// Wall and monotonic clock may drift apart this much between two heartbeats.
const STEP_TOLERANCE_MS: i64 = 500;

/// The monitor of this process; the free space that matters is the database's.
pub(super) fn monitor(assembly: &Assembly, config: &Config, clock: &Clock) -> Arc<Monitor> {
    let data_directory = config
        .store
        .url
        .sqlite_path()
        .and_then(|path| path.parent().map(PathBuf::from))
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or_else(|| PathBuf::from("."));
    let (store, meter) = (
        assembly.services.store.clone(),
        assembly.services.meter.clone(),
    );
    Arc::new(Monitor::new(
        store,
        meter,
        clock.clone(),
        assembly.epoch,
        data_directory,
    ))
}

/// The chores of a daemon that plans `schedules` schedules.
pub(super) fn chores(
    assembly: &Assembly,
    monitor: Arc<Monitor>,
    clock: Clock,
    planner: Pulse,
    schedules: u64,
) -> Vec<Chore> {
    let runner = assembly.runner.clone();
    let beats = AtomicU64::new(0);
    let steps = StepWatch::new(&clock);
    let heartbeat = move || {
        let now = clock.now();
        if let Some(step_ms) = steps.step(now) {
            events::DaemonClockStepped { step_ms }.emit();
            planner.wake();
        }
        let age_ms = planner.age_ms(now);
        let beat = beats.fetch_add(1, Ordering::Relaxed) + 1;
        heartbeat(age_ms, beat, runner.active_runs(), schedules);
    };
    let sample = move || -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        let monitor = Arc::clone(&monitor);
        Box::pin(async move { monitor.sample().await })
    };
    vec![
        Chore {
            cron: "* * * * * *",
            work: Work::Quick(Arc::new(heartbeat)),
        },
        Chore {
            cron: "*/15 * * * * *",
            work: Work::Task(Arc::new(sample)),
        },
    ]
}

/// Notices when the wall clock moves against the monotonic one: a step, or a suspended machine.
struct StepWatch(Mutex<(Timestamp, Instant)>);

impl StepWatch {
    fn new(clock: &Clock) -> Self {
        Self(Mutex::new((clock.now(), clock::monotonic())))
    }

    /// How far the wall clock was stepped since the last call, if it was.
    fn step(&self, now: Timestamp) -> Option<i64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = now.as_millisecond() - last.0.as_millisecond();
        let step_ms = wall - clock::elapsed_ms(last.1);
        *last = (now, clock::monotonic());
        (step_ms.abs() > STEP_TOLERANCE_MS).then_some(step_ms)
    }
}

/// Once a second: only a planner that looks at the clock keeps the watchdog quiet.
fn heartbeat(planner_age_ms: i64, beat: u64, runs: u64, schedules: u64) {
    if planner_age_ms <= PLANNER_STALL_MS {
        notify::alive();
    } else if beat.is_multiple_of(HEARTBEAT_LOG_S / 6) {
        events::DaemonLoopStalled { planner_age_ms }.emit();
    }
    if beat.is_multiple_of(HEARTBEAT_LOG_S) {
        events::DaemonHeartbeat {
            runs,
            schedules,
            planner_age_ms,
        }
        .emit();
    }
}
