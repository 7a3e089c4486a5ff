//! The report as tables on a terminal.

use super::{Quota, Report};
use crate::cli::output;
use crate::store::reports::{
    DurationReport, FaultReport, ProcessReport, ScheduleReport, SymbolReport,
};

/// Characters of a message that are shown.
const MESSAGE: usize = 80;

pub(super) fn show(report: &Report) {
    let (since, until) = (output::utc(report.since), output::utc(report.until));
    output::print(&format!("from {since} to {until}\n"));
    if report.schedules.is_empty() {
        output::print("no runs in this time");
    } else {
        output::print(&schedules(&report.schedules));
    }
    let mut more = Vec::new();
    if !report.slowest_symbols.is_empty() {
        more.push(symbols(&report.slowest_symbols));
    }
    if !report.faults.is_empty() {
        more.push(faults(&report.faults));
    }
    if !report.upstreams.is_empty() {
        more.push(upstreams(&report.upstreams));
    }
    more.push(process(&report.process));
    if !report.durations.is_empty() {
        more.push(durations(&report.durations));
    }
    for table in more {
        output::print(&format!("\n{table}"));
    }
}

fn schedules(rows: &[ScheduleReport]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.schedule.clone(),
            row.runs.to_string(),
            row.success_percent
                .map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1}%")),
            row.not_run.to_string(),
            output::duration_or_dash(row.duration_p50_ms),
            output::duration_or_dash(row.duration_p95_ms),
            output::duration_or_dash(row.duration_max_ms),
            output::duration_or_dash(row.lateness_p95_ms),
            output::duration_or_dash(row.lateness_max_ms),
            row.calls.to_string(),
            row.retries.to_string(),
            row.rate_limited.to_string(),
            row.rows_written.to_string(),
            output::duration_or_dash(row.cpu_mean_ms),
            row.memory_peak_bytes
                .map_or_else(|| "-".to_owned(), output::bytes),
        ]
    });
    let head = [
        "schedule", "runs", "success", "not run", "p50", "p95", "max", "late p95", "late max",
        "calls", "retries", "429", "rows", "cpu", "memory",
    ];
    output::table(&head, &head[1..], cells.collect())
}

fn process(report: &ProcessReport) -> String {
    if report.samples == 0 {
        return "no resource samples in this time (the daemon takes one every 15 s)".to_owned();
    }
    let row = |name: &str, mean: String, max: String| vec![name.to_owned(), mean, max];
    let percent = |value: f64| format!("{value:.1}%");
    let rows = vec![
        row(
            "process cpu",
            percent(report.cpu_mean_percent),
            percent(report.cpu_max_percent),
        ),
        row(
            "process memory",
            output::bytes(report.memory_mean_bytes),
            output::bytes(report.memory_max_bytes),
        ),
        row(
            "control group",
            report.cgroup_memory_limit_bytes.map_or_else(
                || "no limit".to_owned(),
                |limit| format!("limit {}", output::bytes(limit)),
            ),
            report
                .cgroup_memory_max_bytes
                .map_or_else(|| "-".to_owned(), output::bytes),
        ),
        row(
            "held up by its cpu limit",
            "-".to_owned(),
            report
                .cgroup_cpu_throttled_max_percent
                .map_or_else(|| "-".to_owned(), percent),
        ),
        row(
            "open files",
            "-".to_owned(),
            report.open_fds_max.to_string(),
        ),
        row(
            "host cpu",
            percent(report.host_cpu_mean_percent),
            "-".to_owned(),
        ),
        row(
            "host memory",
            "-".to_owned(),
            output::bytes(report.host_memory_max_bytes),
        ),
        row(
            "disk free",
            "-".to_owned(),
            format!("min {}", output::bytes(report.disk_available_min_bytes)),
        ),
    ];
    output::table(&["resource", "mean", "max"], &["mean", "max"], rows)
}

fn durations(rows: &[DurationReport]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.work.clone(),
            row.name.clone(),
            row.count.to_string(),
            output::duration_us(row.p50_us),
            output::duration_us(row.p95_us),
            output::duration_us(row.max_us),
            output::duration_us(row.total_us),
        ]
    });
    let head = ["work", "name", "count", "p50", "p95", "max", "total"];
    output::table(&head, &head[2..], cells.collect())
}

fn symbols(rows: &[SymbolReport]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.symbol.clone(),
            row.tasks.to_string(),
            row.failed.to_string(),
            mean_ms(row.duration_mean_ms),
            output::duration_ms(row.duration_max_ms),
        ]
    });
    let head = ["slowest symbols", "tasks", "failed", "mean", "max"];
    output::table(&head, &head[1..], cells.collect())
}

/// A mean as people read it.
pub(super) fn mean_ms(ms: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "far below 2^63")]
    let whole = ms.round() as i64;
    output::duration_ms(whole)
}

fn faults(rows: &[FaultReport]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.class.clone(),
            row.tasks.to_string(),
            row.symbols.to_string(),
            row.last_at.map_or_else(|| "-".to_owned(), output::utc),
            row.last_symbol.clone().unwrap_or_default(),
            shortened(row.last_message.as_deref().unwrap_or_default(), MESSAGE),
        ]
    });
    let head = ["failed", "tasks", "symbols", "last", "symbol", "message"];
    output::table(&head, &head[1..3], cells.collect())
}

/// The first line of a text, of so many characters at most.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= most {
        return line.to_owned();
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn upstreams(rows: &[Quota]) -> String {
    let cells = rows.iter().map(|row| {
        let share = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.0}%"))
        };
        let allowed = row.allowed_per_minute.map(pace);
        vec![
            row.provider.clone(),
            row.requests.to_string(),
            row.refusals.to_string(),
            pace(row.mean_per_minute),
            allowed.unwrap_or_else(|| "-".to_owned()),
            share(row.mean_percent),
            pace(row.peak_per_minute),
            share(row.peak_percent),
        ]
    });
    let head = [
        "upstream",
        "requests",
        "refused",
        "a minute",
        "allowed",
        "used",
        "busiest minute",
        "of its most",
    ];
    output::table(&head, &head[1..], cells.collect())
}

/// Requests a minute; slow ones with more digits.
pub(super) fn pace(per_minute: f64) -> String {
    if per_minute < 10.0 {
        format!("{per_minute:.2}")
    } else {
        format!("{per_minute:.1}")
    }
}
