//! Reading the process and the machine; the only file that names sysinfo. Only what a sample needs
//! is refreshed: a full refresh costs thirty times as much.

use std::path::{Path, PathBuf};

use sysinfo::{
    CpuRefreshKind, DiskRefreshKind, Disks, MemoryRefreshKind, Networks, Pid, ProcessRefreshKind,
    ProcessesToUpdate, RefreshKind, System,
};

use super::cgroup::Groups;
use crate::store::ResourceSample;

/// Keeps the readings that the next sample is compared with.
pub struct Sampler {
    system: System,
    disks: Disks,
    networks: Networks,
    pid: Pid,
    disk_at: Option<usize>,
    network_totals: Option<(u64, u64)>,
    groups: Groups,
    cpu_periods: Option<(i64, i64)>,
}

impl Sampler {
    /// Takes the first readings of this process. The error is a reason in words.
    pub fn new(data_directory: PathBuf) -> Result<Self, String> {
        Self::of(std::process::id(), data_directory)
    }

    /// The same of the process of that number.
    pub fn of(process: u32, data_directory: PathBuf) -> Result<Self, String> {
        let words = |error: sysinfo::Error| error.to_string();
        let pid = Pid::from_u32(process);
        let mut system = System::new_with_specifics(RefreshKind::nothing()).map_err(words)?;
        refresh(&mut system, pid);
        let disks =
            Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage())
                .map_err(words)?;
        let networks = Networks::new_with_refreshed_list().map_err(words)?;
        let directory = data_directory.canonicalize().unwrap_or(data_directory);
        let disk_at = disk_of(&disks, &directory);
        Ok(Self {
            system,
            disks,
            networks,
            pid,
            disk_at,
            network_totals: None,
            groups: Groups::of_this_process(),
            cpu_periods: None,
        })
    }

    /// Reads everything once; costs less than a millisecond. The error is a reason in words.
    pub fn sample(&mut self) -> Result<ResourceSample, String> {
        refresh(&mut self.system, self.pid);
        self.networks.refresh(false);
        let disk = self.disk_at.and_then(|at| self.disks.get_mut(at));
        let (available, total) = disk.map_or((0, 0), |disk| {
            disk.refresh_specifics(DiskRefreshKind::nothing().with_storage());
            (disk.available_space(), disk.total_space())
        });
        let process = self
            .system
            .process(self.pid)
            .ok_or("the process is not in /proc")?;
        let io = process.disk_usage();
        let mut sample = ResourceSample {
            process_cpu_percent: f64::from(process.cpu_usage()),
            process_cpu_ms: whole(process.accumulated_cpu_time()),
            process_memory_bytes: whole(process.memory()),
            process_open_fds: process.open_files().map_or(0, |n| whole(n as u64)),
            process_disk_read_bytes: whole(io.read_bytes),
            process_disk_written_bytes: whole(io.written_bytes),
            host_cpu_percent: f64::from(self.system.global_cpu_usage()),
            host_memory_used_bytes: whole(self.system.used_memory()),
            host_memory_total_bytes: whole(self.system.total_memory()),
            disk_available_bytes: whole(available),
            disk_total_bytes: whole(total),
            ..ResourceSample::default()
        };
        let totals = self.network_totals();
        if let Some(before) = self.network_totals.replace(totals) {
            sample.network_received_bytes = whole(totals.0.saturating_sub(before.0));
            sample.network_sent_bytes = whole(totals.1.saturating_sub(before.1));
        }
        self.add_groups(&mut sample);
        Ok(sample)
    }

    fn add_groups(&mut self, sample: &mut ResourceSample) {
        let used = self.groups.now();
        sample.cgroup_memory_bytes = used.memory_bytes;
        sample.cgroup_memory_limit_bytes = used.memory_limit_bytes;
        sample.cgroup_cpu_limit_percent = used.cpu_limit_percent;
        let before = std::mem::replace(&mut self.cpu_periods, used.cpu_periods);
        sample.cgroup_cpu_throttled_percent = before
            .zip(used.cpu_periods)
            .map(|(before, now)| throttled_percent(before, now));
    }

    /// Bytes received and sent since boot, loopback left out.
    fn network_totals(&self) -> (u64, u64) {
        self.networks
            .iter()
            .filter(|(name, _)| *name != "lo")
            .fold((0, 0), |sum, (_, data)| {
                (
                    sum.0 + data.total_received(),
                    sum.1 + data.total_transmitted(),
                )
            })
    }
}

fn refresh(system: &mut System, pid: Pid) {
    system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let kind = ProcessRefreshKind::nothing()
        .with_cpu()
        .with_memory()
        .with_disk_usage();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
}

/// Bytes free for us, and in all, on the file system that holds `directory`.
pub fn disk_space(directory: &Path) -> Option<(u64, u64)> {
    let disks =
        Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()).ok()?;
    let disk = disks.get(disk_of(&disks, &directory.canonicalize().ok()?)?)?;
    Some((disk.available_space(), disk.total_space()))
}

/// The file system that holds `directory`: the longest mount point that is its ancestor.
fn disk_of(disks: &Disks, directory: &Path) -> Option<usize> {
    disks
        .iter()
        .enumerate()
        .filter(|(_, disk)| directory.starts_with(disk.mount_point()))
        .max_by_key(|(_, disk)| disk.mount_point().as_os_str().len())
        .map(|(index, _)| index)
}

/// The share of periods, counted with those that were cut short, between two readings.
fn throttled_percent(before: (i64, i64), now: (i64, i64)) -> f64 {
    let (periods, throttled) = (now.0 - before.0, now.1 - before.1);
    if periods <= 0 || throttled <= 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "periods of 100 ms since boot")]
    let share = throttled as f64 / periods as f64;
    100.0 * share.min(1.0)
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_this_process_has_plausible_figures() {
        let mut sampler = Sampler::new(PathBuf::from(".")).unwrap();
        let sample = sampler.sample().unwrap();
        assert!(sample.process_memory_bytes > 1 << 20);
        assert!(sample.process_open_fds >= 3);
        assert!(sample.host_memory_total_bytes >= sample.host_memory_used_bytes);
        assert!(sample.disk_total_bytes >= sample.disk_available_bytes);
        assert!((0.0..=100.0).contains(&sample.host_cpu_percent));
        let limit = sample.cgroup_memory_limit_bytes;
        assert!(limit.is_none_or(|limit| limit > 0), "{limit:?}");
    }

    #[test]
    fn the_share_of_periods_held_up_is_of_those_since_the_last_sample() {
        assert_eq!(throttled_percent((100, 50), (140, 60)), 25.0);
        assert_eq!(throttled_percent((100, 50), (100, 50)), 0.0);
        assert_eq!(throttled_percent((100, 50), (1, 0)), 0.0, "another group");
        assert_eq!(throttled_percent((0, 0), (4, 9)), 100.0);
    }
}
