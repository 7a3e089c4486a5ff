//! Sums over the ledger, the samples and the roll-ups, for `finstage report`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::Serialize;

use super::convert::to_column;
use super::entities::{duration_rollups, resource_samples, runs};
use super::readable::{read_all, read_columns};
use super::{Store, StoreError};
use crate::telemetry::Histogram;

/// What one schedule did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ScheduleReport {
    /// The schedule.
    pub schedule: String,
    /// Its job.
    pub job: String,
    /// Fires that were run to an end, good or bad.
    pub runs: u64,
    /// Runs in which every task succeeded.
    pub succeeded: u64,
    /// Fires not run, because nobody could or the previous run was still going.
    pub not_run: u64,
    /// Share of `succeeded` in `runs`, in percent; absent without runs.
    pub success_percent: Option<f64>,
    /// Median duration, ms.
    pub duration_p50_ms: Option<i64>,
    /// 95th percentile of the durations, ms.
    pub duration_p95_ms: Option<i64>,
    /// Longest duration, ms.
    pub duration_max_ms: Option<i64>,
    /// 95th percentile of the lateness of punctual fires (catch-ups left out), ms.
    pub lateness_p95_ms: Option<i64>,
    /// Largest lateness of those, ms.
    pub lateness_max_ms: Option<i64>,
    /// Requests sent.
    pub calls: i64,
    /// Requests that repeated a question.
    pub retries: i64,
    /// Answers that were 429.
    pub rate_limited: i64,
    /// Rows inserted or changed.
    pub rows_written: i64,
}

/// What the process and the machine used.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ProcessReport {
    /// Samples the figures rest on.
    pub samples: u64,
    /// Mean CPU of the process; 100 is one core.
    pub cpu_mean_percent: f64,
    /// Highest CPU of the process between two samples.
    pub cpu_max_percent: f64,
    /// Mean resident memory of the process.
    pub memory_mean_bytes: i64,
    /// Highest resident memory of the process.
    pub memory_max_bytes: i64,
    /// Most file descriptors open.
    pub open_fds_max: i64,
    /// Mean CPU of the machine, all cores together 100.
    pub host_cpu_mean_percent: f64,
    /// Highest memory in use on the machine.
    pub host_memory_max_bytes: i64,
    /// Least space left on the database's file system.
    pub disk_available_min_bytes: i64,
}

/// How long one kind of work took.
#[derive(Debug, Clone, Serialize)]
pub struct DurationReport {
    /// Kind of work.
    pub work: String,
    /// Which one.
    pub name: String,
    /// How often.
    pub count: u64,
    /// Median, µs.
    pub p50_us: u64,
    /// 95th percentile, µs.
    pub p95_us: u64,
    /// Longest, µs.
    pub max_us: u64,
    /// Sum, µs.
    pub total_us: u64,
}

/// The columns of `runs` a report needs.
type Row = (
    String,
    String,
    String,
    String,
    Option<i64>,
    i64,
    i32,
    i32,
    i32,
    i64,
);

/// Durations and latenesses of one schedule.
#[derive(Default)]
struct Spread {
    durations: Vec<i64>,
    latenesses: Vec<i64>,
}

impl Store {
    /// One report per schedule over fires claimed since `since`.
    pub async fn schedule_reports(
        &self,
        since: Timestamp,
    ) -> Result<Vec<ScheduleReport>, StoreError> {
        use runs::Column;
        let query = runs::Entity::find()
            .select_only()
            .columns([
                Column::Schedule,
                Column::Job,
                Column::Trigger,
                Column::State,
                Column::DurationMs,
                Column::LatenessMs,
                Column::Calls,
                Column::Retries,
                Column::RateLimited,
                Column::RowsWritten,
            ])
            .filter(Column::ClaimedAt.gte(to_column(since)));
        let rows = read_columns::<Row, _, _>(&self.read, query);
        let rows = self.ask("report", rows).await?;
        let mut all: BTreeMap<String, (ScheduleReport, Spread)> = BTreeMap::new();
        for row in rows {
            let (report, spread) = all.entry(row.0.clone()).or_default();
            add(report, spread, row);
        }
        Ok(all
            .into_values()
            .map(|(report, spread)| finish(report, spread))
            .collect())
    }

    /// What the process and the machine used since `since`.
    pub async fn process_report(&self, since: Timestamp) -> Result<ProcessReport, StoreError> {
        let query = resource_samples::Entity::find()
            .filter(resource_samples::Column::At.gte(to_column(since)))
            .order_by_asc(resource_samples::Column::At);
        let rows = self.ask("report", read_all(&self.read, query)).await?;
        let mut report = ProcessReport {
            disk_available_min_bytes: i64::MAX,
            ..Default::default()
        };
        let mut memory_sum = 0_i64;
        for row in &rows {
            report.samples += 1;
            report.cpu_mean_percent += row.process_cpu_percent;
            report.cpu_max_percent = report.cpu_max_percent.max(row.process_cpu_percent);
            memory_sum = memory_sum.saturating_add(row.process_memory_bytes);
            report.memory_max_bytes = report.memory_max_bytes.max(row.process_memory_bytes);
            report.open_fds_max = report.open_fds_max.max(row.process_open_fds);
            report.host_cpu_mean_percent += row.host_cpu_percent;
            report.host_memory_max_bytes =
                report.host_memory_max_bytes.max(row.host_memory_used_bytes);
            report.disk_available_min_bytes = report
                .disk_available_min_bytes
                .min(row.disk_available_bytes);
        }
        if report.samples == 0 {
            return Ok(ProcessReport::default());
        }
        #[allow(clippy::cast_precision_loss, reason = "a number of samples")]
        let samples = report.samples as f64;
        report.cpu_mean_percent /= samples;
        report.host_cpu_mean_percent /= samples;
        report.memory_mean_bytes = memory_sum / i64::try_from(report.samples).unwrap_or(i64::MAX);
        Ok(report)
    }

    /// How long each kind of work took since `since`.
    pub async fn duration_reports(
        &self,
        since: Timestamp,
    ) -> Result<Vec<DurationReport>, StoreError> {
        let query = duration_rollups::Entity::find()
            .filter(duration_rollups::Column::At.gte(to_column(since)));
        let rows = self.ask("report", read_all(&self.read, query)).await?;
        let mut all: BTreeMap<(String, String), Histogram> = BTreeMap::new();
        for row in rows {
            let (sum, max) = (row.sum_us.unsigned_abs(), row.max_us.unsigned_abs());
            if let Some(part) = Histogram::from_parts(sum, max, &row.buckets) {
                all.entry((row.work, row.name)).or_default().merge(&part);
            }
        }
        Ok(all
            .into_iter()
            .map(|((work, name), durations)| DurationReport {
                work,
                name,
                count: durations.count(),
                p50_us: durations.quantile_us(0.5),
                p95_us: durations.quantile_us(0.95),
                max_us: durations.max_us(),
                total_us: durations.sum_us(),
            })
            .collect())
    }
}

fn add(report: &mut ScheduleReport, spread: &mut Spread, row: Row) {
    let (schedule, job, trigger, state, duration, lateness, calls, retries, limited, written) = row;
    (report.schedule, report.job) = (schedule, job);
    match state.as_str() {
        "claimed" | "running" => return,
        "missed" | "skipped_overlap" => {
            report.not_run += 1;
            return;
        }
        "succeeded" => report.succeeded += 1,
        _ => {}
    }
    report.runs += 1;
    spread.durations.extend(duration);
    if trigger == "schedule" {
        spread.latenesses.push(lateness);
    }
    report.calls += i64::from(calls);
    report.retries += i64::from(retries);
    report.rate_limited += i64::from(limited);
    report.rows_written += written;
}

fn finish(mut report: ScheduleReport, mut spread: Spread) -> ScheduleReport {
    spread.durations.sort_unstable();
    spread.latenesses.sort_unstable();
    report.duration_p50_ms = percentile(&spread.durations, 50);
    report.duration_p95_ms = percentile(&spread.durations, 95);
    report.duration_max_ms = spread.durations.last().copied();
    report.lateness_p95_ms = percentile(&spread.latenesses, 95);
    report.lateness_max_ms = spread.latenesses.last().copied();
    #[allow(clippy::cast_precision_loss, reason = "a number of runs")]
    let percent = 100.0 * report.succeeded as f64 / report.runs as f64;
    report.success_percent = (report.runs > 0).then_some(percent);
    report
}

/// The nearest-rank percentile of sorted values.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(percentile(&(1..=100).collect::<Vec<_>>(), 95), Some(95));
    }
}
