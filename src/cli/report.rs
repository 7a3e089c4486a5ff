//! `finstage report`.

use jiff::Timestamp;
use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;
use crate::store::{DurationReport, ProcessReport, ScheduleReport};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// From when on: a span (24h), a date or an instant
    #[arg(long, default_value = "24h", value_parser = open::since)]
    since: Timestamp,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    since: Timestamp,
    until: Timestamp,
    schedules: Vec<ScheduleReport>,
    process: ProcessReport,
    durations: Vec<DurationReport>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let report = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        Ok(Report {
            since: args.since,
            until: Clock::system().now(),
            schedules: store
                .schedule_reports(args.since)
                .await
                .map_err(open::store_failed)?,
            process: store
                .process_report(args.since)
                .await
                .map_err(open::store_failed)?,
            durations: store
                .duration_reports(args.since)
                .await
                .map_err(open::store_failed)?,
        })
    })?;
    if args.json {
        output::print_json(&report);
    } else {
        show(&report);
    }
    Ok(Exit::Success)
}

fn show(report: &Report) {
    let (since, until) = (output::utc(report.since), output::utc(report.until));
    output::print(&format!("from {since} to {until}\n"));
    if report.schedules.is_empty() {
        output::print("no runs in this time");
    } else {
        output::print(&schedules(&report.schedules));
    }
    output::print(&format!("\n{}", process(&report.process)));
    if !report.durations.is_empty() {
        output::print(&format!("\n{}", durations(&report.durations)));
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
        ]
    });
    let head = [
        "schedule", "runs", "success", "not run", "p50", "p95", "max", "late p95", "late max",
        "calls", "retries", "429", "rows",
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
