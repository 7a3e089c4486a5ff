//! What the daemon does for itself, and when.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::assembly::Assembly;
use crate::clock::Clock;
use crate::config::Config;
use crate::monitor::Monitor;
use crate::scheduler::Pulse;
use crate::scheduler::housekeeping::{Chore, Work};
use crate::telemetry::events;

/// Every how many seconds the log shows a sign of life.
const HEARTBEAT_LOG_S: u64 = 60;

/// The planner looks at the clock every two seconds; after this long it counts as stalled.
const PLANNER_STALL_MS: i64 = 10_000;

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
    planner: Pulse,
    schedules: u64,
) -> Vec<Chore> {
    let runner = assembly.runner.clone();
    let beats = AtomicU64::new(0);
    let heartbeat = move || {
        let age_ms = planner.age_ms();
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

/// Once a second: says when the planner has not looked at the clock, and once a minute that it has.
/// The watchdog is fed by the planner itself.
fn heartbeat(planner_age_ms: i64, beat: u64, runs: u64, schedules: u64) {
    if planner_age_ms > PLANNER_STALL_MS && beat.is_multiple_of(HEARTBEAT_LOG_S / 6) {
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
