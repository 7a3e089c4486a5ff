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
    /// The process, or its control group, uses nine tenths of the memory it may (the group's limit, else the machine's).
    ResourceMemoryHigh {
        "resource.memory_high", "FS7003", WARN, "the memory limit is near",
        action: "Look at `finstage report`; lower the schedules' concurrency, or raise MemoryHigh of the unit.",
        opens: MEMORY_HIGH,
        "process.memory_bytes": process_memory_bytes: i64,
        "cgroup.memory_bytes": cgroup_memory_bytes: i64,
        "limit_bytes": limit_bytes: i64,
    }
    /// The process uses less than eight tenths of the memory it may again.
    ResourceMemoryNormal {
        "resource.memory_normal", "FS7004", INFO, "the memory limit is no longer near",
        action: "None.",
        closes: MEMORY_HIGH,
        "process.memory_bytes": process_memory_bytes: i64,
        "cgroup.memory_bytes": cgroup_memory_bytes: i64,
        "limit_bytes": limit_bytes: i64,
    }
    /// The process has four fifths of the files open that it may have.
    ResourceFilesHigh {
        "resource.fd_high", "FS7005", WARN, "the limit of open files is near",
        action: "Raise LimitNOFILE of the unit; if the number only grows, report it.",
        opens: FDS_HIGH,
        "process.open_fds": process_open_fds: i64,
        "limit": limit: i64,
    }
    /// The process has less than seven tenths of the files open that it may have again.
    ResourceFilesNormal {
        "resource.fd_normal", "FS7006", INFO, "the limit of open files is no longer near",
        action: "None.",
        closes: FDS_HIGH,
        "process.open_fds": process_open_fds: i64,
        "limit": limit: i64,
    }
    /// The disk of the database has less than 512 MiB left.
    ResourceDiskLow {
        "resource.disk_low", "FS7007", ERROR, "the disk of the database is nearly full",
        action: "Make room, or shorten [history] and run `finstage prune`. Fires are held when it is full.",
        opens: DISK_LOW,
        "disk.available_bytes": disk_available_bytes: i64,
        "disk.total_bytes": disk_total_bytes: i64,
    }
    /// The disk of the database has more than 768 MiB left again.
    ResourceDiskNormal {
        "resource.disk_normal", "FS7008", INFO, "the disk of the database has room again",
        action: "None.",
        closes: DISK_LOW,
        "disk.available_bytes": disk_available_bytes: i64,
        "disk.total_bytes": disk_total_bytes: i64,
    }
    /// The CPU limit of the control group held the process up in a quarter of the time since the last sample.
    ResourceCpuThrottled {
        "resource.cpu_throttled", "FS7010", WARN, "the CPU limit holds the process up",
        action: "Raise CPUQuota of the unit, or lower the schedules' concurrency, if runs begin late.",
        "cgroup.throttled_percent": throttled_percent: f64,
        "cgroup.cpu_limit_percent": limit_percent: f64,
    }
    /// The CPU limit of the control group holds the process up in less than a tenth of the time again.
    ResourceCpuFree {
        "resource.cpu_free", "FS7011", INFO, "the CPU limit no longer holds the process up",
        action: "None.",
        "cgroup.throttled_percent": throttled_percent: f64,
        "cgroup.cpu_limit_percent": limit_percent: f64,
    }
    /// The log's reader was too slow: lines were dropped, the least severe first.
    LogDropped {
        "log.dropped", "FS8001", WARN, "log lines were dropped: the reader is too slow",
        action: "Check the journal or whatever reads stderr.",
        tells: LOG_DROPPED,
        "lines": lines: u64,
    }
    /// The same line came again and again: those not written are counted here.
    LogRepeated<'a> {
        "log.repeated", "FS8002", WARN, "a line was repeated; repeats were not written",
        action: "Look at the first of them: its own action says what to do.",
        "repeated.event": repeated_event: &'a str,
        "repeated.code": repeated_code: &'a str,
        "lines": lines: u64,
    }
    /// The journal's socket is missing or refuses: lines go to stderr meanwhile, their fields are lost.
    LogJournalLost<'a> {
        "log.journal_lost", "FS8010", WARN, "the journal's socket cannot be used; lines go to stderr",
        action: "Check systemd-journald. Until it is mended, search the lines' text: -g FS4002, not FINSTAGE_CODE=FS4002.",
        "reason": reason: &'a str,
    }
    /// The journal's socket takes lines again, with their fields.
    LogJournalBack {
        "log.journal_back", "FS8011", INFO, "lines go to the journal's socket again",
        action: "None.",
        "lines": lines: u64,
    }
    /// A job panicked; the panic was contained and recorded.
    BugPanic<'a> {
        "bug.panic_contained", "FS9001", ERROR, "a panic was contained",
        action: "Please report it with this line.",
        tells: BUG,
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
