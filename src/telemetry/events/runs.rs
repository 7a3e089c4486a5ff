//! Runs and their tasks.

use crate::telemetry::catalogue::events;

events! {
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
        closes: RUNS_FAIL,
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
        "process.cpu_ms": cpu_ms: Option<i64>,
        "process.memory_peak_bytes": memory_peak_bytes: Option<i64>,
    }
    /// Some or all tasks of the run failed.
    RunFailed<'a> {
        "run.failed", "FS3003", WARN, "run finished with failed tasks",
        action: "`finstage runs --tasks ID` lists each failed symbol with its class.",
        opens: RUNS_FAIL,
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
        "process.cpu_ms": cpu_ms: Option<i64>,
        "process.memory_peak_bytes": memory_peak_bytes: Option<i64>,
    }
    /// The run reached its timeout; what was not done is recorded as such.
    RunTimedOut<'a> {
        "run.timed_out", "FS3004", ERROR, "run timed out",
        action: "Raise the schedule's timeout or max_rps, or give it fewer symbols.",
        opens: RUNS_FAIL,
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "tasks.total": tasks_total: u64,
        "tasks.failed": tasks_failed: u64,
        "duration_ms": duration_ms: i64,
    }
    /// A shutdown, an operator or a newer fire ended the run before it was done.
    RunCancelled<'a> {
        "run.cancelled", "FS3005", WARN, "run cancelled",
        action: "The next fire does what is missing; `finstage retry` does it now.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "reason": reason: &'a str,
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
        tells: RUNS_MISSED,
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
    /// A run that a dead daemon left open is taken up again: tasks that have ended are not repeated.
    RunResumed<'a> {
        "run.resumed", "FS3009", INFO, "interrupted run resumed",
        action: "None.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "scheduled_for": scheduled_for: &'a str,
    }
    /// A run that a dead daemon left open is closed and not taken up again.
    RunAbandoned<'a> {
        "run.abandoned", "FS3010", WARN, "interrupted run abandoned",
        action: "None when a newer fire runs for it; else `finstage retry` or `finstage trigger`.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "scheduled_for": scheduled_for: &'a str,
        "reason": reason: &'a str,
    }
    /// A run began later than the schedule's promise (`sla.late_after`) allows.
    RunLate<'a> {
        "run.late", "FS3011", WARN, "run began late",
        action: "Look for an outage of the database, a suspended machine, or runs it had to wait for.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "scheduled_for": scheduled_for: &'a str,
        "lateness_ms": lateness_ms: i64,
        "limit_ms": limit_ms: i64,
    }
    /// A run goes on for longer than the schedule's promise (`sla.max_runtime`) allows.
    RunSlow<'a> {
        "run.slow", "FS3012", WARN, "run takes longer than promised",
        action: "Look at the upstream's cool-downs and at `finstage report`; `finstage cancel` ends it.",
        "run.id": run_id: i64,
        "schedule.name": schedule: &'a str,
        "limit_ms": limit_ms: u64,
        "tasks.total": tasks_total: u64,
        "tasks.done": tasks_done: u64,
    }
    /// A fire was recorded and not run: its schedule is paused, or its market is closed.
    RunWithheld<'a> {
        "run.withheld", "FS3013", DEBUG, "fire not run",
        action: "None.",
        "schedule.name": schedule: &'a str,
        "scheduled_for": scheduled_for: &'a str,
        "state": state: &'a str,
        "reason": reason: &'a str,
    }
    /// The wall clock had run ahead; fires it made due too early and that were not run come again.
    RunForgotten {
        "run.forgotten", "FS3014", WARN, "fires of a clock that ran ahead are planned again",
        action: "Check time synchronisation.",
        "fires": fires: u64,
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
}
