//! What the daemon costs the machine, and how long its work takes: sampled, stored, reported.

mod cgroup;
mod limits;
mod sampler;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::clock::Clock;
use crate::store::{Epoch, ResourceSample, Store, StoreError};
use crate::telemetry::{Meter, events, metric};

pub use limits::{Limits, Watch};
pub use sampler::{Sampler, disk_space};

/// Takes samples, and writes them and the durations measured.
pub struct Monitor {
    process: u32,
    turn: tokio::sync::Mutex<()>,
    sampler: Mutex<Option<Sampler>>,
    watch: Mutex<Watch>,
    limits: Limits,
    data_directory: PathBuf,
    store: Store,
    meter: Meter,
    clock: Clock,
    epoch: Epoch,
}

impl Monitor {
    /// A monitor of this process; `data_directory` tells whose free space matters.
    pub fn new(
        store: Store,
        meter: Meter,
        clock: Clock,
        epoch: Epoch,
        data_directory: PathBuf,
    ) -> Self {
        let process = std::process::id();
        Self::of(process, store, meter, clock, epoch, data_directory)
    }

    /// The same of the process of that number; the limits are this one's.
    pub fn of(
        process: u32,
        store: Store,
        meter: Meter,
        clock: Clock,
        epoch: Epoch,
        data_directory: PathBuf,
    ) -> Self {
        Self {
            process,
            turn: tokio::sync::Mutex::default(),
            sampler: Mutex::new(Sampler::of(process, data_directory.clone()).ok()),
            watch: Mutex::default(),
            limits: Limits::of_this_process(),
            data_directory,
            store,
            meter,
            clock,
            epoch,
        }
    }

    /// Takes one sample and stores it. CPU figures are means since the last call.
    pub async fn sample(&self) {
        let _one_at_a_time = self.turn.lock().await;
        if !self.store.is_in_place() {
            events::StoreMisplaced {
                store: &self.store.place(),
            }
            .emit();
        }
        let sample = {
            let mut sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner);
            self.read(&mut sampler)
        };
        let sample = sample
            .map_err(|reason| events::ResourceUnreadable { reason: &reason }.emit())
            .ok();
        if let Some(sample) = &sample {
            events::ResourceSampled {
                process_cpu_percent: sample.process_cpu_percent,
                process_memory_bytes: sample.process_memory_bytes,
                process_open_fds: sample.process_open_fds,
                host_cpu_percent: sample.host_cpu_percent,
                host_memory_used_bytes: sample.host_memory_used_bytes,
            }
            .emit();
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch.look(sample, &self.limits);
        }
        let Some(sample) = sample else { return };
        show(&sample);
        let now = self.clock.now();
        let saved = self
            .store
            .save_samples(self.epoch, now, Some(sample), &[])
            .await;
        if let Err(error) = saved {
            unavailable("a resource sample", &error);
        }
    }

    /// Writes the durations measured since the last call; those that cannot be written stay with
    /// the meter until the next, or until the daemon closes its records.
    pub async fn write_durations(&self) {
        let _one_at_a_time = self.turn.lock().await;
        let measurements = self.meter.take();
        if measurements.is_empty() {
            return;
        }
        let now = self.clock.now();
        let saved = self
            .store
            .save_samples(self.epoch, now, None, &measurements)
            .await;
        if let Err(error) = saved {
            self.meter.give_back(&measurements);
            unavailable("the durations of the last minute", &error);
        }
    }

    /// One reading; what could not be begun at the start is begun now.
    fn read(&self, sampler: &mut Option<Sampler>) -> Result<ResourceSample, String> {
        if sampler.is_none() {
            *sampler = Some(Sampler::of(self.process, self.data_directory.clone())?);
        }
        sampler
            .as_mut()
            .map_or_else(|| Err("no sampler".to_owned()), Sampler::sample)
    }
}

/// What a sample says, as metrics.
fn show(sample: &ResourceSample) {
    #[allow(
        clippy::cast_precision_loss,
        reason = "bytes and milliseconds below 2^53"
    )]
    let number = |value: i64| value as f64;
    metric::process_cpu(number(sample.process_cpu_ms) / 1_000.0);
    metric::process_memory(number(sample.process_memory_bytes));
    metric::process_fds(number(sample.process_open_fds));
    metric::disk_available(number(sample.disk_available_bytes));
}

fn unavailable(during: &str, error: &StoreError) {
    let reason = error.to_string();
    events::StoreRecordFailed {
        during,
        reason: &reason,
    }
    .emit();
}
