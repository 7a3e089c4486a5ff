//! The daemon itself.

use crate::telemetry::catalogue::events;

events! {
    /// The process began; nothing is open yet.
    DaemonStarted<'a> {
        "daemon.started", "FS1001", INFO, "starting",
        action: "None.",
        begins: DAEMON_DEAD,
        "version": version: &'a str,
        "pid": pid: u32,
        "config.file": config_file: &'a str,
    }
    /// Configuration, schedules, store and upstream are in order; fires are being served.
    DaemonReady<'a> {
        "daemon.ready", "FS1002", INFO, "ready",
        action: "None.",
        beats: DAEMON_DEAD,
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
        beats: DAEMON_DEAD,
        "runs": runs: u64,
        "schedules": schedules: u64,
        "planner.age_ms": planner_age_ms: i64,
        "runtime.latency_ms": runtime_ms: i64,
    }
    /// The previous daemon died without closing its records; lines that follow tell of each run.
    DaemonUncleanExit {
        "daemon.unclean_previous_exit", "FS1007", WARN, "the previous daemon died; its runs are taken up or abandoned",
        action: "Look at the end of the previous log and at `finstage runs`.",
        "runs": runs: u64,
    }
    /// The planner thread did not look at the clock in time, or the runtime did not do in time what is due.
    DaemonLoopStalled {
        "daemon.loop_stalled", "FS1008", ERROR, "the planner or the runtime does not go on",
        action: "The machine is overloaded, suspended, or the database hangs: look at the lines before.",
        tells: PLANNER_STALLED,
        "planner.age_ms": planner_age_ms: i64,
        "runtime.latency_ms": runtime_ms: i64,
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
        tells: DAEMON_CANNOT_START,
        "reason": reason: &'a str,
    }
    /// The control socket cannot be made: verbs that change a running daemon do not reach it.
    DaemonNoControl<'a> {
        "daemon.no_control", "FS1013", WARN, "no control socket",
        action: "Make the place writable or name another: [daemon] socket.",
        "socket": socket: &'a str,
        "reason": reason: &'a str,
    }
    /// The daemon that served last did not end in order: killed, out of memory, or the power went.
    DaemonDiedBefore<'a> {
        "daemon.died_before", "FS1014", WARN, "the daemon before this one did not end in order",
        action: "Look at the end of the previous log and, for a kill by the kernel, at `journalctl -k`. Nothing needs to be repaired.",
        "pid": pid: u32,
        "served_at": served_at: &'a str,
    }
    /// The address for watchers cannot be taken: nobody sees metrics, all else goes on.
    DaemonNoHttp<'a> {
        "daemon.no_http", "FS1020", WARN, "no metrics over HTTP",
        action: "Free the address or name another: [daemon] http. Then restart.",
        "listen": listen: &'a str,
        "reason": reason: &'a str,
    }
    /// The daemon can be watched over HTTP.
    DaemonWatchable<'a> {
        "daemon.watchable", "FS1021", INFO, "metrics over HTTP",
        action: "None.",
        "listen": listen: &'a str,
    }
}
