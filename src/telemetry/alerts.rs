//! The alerts by log lines; the events in `events/` say which of them open, close or tell one.

use super::alert::{Alert, Severity};
use Severity::{Critical, Notice, Warning};

/// Declares alerts, and the table of all.
macro_rules! alerts {
    ($(
        $name:ident {
            $rule:literal, $key:literal, $severity:ident, $subject:expr, $hold:literal,
            $summary:literal
        }
    )*) => {
        $(
            pub(super) static $name: Alert = Alert {
                name: $rule,
                key: $key,
                severity: $severity,
                subject: $subject,
                hold: $hold,
                summary: $summary,
            };
        )*

        /// Every alert that events take part in.
        pub static ALERTS: &[&Alert] = &[ $( &$name, )* ];
    };
}

alerts! {
    DAEMON_DEAD {
        "FinstageDaemonDead", "daemon_dead", Critical, None, "2m",
        "No sign of life from the daemon for more than three minutes"
    }
    DAEMON_CANNOT_START {
        "FinstageCannotStart", "cannot_start", Critical, None, "0m",
        "The daemon cannot start"
    }
    PLANNER_STALLED {
        "FinstagePlannerStalled", "planner_stalled", Critical, None, "0m",
        "The planner does not look at the clock; fires are late"
    }
    CONFIG_REJECTED {
        "FinstageReloadRejected", "reload_rejected", Warning, None, "0m",
        "The new configuration is not used; the one before it still is"
    }
    RUNS_FAIL {
        "FinstageRunsFail", "runs_fail", Warning, Some("schedule.name"), "1h",
        "The last run of {{ $labels.subject }} had failed tasks, and none has succeeded since"
    }
    RUNS_MISSED {
        "FinstageRunsMissed", "runs_missed", Warning, Some("schedule.name"), "0m",
        "Fires of {{ $labels.subject }} were missed and will not be run"
    }
    SCHEDULE_PAUSED {
        "FinstageSchedulePaused", "schedule_paused", Warning, Some("schedule.name"), "1d",
        "{{ $labels.subject }} has been paused for a day"
    }
    SCHEDULE_STALE {
        "FinstageScheduleStale", "schedule_stale", Critical, Some("schedule.name"), "0m",
        "No run of {{ $labels.subject }} has succeeded for longer than its promise allows"
    }
    UPSTREAM_BLOCKED {
        "FinstageUpstreamBlocked", "upstream_blocked", Warning, Some("provider"), "1m",
        "{{ $labels.subject }} refuses us; all requests to it wait"
    }
    UPSTREAM_UNUSABLE {
        "FinstageProviderUnusable", "provider_unusable", Warning, Some("provider"), "5m",
        "{{ $labels.subject }} is out of order; others are asked instead"
    }
    UPSTREAM_LOCKED {
        "FinstageUpstreamAuthFailed", "upstream_auth_failed", Warning, Some("provider"), "0m",
        "{{ $labels.subject }} does not let us in"
    }
    CACHE_LOST {
        "FinstageCacheLost", "cache_lost", Warning, Some("cache.backend"), "5m",
        "The shared cache {{ $labels.subject }} cannot be used; work goes on without it"
    }
    SYSTEMIC_GAP {
        "FinstageSystemicGap", "systemic_gap", Warning, Some("calendar"), "0m",
        "Many symbols of {{ $labels.subject }} lack the same session"
    }
    PRICE_ALERT {
        "FinstagePriceAlert", "price_alert", Notice, Some("task.symbol"), "0m",
        "{{ $labels.subject }}: {{ $labels.event }}"
    }
    SIGNAL {
        "FinstageSignal", "signal", Notice, Some("signal"), "0m",
        "{{ $labels.subject }}"
    }
    STORE_UNAVAILABLE {
        "FinstageStoreUnavailable", "store_unavailable", Critical, None, "0m",
        "The database cannot be used; fires are held"
    }
    STORE_MISPLACED {
        "FinstageStoreMisplaced", "store_misplaced", Critical, None, "0m",
        "The database file was moved or deleted under the daemon"
    }
    MEMORY_HIGH {
        "FinstageMemoryHigh", "memory_high", Warning, None, "5m",
        "The daemon nears its memory limit"
    }
    FDS_HIGH {
        "FinstageFilesHigh", "files_high", Warning, None, "5m",
        "The daemon nears its limit of open files"
    }
    DISK_LOW {
        "FinstageDiskLow", "disk_low", Critical, None, "0m",
        "The database's disk is nearly full"
    }
    LOG_DROPPED {
        "FinstageLogDropped", "log_dropped", Warning, None, "0m",
        "Log lines were dropped; other alerts may be incomplete"
    }
    BUG {
        "FinstageBug", "bug", Critical, None, "0m",
        "finstage has met a bug of its own"
    }
}
