//! What the daemon does for itself, and when.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::assembly::Assembly;
use super::notify;
use crate::clock::Clock;
use crate::config::Config;
use crate::monitor::Monitor;
use crate::scheduler::housekeeping::Chore;
use crate::telemetry::events;

/// Every how many seconds the log shows a sign of life.
const HEARTBEAT_LOG_S: u64 = 60;

/// The planner looks at the clock every second; after this long it counts as stalled.
const PLANNER_STALL_MS: i64 = 5_000;

/// The chores of a daemon that plans `schedules` schedules.
pub(super) fn chores(
    assembly: &Assembly,
    config: &Config,
    clock: Clock,
    planner_look: Arc<AtomicI64>,
    schedules: u64,
) -> Vec<Chore> {
    let store = assembly.services.store.clone();
    let data_directory = config
        .store
        .url
        .sqlite_path()
        .and_then(|path| path.parent().map(PathBuf::from))
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or_else(|| PathBuf::from("."));
    let meter = assembly.services.meter.clone();
    let monitor = Arc::new(Monitor::new(
        store,
        meter,
        clock.clone(),
        assembly.epoch,
        data_directory,
    ));
    let runner = assembly.runner.clone();
    let beats = Arc::new(AtomicU64::new(0));
    vec![
        Chore {
            cron: "* * * * * *",
            work: Arc::new(move || {
                let age_ms = clock.now().as_millisecond() - planner_look.load(Ordering::Relaxed);
                let beat = beats.fetch_add(1, Ordering::Relaxed) + 1;
                let runs = runner.active_runs();
                Box::pin(async move { heartbeat(age_ms, beat, runs, schedules) })
            }),
        },
        Chore {
            cron: "*/15 * * * * *",
            work: Arc::new(move || {
                let monitor = Arc::clone(&monitor);
                Box::pin(async move { monitor.sample().await })
            }),
        },
    ]
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
