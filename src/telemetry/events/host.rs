//! The machine, the log, bugs and foreign messages.

use crate::telemetry::catalogue::events;

events! {
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
