//! What the process and the machine used: sums over the samples, and curves.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use serde::Serialize;

use super::Window;
use crate::store::convert::{to_column, to_timestamp};
use crate::store::entities::resource_samples;
use crate::store::readable::read_columns;
use crate::store::{Store, StoreError};

/// What the process and the machine used.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
    /// Most memory in use in the control group with the least limit, where there is one.
    pub cgroup_memory_max_bytes: Option<i64>,
    /// The least memory the control groups allowed, where they do not allow all.
    pub cgroup_memory_limit_bytes: Option<i64>,
    /// The largest share of time in which the control group's CPU limit held the process up.
    pub cgroup_cpu_throttled_max_percent: Option<f64>,
}

/// What was used in a window.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ResourceReport {
    /// In all of it.
    pub total: ProcessReport,
    /// In each of its parts; absent where there is no sample.
    pub parts: Vec<Option<ProcessReport>>,
}

/// The columns of `resource_samples` a report needs.
type Row = (
    DateTimeUtc,
    f64,
    i64,
    i64,
    f64,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<f64>,
);

/// A report with sums in place of means.
#[derive(Default, Clone)]
struct Sums {
    report: ProcessReport,
    cpu_percent: f64,
    host_cpu_percent: f64,
    memory_bytes: i128,
}

impl Store {
    /// What the process and the machine used within `window`.
    pub async fn resource_report(&self, window: &Window) -> Result<ResourceReport, StoreError> {
        use resource_samples::Column;
        let within = (to_column(window.since()), to_column(window.until()));
        let query = resource_samples::Entity::find()
            .select_only()
            .columns([
                Column::At,
                Column::ProcessCpuPercent,
                Column::ProcessMemoryBytes,
                Column::ProcessOpenFds,
                Column::HostCpuPercent,
                Column::HostMemoryUsedBytes,
                Column::DiskAvailableBytes,
                Column::CgroupMemoryBytes,
                Column::CgroupMemoryLimitBytes,
                Column::CgroupCpuThrottledPercent,
            ])
            .filter(Column::At.between(within.0, within.1));
        let rows = read_columns::<Row, _, _>(&self.read, query);
        let rows = self.ask("report", rows).await?;
        let mut total = Sums::default();
        let mut parts = vec![Sums::default(); window.parts()];
        for row in &rows {
            total.add(row);
            let part = window.part_of(to_timestamp(row.0));
            if let Some(part) = part.and_then(|part| parts.get_mut(part)) {
                part.add(row);
            }
        }
        let finished = parts.into_iter().map(Sums::finish);
        Ok(ResourceReport {
            total: total.finish().unwrap_or_default(),
            parts: finished.collect(),
        })
    }
}

impl Sums {
    fn add(&mut self, row: &Row) {
        let (_, cpu, memory, fds, host_cpu, host_memory, disk, group, limit, throttled) = *row;
        let report = &mut self.report;
        let is_first = report.samples == 0;
        report.samples += 1;
        self.cpu_percent += cpu;
        self.host_cpu_percent += host_cpu;
        self.memory_bytes += i128::from(memory);
        report.cpu_max_percent = report.cpu_max_percent.max(cpu);
        report.memory_max_bytes = report.memory_max_bytes.max(memory);
        report.open_fds_max = report.open_fds_max.max(fds);
        report.host_memory_max_bytes = report.host_memory_max_bytes.max(host_memory);
        report.disk_available_min_bytes = if is_first {
            disk
        } else {
            report.disk_available_min_bytes.min(disk)
        };
        report.cgroup_memory_max_bytes = report.cgroup_memory_max_bytes.max(group);
        let limits = [report.cgroup_memory_limit_bytes, limit];
        report.cgroup_memory_limit_bytes = limits.into_iter().flatten().min();
        let shares = [report.cgroup_cpu_throttled_max_percent, throttled];
        report.cgroup_cpu_throttled_max_percent = shares.into_iter().flatten().reduce(f64::max);
    }

    fn finish(self) -> Option<ProcessReport> {
        let mut report = self.report;
        if report.samples == 0 {
            return None;
        }
        #[allow(clippy::cast_precision_loss, reason = "a number of samples")]
        let samples = report.samples as f64;
        report.cpu_mean_percent = self.cpu_percent / samples;
        report.host_cpu_mean_percent = self.host_cpu_percent / samples;
        let mean = self.memory_bytes / i128::from(report.samples);
        report.memory_mean_bytes = i64::try_from(mean).unwrap_or(i64::MAX);
        Some(report)
    }
}
