//! What is said of resources that run short, and when they no longer do.

use finstage::monitor::{Limits, Watch};
use finstage::store::ResourceSample;

use super::heard::codes_of;

const MIB: i64 = 1 << 20;

#[test]
fn what_nears_its_limit_is_told_once_and_once_more_when_it_no_longer_does() {
    let limits = Limits {
        open_files: Some(100),
    };
    let at_ease = ResourceSample {
        process_memory_bytes: 50 * MIB,
        process_open_fds: 20,
        disk_available_bytes: 1_000 * MIB,
        disk_total_bytes: 2_000 * MIB,
        cgroup_memory_limit_bytes: Some(100 * MIB),
        cgroup_cpu_limit_percent: Some(50.0),
        cgroup_cpu_throttled_percent: Some(5.0),
        ..ResourceSample::default()
    };
    let short = ResourceSample {
        process_memory_bytes: 95 * MIB,
        process_open_fds: 80,
        disk_available_bytes: 511 * MIB,
        cgroup_cpu_throttled_percent: Some(25.0),
        ..at_ease
    };
    let hovering = ResourceSample {
        process_memory_bytes: 85 * MIB,
        process_open_fds: 75,
        disk_available_bytes: 700 * MIB,
        cgroup_cpu_throttled_percent: Some(20.0),
        ..at_ease
    };
    let mut watch = Watch::default();
    let mut look = |sample: &ResourceSample| codes_of(|| watch.look(sample, &limits));
    assert!(look(&at_ease).is_empty());
    assert!(look(&hovering).is_empty());
    assert_eq!(look(&short), ["FS7003", "FS7005", "FS7007", "FS7010"]);
    assert!(look(&short).is_empty() && look(&hovering).is_empty());
    assert_eq!(look(&at_ease), ["FS7004", "FS7006", "FS7008", "FS7011"]);
}

#[test]
fn without_limits_the_machine_is_the_limit_and_an_unreadable_disk_is_not_a_full_one() {
    let sample = ResourceSample {
        process_memory_bytes: 95 * MIB,
        process_open_fds: 1_000_000,
        host_memory_total_bytes: 1_000 * MIB,
        ..ResourceSample::default()
    };
    let limits = Limits::default();
    assert!(codes_of(|| Watch::default().look(&sample, &limits)).is_empty());
    let small_machine = ResourceSample {
        host_memory_total_bytes: 100 * MIB,
        ..sample
    };
    let told = codes_of(|| Watch::default().look(&small_machine, &limits));
    assert_eq!(told, ["FS7003"]);
}

#[test]
fn what_others_in_the_group_use_counts_and_memory_that_cannot_be_read_is_not_full() {
    let crowded = ResourceSample {
        process_memory_bytes: 10 * MIB,
        host_memory_total_bytes: 1_000 * MIB,
        cgroup_memory_limit_bytes: Some(100 * MIB),
        cgroup_memory_bytes: Some(90 * MIB),
        ..ResourceSample::default()
    };
    let told =
        |sample: &ResourceSample| codes_of(|| Watch::default().look(sample, &Limits::default()));
    assert_eq!(told(&crowded), ["FS7003"]);
    let alone = ResourceSample {
        cgroup_memory_bytes: None,
        ..crowded
    };
    assert!(told(&alone).is_empty());
    let hidden = ResourceSample::default();
    assert!(told(&hidden).is_empty());
}
