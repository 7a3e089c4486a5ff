//! Fan-out efficiency over a slow upstream, and politeness towards one that counts.

use std::time::{Duration, Instant};

use finstage::clock::Clock;
use finstage::daemon;
use finstage::domain::JobKind;
use finstage::jobs::Assignment;

use crate::support::{self, Figures};

pub(crate) fn measure(figures: &mut Figures) {
    let runtime = support::runtime();
    let directory = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let simulator = support::simulator(Duration::from_millis(200), None).await;
        let symbols = support::symbols(10);
        let base_url = simulator.base_url();
        let config = support::configuration(directory.path(), &base_url, &symbols, 9_999.0, 5);
        let assembly = daemon::assemble(&config, Clock::system()).await.unwrap();
        let start = Instant::now();
        let end = support::run(&assembly, &config, Assignment::Job(JobKind::Quotes)).await;
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(end.totals.tasks_succeeded, 10, "{end:?}");
        figures.add(
            "10 symbols, 200 ms upstream, 5 at once",
            format!("{seconds:.3} s"),
            "≤ 0.42 s",
            format!("{:.1} % of the ideal 0.4 s", 40.0 / seconds),
        );
    });
}

pub(crate) fn measure_politeness(figures: &mut Figures) {
    let runtime = support::runtime();
    let directory = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let (rate, count) = (20.0, 500);
        let simulator = support::simulator(Duration::from_millis(20), Some(rate)).await;
        let symbols = support::symbols(count);
        let base_url = simulator.base_url();
        let config = support::configuration(directory.path(), &base_url, &symbols, rate, 5);
        let assembly = daemon::assemble(&config, Clock::system()).await.unwrap();
        let start = Instant::now();
        let end = support::run(&assembly, &config, Assignment::Job(JobKind::Quotes)).await;
        let seconds = start.elapsed().as_secs_f64();
        let stats = simulator.stats();
        let stored = f64::from(end.totals.tasks_succeeded) * 100.0 / count as f64;
        figures.add(
            "500 symbols at 20/s against a limit of 20/s",
            format!(
                "{seconds:.2} s, worst second {}, {} × 429, {stored:.0} % stored",
                stats.busiest_second, stats.rate_limited
            ),
            "≤ 26.25 s, ≤ 22, 100 %",
            format!("{:.3} of the ideal 25 s", seconds / 25.0),
        );
    });
}
