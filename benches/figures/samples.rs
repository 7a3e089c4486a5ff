//! What one resource sample costs, and what a run pays for knowing its own cost.

use std::path::PathBuf;
use std::time::Instant;

use finstage::monitor::Sampler;
use finstage::telemetry::Toll;

use crate::support::{Figures, Spread};

/// Samples taken, after some to warm up.
const SAMPLES: usize = 500;

/// Most a sample may take, by docs/benchmarks.md.
const MOST_MS: f64 = 1.0;

pub(crate) fn measure(figures: &mut Figures) {
    let mut sampler = Sampler::new(PathBuf::from(".")).unwrap();
    let mut times = Vec::with_capacity(SAMPLES);
    for number in 0..SAMPLES + 50 {
        let begun = Instant::now();
        let sample = sampler.sample().unwrap();
        let ms = begun.elapsed().as_secs_f64() * 1_000.0;
        assert!(sample.process_memory_bytes > 0);
        if number >= 50 {
            times.push(ms);
        }
    }
    let within = times.iter().filter(|ms| **ms <= MOST_MS).count();
    figures.add(
        "a resource sample, with its control groups",
        format!("{} ms", Spread::of(times)),
        "p99 ≤ 1 ms",
        format!("{within} of {SAMPLES} within {MOST_MS} ms"),
    );
    let begun = Instant::now();
    let tolls = 10_000;
    for _ in 0..tolls {
        let mut toll = Toll::begin();
        std::hint::black_box(toll.so_far());
    }
    let each_us = begun.elapsed().as_secs_f64() * 1e6 / f64::from(tolls);
    figures.add(
        "what a run costs to know its cost",
        format!("{each_us:.2} µs"),
        "≤ 5 µs",
        "10,000 runs in a row share what was read".to_owned(),
    );
}
