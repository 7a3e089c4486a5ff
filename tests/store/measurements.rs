//! What was measured comes back in reports.

use std::time::Duration;

use finstage::domain::{RunState, RunTotals};
use finstage::store::reports::Window;
use finstage::store::{ResourceSample, RunEnd};
use finstage::telemetry::{Meter, Work};
use jiff::Timestamp;

use crate::support::database::Database;
use crate::support::values::{at, claim};

pub(super) async fn samples_come_back_as_a_report(database: Database) {
    let store = database.migrated().await;
    let epoch = store.begin_epoch(at("2026-11-23T12:00:00Z")).await.unwrap();
    for (time, cpu, memory, disk) in [
        ("2026-11-23T11:59:59.999Z", 99.0, 999, 1),
        ("2026-11-23T12:00:00Z", 10.0, 100, 70),
        ("2026-11-23T12:00:15Z", 30.0, 300, 50),
        ("2026-11-23T12:03:30Z", 20.0, 200, 90),
    ] {
        let sample = ResourceSample {
            process_cpu_percent: cpu,
            process_memory_bytes: memory,
            process_open_fds: memory / 10,
            host_cpu_percent: cpu / 2.0,
            host_memory_used_bytes: 5 * memory,
            disk_available_bytes: disk,
            cgroup_memory_bytes: (memory == 300).then_some(333),
            cgroup_memory_limit_bytes: (memory >= 200).then_some(400 + memory),
            cgroup_cpu_throttled_percent: Some(cpu / 10.0),
            ..ResourceSample::default()
        };
        store
            .save_samples(epoch, at(time), Some(sample), &[])
            .await
            .unwrap();
    }
    let window = Window::new(at("2026-11-23T12:00:00Z"), at("2026-11-23T12:04:00Z"), 4);
    let resources = store.resource_report(&window).await.unwrap();
    let report = &resources.total;
    assert_eq!(report.samples, 3, "those before are left out");
    assert_eq!(
        (report.cpu_mean_percent, report.cpu_max_percent),
        (20.0, 30.0)
    );
    assert_eq!(
        (report.memory_mean_bytes, report.memory_max_bytes),
        (200, 300)
    );
    assert_eq!(
        (report.open_fds_max, report.host_memory_max_bytes),
        (30, 1_500)
    );
    assert_eq!(
        (
            report.host_cpu_mean_percent,
            report.disk_available_min_bytes
        ),
        (10.0, 50)
    );
    assert_eq!(
        (
            report.cgroup_memory_max_bytes,
            report.cgroup_memory_limit_bytes,
            report.cgroup_cpu_throttled_max_percent
        ),
        (Some(333), Some(600), Some(3.0))
    );
    let [Some(first), None, None, Some(last)] = resources.parts.as_slice() else {
        panic!("{resources:?}")
    };
    assert_eq!((first.samples, first.memory_mean_bytes), (2, 200));
    assert_eq!((last.samples, last.memory_max_bytes), (1, 200));
    assert_eq!(
        (last.disk_available_min_bytes, last.cgroup_memory_max_bytes),
        (90, None)
    );
}

pub(super) async fn durations_come_back_as_a_report(database: Database) {
    let store = database.migrated().await;
    let now = at("2026-11-23T12:00:00Z");
    let epoch = store.begin_epoch(now).await.unwrap();
    let meter = Meter::default();
    for half in 0..2_u64 {
        for ms in 1..=50 {
            let duration = Duration::from_millis(50 * half + ms);
            meter.record(Work::Request, "yahoo.chart", duration);
        }
        meter.record(Work::Run, "quotes", Duration::from_secs(3));
        store
            .save_samples(epoch, now, None, &meter.take())
            .await
            .unwrap();
    }
    let until = at("2100-01-01T00:00:00Z");
    let all = Window::new(Timestamp::UNIX_EPOCH, until, 1);
    let reports = store.work_report(&all).await.unwrap().durations;
    let of = |work: &str| reports.iter().find(|report| report.work == work).unwrap();
    assert_eq!(reports.len(), 2);
    let request = of("request");
    assert_eq!((request.name.as_str(), request.count), ("yahoo.chart", 100));
    assert_eq!((request.max_us, request.total_us), (100_000, 5_050_000));
    assert!((45_000..=60_000).contains(&request.p50_us), "{request:?}");
    assert!((90_000..=100_000).contains(&request.p95_us), "{request:?}");
    assert_eq!((of("run").count, of("run").total_us), (2, 6_000_000));
    let later = Window::new(at("2026-11-23T12:00:00.001Z"), until, 1);
    let later = store.work_report(&later).await.unwrap();
    assert!(later.durations.is_empty() && later.providers.is_empty());
}

pub(super) async fn runs_come_back_as_a_report(database: Database) {
    let store = database.migrated().await;
    let epoch = store.begin_epoch(at("2026-11-23T12:00:00Z")).await.unwrap();
    for (minute, state) in [
        (0, RunState::Succeeded),
        (1, RunState::PartlyFailed),
        (2, RunState::Succeeded),
        (3, RunState::Missed),
        (4, RunState::Claimed),
    ] {
        let time = at(&format!("2026-11-23T12:0{minute}:00Z"));
        let mut fire = claim("us", time);
        if state == RunState::Missed {
            fire.state = state;
        }
        let ours = store.claim(&[fire], epoch, time).await.unwrap();
        let id = ours[0].unwrap().run_id;
        if [RunState::Missed, RunState::Claimed].contains(&state) {
            continue;
        }
        let end = RunEnd {
            state,
            totals: RunTotals {
                calls: 10,
                retries: 2,
                rate_limited: 1,
                rows_written: 5,
                ..RunTotals::default()
            },
            duration_ms: 100 * (minute + 1),
            reason: None,
            cost: None,
        };
        store.run_ended(id, &end, time).await.unwrap();
    }
    let all = Window::new(Timestamp::UNIX_EPOCH, at("2100-01-01T00:00:00Z"), 1);
    let reports = store.run_report(&all).await.unwrap().schedules;
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!(
        (report.schedule.as_str(), report.job.as_str()),
        ("us", "quotes")
    );
    assert_eq!((report.runs, report.succeeded, report.not_run), (3, 2, 1));
    assert!((report.success_percent.unwrap() - 200.0 / 3.0).abs() < 1e-9);
    assert_eq!(
        (report.duration_p50_ms, report.duration_max_ms),
        (Some(200), Some(300))
    );
    assert_eq!(
        (report.calls, report.retries, report.rate_limited),
        (30, 6, 3)
    );
    assert_eq!(report.rows_written, 15);
}
