//! tokio-cron-scheduler with as many jobs in the same second: what the planner is there for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::clock::Clock;
use jiff::Timestamp;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::support::{self, Figures, Spread};

/// Jobs, the seconds between their fires, and rounds.
const SIZES: [(usize, u64, u32); 4] = [(1, 1, 10), (100, 1, 10), (1_000, 5, 4), (5_000, 5, 4)];

pub(super) fn measure(figures: &mut Figures, words: &str) {
    for (jobs, period_s, rounds) in SIZES {
        let runtime = support::runtime();
        let (lateness, lost, doubled) = runtime.block_on(run(jobs, period_s, rounds));
        runtime.shutdown_background();
        figures.add(
            &format!("the same by tokio-cron-scheduler, {jobs} jobs, {words}"),
            format!("begun {lateness} ms late, {lost} lost, {doubled} doubled"),
            "(none)",
            format!("of {} fires", jobs * rounds as usize),
        );
    }
}

async fn run(jobs: usize, seconds: u64, rounds: u32) -> (Spread, usize, usize) {
    let fires: Arc<Mutex<Vec<(usize, Timestamp)>>> = Arc::default();
    let mut scheduler = JobScheduler::new().await.unwrap();
    scheduler.start().await.unwrap();
    let cron = format!("*/{seconds} * * * * *");
    for index in 0..jobs {
        let fires = Arc::clone(&fires);
        let job = Job::new_async(cron.as_str(), move |_, _| {
            fires.lock().unwrap().push((index, Clock::system().now()));
            Box::pin(async {})
        });
        scheduler.add(job.unwrap()).await.unwrap();
    }
    let period_ms = i64::try_from(seconds * 1_000).unwrap();
    let now_ms = || Clock::system().now().as_millisecond();
    let first_ms = (now_ms() / period_ms + 2) * period_ms;
    let end_ms = first_ms + i64::from(rounds) * period_ms;
    let wait = u64::try_from(end_ms - now_ms()).unwrap();
    // It polls twice a second: a fire of the last round comes until then.
    tokio::time::sleep(Duration::from_millis(wait + seconds * 1_000 - 100)).await;
    let _ = tokio::time::timeout(Duration::from_secs(5), scheduler.shutdown()).await;
    let mut seen: HashMap<(usize, i64), usize> = HashMap::new();
    let mut lateness = Vec::new();
    for (index, at) in fires.lock().unwrap().iter() {
        let planned = at.as_millisecond() / period_ms * period_ms;
        if (first_ms..end_ms).contains(&planned) {
            *seen.entry((*index, planned)).or_default() += 1;
            lateness.push(at.as_microsecond() as f64 / 1e3 - planned as f64);
        }
    }
    let lost = jobs * rounds as usize - seen.len();
    let doubled = seen.values().map(|count| count - 1).sum();
    (Spread::of(lateness), lost, doubled)
}
