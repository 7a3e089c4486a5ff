//! What the schedules did: sums over the ledger, and curves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryResult, QuerySelect as _,
};
use serde::Serialize;

use super::{Window, percentile};
use crate::domain::{RunOrigin, RunState};
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::runs;
use crate::store::readable::read_rows;
use crate::store::{Store, StoreError};

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
    /// Fires not run: nobody could, the previous run was still going, the schedule was paused, or
    /// its market was closed.
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
    /// Mean CPU time the process used during a run, ms; absent where it was not measured.
    pub cpu_mean_ms: Option<i64>,
    /// Highest resident memory of the process during a run; absent where it was not measured.
    pub memory_peak_bytes: Option<i64>,
}

/// What became of the fires claimed within one part of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OutcomePart {
    /// Runs in which every task succeeded.
    pub succeeded: u64,
    /// Runs that ended otherwise.
    pub not_succeeded: u64,
    /// Fires that were not run.
    pub not_run: u64,
    /// 95th percentile of the lateness of punctual fires, ms.
    pub lateness_p95_ms: Option<i64>,
    /// Largest lateness of those, ms.
    pub lateness_max_ms: Option<i64>,
}

/// How long the runs of a schedule took within one part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DurationPart {
    /// Median, ms.
    pub p50_ms: i64,
    /// Longest, ms.
    pub max_ms: i64,
}

/// What the schedules did in a window.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunReport {
    /// In order of name.
    pub schedules: Vec<ScheduleReport>,
    /// One of each part.
    pub outcomes: Vec<OutcomePart>,
    /// Of the slowest schedules, one of each part; absent where none was claimed.
    pub durations: BTreeMap<String, Vec<Option<DurationPart>>>,
}

/// The columns of `runs` a report needs.
struct Row {
    schedule: String,
    job: String,
    trigger: String,
    state: String,
    claimed_at: Timestamp,
    duration_ms: Option<i64>,
    lateness_ms: i64,
    calls: i32,
    retries: i32,
    rate_limited: i32,
    rows_written: i64,
    memory_peak_bytes: Option<i64>,
    cpu_ms: Option<i64>,
}

const COLUMNS: [runs::Column; 13] = [
    runs::Column::Schedule,
    runs::Column::Job,
    runs::Column::Trigger,
    runs::Column::State,
    runs::Column::ClaimedAt,
    runs::Column::DurationMs,
    runs::Column::LatenessMs,
    runs::Column::Calls,
    runs::Column::Retries,
    runs::Column::RateLimited,
    runs::Column::RowsWritten,
    runs::Column::MemoryPeakBytes,
    runs::Column::CpuMs,
];

impl Row {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            schedule: row.try_get_by_index(0)?,
            job: row.try_get_by_index(1)?,
            trigger: row.try_get_by_index(2)?,
            state: row.try_get_by_index(3)?,
            claimed_at: to_timestamp(row.try_get_by_index::<DateTimeUtc>(4)?),
            duration_ms: row.try_get_by_index(5)?,
            lateness_ms: row.try_get_by_index(6)?,
            calls: row.try_get_by_index(7)?,
            retries: row.try_get_by_index(8)?,
            rate_limited: row.try_get_by_index(9)?,
            rows_written: row.try_get_by_index(10)?,
            memory_peak_bytes: row.try_get_by_index(11)?,
            cpu_ms: row.try_get_by_index(12)?,
        })
    }
}

/// Schedules with a curve of their own, the slowest.
const CURVES: usize = 12;

/// What is summed up of one schedule.
#[derive(Default)]
struct Spread {
    report: ScheduleReport,
    /// With the part of the window.
    durations: Vec<(i64, usize)>,
    latenesses: Vec<i64>,
    cpu_ms: Vec<i64>,
}

impl Store {
    /// What became of the fires claimed within `window`.
    pub async fn run_report(&self, window: &Window) -> Result<RunReport, StoreError> {
        use runs::Column;
        let within = (to_column(window.since()), to_column(window.until()));
        let query = runs::Entity::find()
            .select_only()
            .columns(COLUMNS)
            .filter(Column::ClaimedAt.between(within.0, within.1));
        let rows = self
            .ask("report", read_rows(&self.read, query, Row::read))
            .await?;
        let mut all: BTreeMap<String, Spread> = BTreeMap::new();
        let mut outcomes = vec![OutcomePart::default(); window.parts()];
        let mut latenesses = vec![Vec::new(); window.parts()];
        for row in rows {
            let part = window.part_of(row.claimed_at);
            if let Some((outcome, late)) =
                part.and_then(|part| Some((outcomes.get_mut(part)?, latenesses.get_mut(part)?)))
            {
                note(outcome, late, &row);
            }
            let spread = all.entry(row.schedule.clone()).or_default();
            spread.add(row, part.unwrap_or_default());
        }
        for (outcome, late) in outcomes.iter_mut().zip(&mut latenesses) {
            late.sort_unstable();
            outcome.lateness_p95_ms = percentile(late, 95);
            outcome.lateness_max_ms = late.last().copied();
        }
        let mut report = RunReport {
            outcomes,
            ..RunReport::default()
        };
        for spread in all.values_mut() {
            report.schedules.push(spread.finish());
        }
        let mut slowest: Vec<&ScheduleReport> = report.schedules.iter().collect();
        slowest.sort_by_key(|report| std::cmp::Reverse(report.duration_p95_ms));
        let slowest = slowest.into_iter().take(CURVES);
        let curves = slowest.filter_map(|report| {
            let spread = all.get(&report.schedule)?;
            let has_run = !spread.durations.is_empty();
            has_run.then(|| (report.schedule.clone(), spread.curve(window.parts())))
        });
        report.durations = curves.collect();
        Ok(report)
    }
}

/// Whether the row was run to an end, and if not, whether it never will be.
enum Standing {
    Open,
    NotRun,
    Ran { is_success: bool },
}

fn standing(row: &Row) -> Standing {
    match RunState::from_name(&row.state) {
        Some(state) if !state.is_terminal() => Standing::Open,
        Some(state) if state.is_unrun() => Standing::NotRun,
        state => Standing::Ran {
            is_success: state == Some(RunState::Succeeded),
        },
    }
}

fn is_punctual(row: &Row) -> bool {
    row.trigger == RunOrigin::Schedule.as_str()
}

fn note(outcome: &mut OutcomePart, latenesses: &mut Vec<i64>, row: &Row) {
    match standing(row) {
        Standing::Open => return,
        Standing::NotRun => {
            outcome.not_run += 1;
            return;
        }
        Standing::Ran { is_success: true } => outcome.succeeded += 1,
        Standing::Ran { is_success: false } => outcome.not_succeeded += 1,
    }
    if is_punctual(row) {
        latenesses.push(row.lateness_ms);
    }
}

impl Spread {
    fn add(&mut self, row: Row, part: usize) {
        let (standing, is_punctual) = (standing(&row), is_punctual(&row));
        let report = &mut self.report;
        (report.schedule, report.job) = (row.schedule, row.job);
        match standing {
            Standing::Open => return,
            Standing::NotRun => {
                report.not_run += 1;
                return;
            }
            Standing::Ran { is_success } => report.succeeded += u64::from(is_success),
        }
        report.runs += 1;
        if is_punctual {
            self.latenesses.push(row.lateness_ms);
        }
        self.durations
            .extend(row.duration_ms.map(|duration| (duration, part)));
        self.cpu_ms.extend(row.cpu_ms);
        report.memory_peak_bytes = report.memory_peak_bytes.max(row.memory_peak_bytes);
        report.calls += i64::from(row.calls);
        report.retries += i64::from(row.retries);
        report.rate_limited += i64::from(row.rate_limited);
        report.rows_written += row.rows_written;
    }

    /// To be asked when it is finished: the durations are in order then.
    fn curve(&self, parts: usize) -> Vec<Option<DurationPart>> {
        let mut by_part = vec![Vec::new(); parts];
        for (duration, part) in &self.durations {
            if let Some(part) = by_part.get_mut(*part) {
                part.push(*duration);
            }
        }
        let parts = by_part.iter().map(|part| {
            Some(DurationPart {
                p50_ms: percentile(part, 50)?,
                max_ms: *part.last()?,
            })
        });
        parts.collect()
    }

    fn finish(&mut self) -> ScheduleReport {
        self.durations.sort_unstable();
        self.latenesses.sort_unstable();
        let mut report = self.report.clone();
        let durations: Vec<i64> = self.durations.iter().map(|(ms, _)| *ms).collect();
        report.duration_p50_ms = percentile(&durations, 50);
        report.duration_p95_ms = percentile(&durations, 95);
        report.duration_max_ms = durations.last().copied();
        report.lateness_p95_ms = percentile(&self.latenesses, 95);
        report.lateness_max_ms = self.latenesses.last().copied();
        #[allow(clippy::cast_precision_loss, reason = "a number of runs")]
        let percent = 100.0 * report.succeeded as f64 / report.runs as f64;
        report.success_percent = (report.runs > 0).then_some(percent);
        let measured = i64::try_from(self.cpu_ms.len()).unwrap_or(i64::MAX);
        report.cpu_mean_ms = self.cpu_ms.iter().sum::<i64>().checked_div(measured);
        report
    }
}
