//! The catalogue: every line the daemon can log, what it means and what to do about it.
//!
//! Codes: FS10 daemon · FS20 configuration · FS30 runs · FS40 upstream · FS50 data · FS60 store ·
//! FS70 resources · FS80 log · FS90 bugs and foreign messages. A code is never reused.

use super::catalogue::events;

events! {
    /// The process began; nothing is open yet.
    DaemonStarted<'a> {
        "daemon.started", "FS1001", INFO, "starting",
        action: "None.",
        "version": version: &'a str,
        "pid": pid: u32,
        "config.file": config_file: &'a str,
    }
    /// Configuration, schedules, store and upstream are in order; fires are being served.
    DaemonReady<'a> {
        "daemon.ready", "FS1002", INFO, "ready",
        action: "None.",
        "daemon.epoch": epoch: i64,
        "schedules": schedules: u64,
        "store.backend": store_backend: &'a str,
        "upstream.base_url": base_url: &'a str,
        "startup_ms": startup_ms: i64,
    }
    /// A signal asked the daemon to stop: no new fires, running runs may finish within the drain.
    DaemonStopping<'a> {
        "daemon.stopping", "FS1003", INFO, "stopping: draining the runs in flight",
        action: "None. A second signal aborts at once.",
        "signal": signal: &'a str,
        "runs": runs: u64,
        "drain_ms": drain_ms: u64,
    }
    /// The drain's deadline passed, or a second signal came: runs in flight are aborted.
    DaemonAborting {
        "daemon.aborting", "FS1004", WARN, "aborting the runs that did not finish",
        action: "If this is frequent, raise [daemon] drain or lower the schedules' timeout.",
        "runs": runs: u64,
    }
    /// The last line of an orderly stop: every record is closed.
    DaemonStopped {
        "daemon.stopped", "FS1005", INFO, "stopped",
        action: "None.",
        "uptime_ms": uptime_ms: i64,
    }
    /// Once a minute: the scheduler is alive. Alert on its absence.
    DaemonHeartbeat {
        "daemon.heartbeat", "FS1006", INFO, "alive",
        action: "None. Alert when it is missing for three minutes.",
        "runs": runs: u64,
        "schedules": schedules: u64,
        "planner.age_ms": planner_age_ms: i64,
    }
    /// The previous daemon died without closing its records; they are now `abandoned`.
    DaemonUncleanExit {
        "daemon.unclean_previous_exit", "FS1007", WARN, "the previous daemon died; its runs are abandoned",
        action: "Look at the end of the previous log and at `finstage runs`.",
        "runs": runs: u64,
    }
    /// The planner thread did not look at the clock in time.
    DaemonLoopStalled {
        "daemon.loop_stalled", "FS1008", ERROR, "the planner has not looked at the clock in time",
        action: "The machine is overloaded, suspended, or the database hangs: look at the lines before.",
        "planner.age_ms": planner_age_ms: i64,
    }
    /// The wall clock moved against the monotonic clock.
    DaemonClockStepped {
        "daemon.clock_stepped", "FS1009", WARN, "the wall clock was stepped or the machine was suspended",
        action: "Check time synchronisation. Fires are kept exact by the ledger.",
        "step_ms": step_ms: i64,
    }
    /// The built-in simulated upstream answers instead of the real one.
    SimulatorStarted<'a> {
        "simulator.started", "FS1010", INFO, "prices are simulated",
        action: "None in a demonstration. Never point production at it.",
        "upstream.base_url": base_url: &'a str,
    }
    /// Another process writes to the same database; each keeps its own pace towards the upstream.
    DaemonNotAlone {
        "daemon.not_alone", "FS1011", WARN, "another process uses this database",
        action: "Run one daemon a database; a verb such as backfill beside it is fine.",
        "processes": processes: u64,
    }
    /// The daemon cannot start.
    DaemonStartFailed<'a> {
        "daemon.start_failed", "FS1012", ERROR, "cannot start",
        action: "Mend the cause named; systemd tries again unless the exit code is 78.",
        "reason": reason: &'a str,
    }
    /// schedules.toml was read and is in order.
    ConfigLoaded<'a> {
        "config.loaded", "FS2001", INFO, "configuration loaded",
        action: "None.",
        "config.file": config_file: &'a str,
        "schedules": schedules: u64,
        "symbols": symbols: u64,
    }
    /// schedules.toml has a problem; the daemon did not start.
    ConfigProblem<'a> {
        "config.problem", "FS2002", ERROR, "configuration problem",
        action: "Mend the place named; `finstage validate` shows every problem at once.",
        "place": place: &'a str,
        "problem": problem: &'a str,
        "hint": hint: &'a str,
    }
    /// schedules.toml is usable, but something in it is probably not meant.
    ConfigLint<'a> {
        "config.lint", "FS2003", WARN, "doubtful configuration",
        action: "Read the hint; `finstage validate` shows all of them.",
        "place": place: &'a str,
        "problem": problem: &'a str,
        "hint": hint: &'a str,
    }
    /// A fire was claimed and its tasks are being dispatched.
    RunStarted<'a> {
        "run.started", "FS3001", DEBUG, "run started",
        action: "None.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "job": job: &'a str,
        "trigger": trigger: &'a str,
        "scheduled_for": scheduled_for: &'a str,
        "lateness_ms": lateness_ms: i64,
        "tasks.total": tasks_total: u64,
    }
    /// Every task of the run succeeded.
    RunFinished<'a> {
        "run.finished", "FS3002", INFO, "run finished",
        action: "None.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "job": job: &'a str,
        "tasks.total": tasks_total: u64,
        "rows.written": rows_written: u64,
        "rows.rejected": rows_rejected: u64,
        "calls": calls: u64,
        "retries": retries: u64,
        "lateness_ms": lateness_ms: i64,
        "duration_ms": duration_ms: i64,
    }
    /// Some or all tasks of the run failed.
    RunFailed<'a> {
        "run.failed", "FS3003", WARN, "run finished with failed tasks",
        action: "`finstage runs --tasks ID` lists each failed symbol with its class.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "job": job: &'a str,
        "state": state: &'a str,
        "tasks.total": tasks_total: u64,
        "tasks.failed": tasks_failed: u64,
        "classes": classes: &'a str,
        "first_failure": first_failure: &'a str,
        "calls": calls: u64,
        "retries": retries: u64,
        "duration_ms": duration_ms: i64,
    }
    /// The run reached its timeout; what was not done is recorded as such.
    RunTimedOut<'a> {
        "run.timed_out", "FS3004", ERROR, "run timed out",
        action: "Raise the schedule's timeout or max_rps, or give it fewer symbols.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "tasks.total": tasks_total: u64,
        "tasks.failed": tasks_failed: u64,
        "duration_ms": duration_ms: i64,
    }
    /// A shutdown ended the run before it was done.
    RunCancelled<'a> {
        "run.cancelled", "FS3005", WARN, "run cancelled by shutdown",
        action: "None; tasks are repeatable and the next run does what is missing.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "tasks.total": tasks_total: u64,
        "tasks.failed": tasks_failed: u64,
        "duration_ms": duration_ms: i64,
    }
    /// A fire came while the previous run was still going, and the policy is to skip it.
    RunSkippedOverlap<'a> {
        "run.skipped_overlap", "FS3006", WARN, "fire skipped: the previous run is still going",
        action: "The schedule is denser than its runs are long: space it out or speed it up.",
        "schedule.name": schedule: &'a str,
        "scheduled_for": scheduled_for: &'a str,
    }
    /// Fires were due while nobody could run them; the policy does not run them late.
    RunMissed<'a> {
        "run.missed", "FS3007", WARN, "fires missed",
        action: "Find out why the daemon was not there: `finstage runs --state missed`.",
        "schedule.name": schedule: &'a str,
        "fires": fires: u64,
        "first": first: &'a str,
        "last": last: &'a str,
        "older_unlisted": older_unlisted: bool,
    }
    /// A fire that was due before this start, or during an outage of the database, runs now.
    RunCaughtUp<'a> {
        "run.caught_up", "FS3008", INFO, "fire caught up",
        action: "None after a start. Otherwise look for a suspended machine or a database outage.",
        "schedule.name": schedule: &'a str,
        "scheduled_for": scheduled_for: &'a str,
        "lateness_ms": lateness_ms: i64,
    }
    /// One symbol's task failed; the run goes on.
    TaskFailed<'a> {
        "task.failed", "FS3101", DEBUG, "task failed",
        action: "None by itself; the run's summary counts it.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "task.symbol": symbol: &'a str,
        "class": class: &'a str,
        "reason": reason: &'a str,
    }
    /// A request failed in a way that is worth another try.
    UpstreamRetried<'a> {
        "upstream.retried", "FS4001", DEBUG, "request failed, will be repeated",
        action: "None by itself; rising numbers mean the upstream is unwell.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "attempt": attempt: u64,
        "delay_ms": delay_ms: u64,
        "reason": reason: &'a str,
    }
    /// The upstream refuses our address for a while: all requests to it wait.
    UpstreamCooldownOpened<'a> {
        "upstream.cooldown_opened", "FS4002", WARN, "the upstream refuses us; all requests wait",
        action: "Lower [upstream.NAME] max_rps if this repeats.",
        "provider": provider: &'a str,
        "cause": cause: &'a str,
        "cooldown_ms": cooldown_ms: u64,
    }
    /// The upstream answers again.
    UpstreamCooldownClosed<'a> {
        "upstream.cooldown_closed", "FS4003", INFO, "the upstream answers again",
        action: "None.",
        "provider": provider: &'a str,
    }
    /// An answer was larger than the cap and was dropped.
    UpstreamBodyTooLarge<'a> {
        "upstream.body_too_large", "FS4004", WARN, "answer larger than the cap, dropped",
        action: "None unless it repeats; then ask for a shorter window.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "cap_bytes": cap_bytes: u64,
    }
    /// Rows of an answer broke a validation rule and were not stored.
    DataRowsRejected<'a> {
        "data.rows_rejected", "FS5001", DEBUG, "rows broke a validation rule and were not stored",
        action: "Look at the symbol at the provider; stored good rows are untouched.",
        "provider": provider: &'a str,
        "task.symbol": symbol: &'a str,
        "rows": rows: u64,
        "first_date": first_date: &'a str,
        "first_reason": first_reason: &'a str,
    }
    /// The upstream restated a series (a split); the whole series is fetched again.
    DataRestated<'a> {
        "data.restated", "FS5002", INFO, "series restated by the upstream, fetched again",
        action: "None.",
        "task.symbol": symbol: &'a str,
        "reason": reason: &'a str,
    }
    /// The schema was brought up to date.
    StoreMigrated {
        "store.migration_applied", "FS6001", INFO, "database schema brought up to date",
        action: "None.",
        "migrations": migrations: u64,
    }
    /// The database did not answer or refused a statement.
    StoreUnavailable<'a> {
        "store.unavailable", "FS6002", ERROR, "the database cannot be used; fires are held",
        action: "Check disk space, permissions and the database server. Fires are caught up when it is back.",
        "during": during: &'a str,
        "reason": reason: &'a str,
    }
    /// The database answers again.
    StoreRecovered {
        "store.recovered", "FS6003", INFO, "the database answers again",
        action: "None.",
        "outage_ms": outage_ms: i64,
    }
    /// The database file was deleted or moved while it was in use: what is written is lost.
    StoreMisplaced<'a> {
        "store.misplaced", "FS6004", ERROR, "the database file was moved or deleted under the daemon",
        action: "Put it back or restart the daemon; stop it before touching the file.",
        "store": store: &'a str,
    }
    /// Rows older than `[history]` says were removed.
    StorePruned {
        "store.pruned", "FS6005", INFO, "rows older than [history] says were removed",
        action: "None.",
        "runs": runs: u64,
        "tasks": tasks: u64,
        "samples": samples: u64,
        "durations": durations: u64,
        "duration_ms": duration_ms: i64,
    }
    /// What the process and the machine use right now.
    ResourceSampled {
        "resource.sampled", "FS7001", DEBUG, "resource sample",
        action: "None.",
        "process.cpu_percent": process_cpu_percent: f64,
        "process.memory_bytes": process_memory_bytes: i64,
        "process.open_fds": process_open_fds: i64,
        "host.cpu_percent": host_cpu_percent: f64,
        "host.memory_used_bytes": host_memory_used_bytes: i64,
    }
    /// Resources could not be read; the next sample tries again.
    ResourceUnreadable<'a> {
        "resource.unreadable", "FS7002", WARN, "resource sample failed",
        action: "Check that /proc is mounted and not hidden (ProcSubset).",
        "reason": reason: &'a str,
    }
    /// The log's reader was too slow: lines were dropped, the least severe first.
    LogDropped {
        "log.dropped", "FS8001", WARN, "log lines were dropped: the reader is too slow",
        action: "Check the journal or whatever reads stderr.",
        "lines": lines: u64,
    }
    /// A job panicked; the panic was contained and recorded.
    BugPanic<'a> {
        "bug.panic_contained", "FS9001", ERROR, "a panic was contained",
        action: "Please report it with this line.",
        "where": place: &'a str,
        "reason": reason: &'a str,
    }
    /// A library logged a warning or an error of its own.
    DependencyMessage<'a> {
        "dependency.message", "FS9003", WARN, "message from a library",
        action: "Read it; the level is the library's own.",
        "target": target: &'a str,
        "text": text: &'a str,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CATALOGUE;

    #[test]
    fn codes_and_names_are_unique_and_in_order() {
        let codes: Vec<_> = CATALOGUE.iter().map(|event| event.code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
        let names: BTreeSet<_> = CATALOGUE.iter().map(|event| event.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
    }

    #[test]
    fn every_event_says_what_it_means_and_what_to_do() {
        for event in CATALOGUE {
            assert!(
                event.code.starts_with("FS") && event.code.len() == 6,
                "{}",
                event.code
            );
            assert!(
                event.meaning.trim().ends_with('.'),
                "{}: meaning",
                event.name
            );
            assert!(event.action.ends_with('.'), "{}: action", event.name);
            assert!(event.name.contains('.'), "{}", event.name);
            for field in event.fields {
                assert!(
                    !["ts", "level", "event", "code", "msg", "action"].contains(field),
                    "{field}"
                );
            }
        }
    }
}
