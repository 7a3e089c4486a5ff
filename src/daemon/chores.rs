//! What the daemon does for itself, and when.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::assembly::Assembly;
use super::live::Live;
use crate::clock::{self, Clock};
use crate::config::{Config, HistorySettings};
use crate::monitor::Monitor;
use crate::scheduler::housekeeping::{Chore, Work};
use crate::store::Store;
use crate::telemetry::events;

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

/// The daemon's chores.
pub(super) fn chores(live: &Arc<Live>, monitor: &Arc<Monitor>) -> Vec<Chore> {
    let living = Arc::clone(live);
    // The watchdog is fed by planner and runtime, not from here.
    let heartbeat = move || {
        living.heart.beat(&living.signs());
        living.tell_changes();
    };
    let almanac = Arc::clone(live);
    let calendars = move || warn_of_ending_calendars(&almanac);
    let (monitor, durations) = (Arc::clone(monitor), Arc::clone(monitor));
    let sample = task(move || {
        let monitor = Arc::clone(&monitor);
        async move { monitor.sample().await }
    });
    let durations = task(move || {
        let monitor = Arc::clone(&durations);
        async move { monitor.write_durations().await }
    });
    vec![
        Chore {
            cron: "* * * * * *",
            work: Work::Quick(Arc::new(heartbeat)),
        },
        Chore {
            cron: "*/15 * * * * *",
            work: sample,
        },
        Chore {
            cron: "5 * * * * *",
            work: durations,
        },
        Chore {
            cron: "25 7 6 * * *",
            work: Work::Quick(Arc::new(calendars)),
        },
        Chore {
            // Few schedules fire at such a minute.
            cron: "35 47 * * * *",
            work: retention(Arc::clone(live)),
        },
    ]
}

/// Once a day: a daemon that runs for years says when a calendar ends.
fn warn_of_ending_calendars(live: &Live) {
    let config = live.loaded().config;
    for calendar in config.ending_calendars(live.clock.now()) {
        let end = calendar.valid_through();
        events::CalendarEnding {
            calendar: calendar.code(),
            valid_through: &end.map(|end| end.to_string()).unwrap_or_default(),
        }
        .emit();
    }
}

/// Work that waits.
fn task<F>(begin: impl Fn() -> F + Send + Sync + 'static) -> Work
where
    F: Future<Output = ()> + Send + 'static,
{
    Work::Task(Arc::new(
        move || -> Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(begin()) },
    ))
}

/// Removes what is older than `[history]` says. The chore's end, with that of housekeeping, ends
/// what is under way after the batch in hand: the database is closed soon after.
fn retention(live: Arc<Live>) -> Work {
    let stopping = CancellationToken::new();
    let chore = stopping.clone().drop_guard();
    task(move || {
        let _ends_with_the_chore = &chore;
        let (live, stopping) = (Arc::clone(&live), stopping.clone());
        async move {
            let history = live.loaded().config.history;
            prune(&live.store, &history, &live.clock, &stopping).await;
        }
    })
}

async fn prune(
    store: &Store,
    history: &HistorySettings,
    clock: &Clock,
    stopping: &CancellationToken,
) {
    let started = clock::monotonic();
    let go_on = || !stopping.is_cancelled();
    match store.prune(history, clock.now(), go_on).await {
        Ok(pruned) if pruned.is_empty() => {}
        Ok(pruned) => events::StorePruned {
            runs: pruned.runs,
            tasks: pruned.tasks,
            samples: pruned.samples,
            durations: pruned.durations,
            alerts: pruned.alerts,
            gaps: pruned.gaps,
            revisions: pruned.revisions,
            duration_ms: clock::elapsed_ms(started),
        }
        .emit(),
        Err(error) => {
            let reason = error.to_string();
            events::StoreRecordFailed {
                during: "the removal of old rows",
                reason: &reason,
            }
            .emit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::housekeeping::Housekeeping;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_a_chore_holds_is_let_go_when_housekeeping_stops() {
        let stopping = CancellationToken::new();
        let held = stopping.clone().drop_guard();
        let work = task(move || {
            let _ends_with_the_chore = &held;
            async {}
        });
        let chore = Chore {
            cron: "35 47 * * * *",
            work,
        };
        let housekeeping = Housekeeping::start(vec![chore]).await.unwrap();
        assert!(!stopping.is_cancelled());
        tokio::task::spawn_blocking(move || housekeeping.stop())
            .await
            .unwrap();
        assert!(
            stopping.is_cancelled(),
            "a long prune would never hear of it"
        );
    }
}
