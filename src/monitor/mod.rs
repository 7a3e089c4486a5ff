//! What the daemon costs the machine, and how long its work takes: sampled, stored, reported.

mod sampler;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::clock::Clock;
use crate::store::{Epoch, Store};
use crate::telemetry::{Measurement, Meter, Work, events};
use sampler::Sampler;

/// Takes samples and writes them with the durations measured since.
pub struct Monitor {
    sampler: Mutex<Option<Sampler>>,
    /// Durations that could not be written yet.
    unwritten: Mutex<BTreeMap<(Work, &'static str), Measurement>>,
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
        let sampler = Sampler::new(data_directory)
            .map_err(|reason| events::ResourceUnreadable { reason: &reason }.emit())
            .ok();
        Self {
            sampler: Mutex::new(sampler),
            unwritten: Mutex::default(),
            store,
            meter,
            clock,
            epoch,
        }
    }

    /// Takes one sample and stores it. CPU figures are means since the last call.
    pub async fn sample(&self) {
        let sample = {
            let mut sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner);
            sampler.as_mut().map(Sampler::sample).transpose()
        };
        let sample = sample.unwrap_or_else(|reason| {
            events::ResourceUnreadable { reason: &reason }.emit();
            None
        });
        if let Some(sample) = &sample {
            events::ResourceSampled {
                process_cpu_percent: sample.process_cpu_percent,
                process_memory_bytes: sample.process_memory_bytes,
                process_open_fds: sample.process_open_fds,
                host_cpu_percent: sample.host_cpu_percent,
                host_memory_used_bytes: sample.host_memory_used_bytes,
            }
            .emit();
        }
        let measurements = self.collect();
        let now = self.clock.now();
        match self
            .store
            .save_samples(self.epoch, now, sample, &measurements)
            .await
        {
            Ok(()) => self
                .unwritten
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear(),
            Err(error) => {
                let reason = error.to_string();
                events::StoreUnavailable {
                    during: "a resource sample",
                    reason: &reason,
                }
                .emit();
            }
        }
    }

    /// Durations still to be written: the new ones merged into those that could not be.
    fn collect(&self) -> Vec<Measurement> {
        let mut unwritten = self
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for measurement in self.meter.take() {
            let key = (measurement.work, measurement.name);
            match unwritten.get_mut(&key) {
                Some(held) => held.durations.merge(&measurement.durations),
                None => drop(unwritten.insert(key, measurement)),
            }
        }
        unwritten.values().cloned().collect()
    }
}
