//! Writing what was measured: resource samples and roll-ups of durations.

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    EntityTrait as _,
};

use super::convert::{to_column, to_i64};
use super::entities::{duration_rollups, resource_samples};
use super::{Epoch, Store, StoreError};
use crate::telemetry::Measurement;

/// What the process and the machine used at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ResourceSample {
    /// CPU of the process since the last sample; 100 is one core.
    pub process_cpu_percent: f64,
    /// CPU time of the process since it began, ms.
    pub process_cpu_ms: i64,
    /// Resident memory of the process.
    pub process_memory_bytes: i64,
    /// Open file descriptors of the process.
    pub process_open_fds: i64,
    /// Read by the process since the last sample.
    pub process_disk_read_bytes: i64,
    /// Written by the process since the last sample.
    pub process_disk_written_bytes: i64,
    /// CPU of the machine, 0 to 100 over all cores.
    pub host_cpu_percent: f64,
    /// Memory in use on the machine.
    pub host_memory_used_bytes: i64,
    /// Memory of the machine.
    pub host_memory_total_bytes: i64,
    /// Free for us on the file system of the database (or of the working directory).
    pub disk_available_bytes: i64,
    /// Size of that file system.
    pub disk_total_bytes: i64,
    /// Received on all interfaces but loopback since the last sample.
    pub network_received_bytes: i64,
    /// Sent on all interfaces but loopback since the last sample.
    pub network_sent_bytes: i64,
    /// Memory in use in the control group that allows the least, droppable file pages left out.
    pub cgroup_memory_bytes: Option<i64>,
    /// The least memory any control group of the process allows.
    pub cgroup_memory_limit_bytes: Option<i64>,
    /// The least CPU any of them allows; 100 is one core.
    pub cgroup_cpu_limit_percent: Option<f64>,
    /// Share of the periods since the last sample in which that group was held up.
    pub cgroup_cpu_throttled_percent: Option<f64>,
}

impl Store {
    /// Stores one sample and the durations measured since the last, in one transaction.
    pub async fn save_samples(
        &self,
        epoch: Epoch,
        now: Timestamp,
        sample: Option<ResourceSample>,
        measurements: &[Measurement],
    ) -> Result<(), StoreError> {
        let rollups = measurements.iter().map(|measurement| {
            let durations = &measurement.durations;
            duration_rollups::ActiveModel {
                id: NotSet,
                at: Set(to_column(now)),
                epoch: Set(epoch.0),
                work: Set(measurement.work.as_str().to_owned()),
                name: Set(measurement.name.to_owned()),
                count: Set(to_i64(durations.count())),
                sum_us: Set(to_i64(durations.sum_us())),
                max_us: Set(to_i64(durations.max_us())),
                buckets: Set(durations.to_text()),
            }
        });
        let rollups: Vec<_> = rollups.collect();
        self.tell("samples", async {
            let transaction = self.begin().await?;
            if let Some(sample) = sample {
                let row = sample_row(epoch, now, &sample);
                resource_samples::Entity::insert(row)
                    .exec_without_returning(&transaction)
                    .await?;
            }
            for rollup in rollups {
                duration_rollups::Entity::insert(rollup)
                    .exec_without_returning(&transaction)
                    .await?;
            }
            transaction.commit().await
        })
        .await
    }
}

fn sample_row(
    epoch: Epoch,
    now: Timestamp,
    sample: &ResourceSample,
) -> resource_samples::ActiveModel {
    resource_samples::ActiveModel {
        id: NotSet,
        at: Set(to_column(now)),
        epoch: Set(epoch.0),
        process_cpu_percent: Set(sample.process_cpu_percent),
        process_cpu_ms: Set(sample.process_cpu_ms),
        process_memory_bytes: Set(sample.process_memory_bytes),
        process_open_fds: Set(sample.process_open_fds),
        process_disk_read_bytes: Set(sample.process_disk_read_bytes),
        process_disk_written_bytes: Set(sample.process_disk_written_bytes),
        host_cpu_percent: Set(sample.host_cpu_percent),
        host_memory_used_bytes: Set(sample.host_memory_used_bytes),
        host_memory_total_bytes: Set(sample.host_memory_total_bytes),
        disk_available_bytes: Set(sample.disk_available_bytes),
        disk_total_bytes: Set(sample.disk_total_bytes),
        network_received_bytes: Set(sample.network_received_bytes),
        network_sent_bytes: Set(sample.network_sent_bytes),
        cgroup_memory_bytes: Set(sample.cgroup_memory_bytes),
        cgroup_memory_limit_bytes: Set(sample.cgroup_memory_limit_bytes),
        cgroup_cpu_limit_percent: Set(sample.cgroup_cpu_limit_percent),
        cgroup_cpu_throttled_percent: Set(sample.cgroup_cpu_throttled_percent),
    }
}
