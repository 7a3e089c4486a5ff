//! Schedules: pauses, promises, heartbeats.

use crate::telemetry::catalogue::events;

events! {
    /// A schedule was paused, by a person or after too many failures in a row.
    SchedulePaused<'a> {
        "schedule.paused", "FS3201", WARN, "schedule paused",
        action: "Mend the cause, then `finstage resume`.",
        opens: SCHEDULE_PAUSED,
        "schedule.name": schedule: &'a str,
        "by": by: &'a str,
        "until": until: &'a str,
        "note": note: &'a str,
    }
    /// A pause has ended.
    ScheduleResumed<'a> {
        "schedule.resumed", "FS3202", INFO, "schedule resumed",
        action: "None.",
        closes: SCHEDULE_PAUSED,
        "schedule.name": schedule: &'a str,
    }
    /// No run has succeeded for longer than the schedule's promise (`sla.max_time_since_success`) allows.
    ScheduleStale<'a> {
        "schedule.stale", "FS3203", ERROR, "no run has succeeded for too long",
        action: "`finstage runs NAME` and `finstage why NAME` tell what became of its fires.",
        opens: SCHEDULE_STALE,
        "schedule.name": schedule: &'a str,
        "last_success": last_success: &'a str,
        "limit_ms": limit_ms: u64,
    }
    /// A stale schedule has succeeded again.
    ScheduleFresh<'a> {
        "schedule.fresh", "FS3204", INFO, "a run has succeeded again",
        action: "None.",
        closes: SCHEDULE_STALE,
        "schedule.name": schedule: &'a str,
    }
    /// The schedule's `heartbeat_url` did not hear of a run.
    HeartbeatFailed<'a> {
        "heartbeat.failed", "FS3301", WARN, "the heartbeat address was not reached",
        action: "Check heartbeat_url and the way to it; the run itself is not affected.",
        "schedule.name": schedule: &'a str,
        "ping": ping: &'a str,
        "reason": reason: &'a str,
    }
}
