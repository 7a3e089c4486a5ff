//! One claim of 5,000 fires, on an empty ledger and on one with a million rows.

use std::path::Path;
use std::time::{Duration, Instant};

use finstage::clock::Clock;
use finstage::domain::{Fire, JobKind, RunOrigin, RunState, ScheduleId};
use finstage::store::{Claim, Epoch, Store};
use finstage::telemetry::Meter;
use jiff::{SignedDuration, Timestamp};

use crate::support::{self, Figures, Spread, sqlite};

const FIRES: usize = 5_000;
const ROUNDS: i64 = 12;

pub(super) fn measure(figures: &mut Figures) {
    let directory = tempfile::tempdir().unwrap();
    let symbols = support::symbols(1);
    let config = support::configuration(directory.path(), "http://127.0.0.1:1", &symbols, 1.0, 1);
    for rows in [0, 1_000_000] {
        let spread = support::runtime().block_on(async {
            let store = Store::open(&config.store, Meter::default()).await.unwrap();
            store.migrate().await.unwrap();
            fill(directory.path(), rows);
            let epoch = store.begin_epoch(Clock::system().now()).await.unwrap();
            let mut times = Vec::new();
            for round in 0..ROUNDS {
                times.push(once(&store, epoch, round + i64::from(rows)).await);
            }
            store.close().await;
            Spread::of(times)
        });
        figures.add(
            &format!("one claim of {FIRES} fires, {rows} rows there"),
            format!("{spread} ms"),
            "(none)",
            "one statement".to_owned(),
        );
    }
}

async fn once(store: &Store, epoch: Epoch, minute: i64) -> f64 {
    let now = Timestamp::constant(1_767_571_200, 0) + SignedDuration::from_mins(minute);
    let jobs = [JobKind::Quotes, JobKind::DailyBars];
    let claim = |index: usize| Claim {
        fire: Fire {
            schedule: ScheduleId::try_new(&format!("s{index:04}")).unwrap(),
            scheduled_for: now,
        },
        job: jobs[index % 2],
        origin: RunOrigin::Schedule,
        state: RunState::Claimed,
        lateness_ms: 1,
        reason: None,
    };
    let claims: Vec<Claim> = (0..FIRES).map(claim).collect();
    let start = Instant::now();
    let ours = store.claim(&claims, epoch, now).await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert!(ours.iter().all(Option::is_some));
    tokio::time::sleep(Duration::from_millis(200)).await;
    seconds * 1e3
}

/// So many closed runs of 5,000 schedules, one a minute.
pub(crate) fn fill(directory: &Path, rows: i32) {
    let at = "strftime('%Y-%m-%dT%H:%M:%S+00:00', 1750000000 + (i / 5000) * 60, 'unixepoch')";
    let script = format!(
        "PRAGMA synchronous=OFF; INSERT INTO runs (schedule, job, \"trigger\", scheduled_for, \
         state, claimed_at, started_at, finished_at, duration_ms, lateness_ms, epoch) \
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows}) \
         SELECT printf('s%04d', i % 5000), 'quotes', 'schedule', {at}, 'succeeded', {at}, {at}, \
         {at}, 5, 1, 0 FROM n WHERE {rows} > 0; PRAGMA wal_checkpoint(TRUNCATE);"
    );
    sqlite(&directory.join("finstage.db"), &script);
}
