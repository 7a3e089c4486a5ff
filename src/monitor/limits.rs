//! How near the process is to what it may have, and what is said when that changes.

use std::path::Path;

use crate::store::ResourceSample;
use crate::telemetry::events;

/// Bytes left on the database's disk below which it counts as nearly full.
const DISK_LOW_BYTES: i64 = 512 << 20;

/// Bytes left from which on it has room again.
const DISK_NORMAL_BYTES: i64 = 768 << 20;

/// Share of the CPU periods in which the process was held up, from which on it is told.
const THROTTLED_HIGH_PERCENT: i64 = 25;

/// Share below which it no longer is.
const THROTTLED_NORMAL_PERCENT: i64 = 10;

/// What the process may have, beside what each sample says of its control groups; `None` where
/// nobody has set a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Open files.
    pub open_files: Option<i64>,
}

impl Limits {
    /// Those of this process.
    pub(super) fn of_this_process() -> Self {
        Self::read(|path| std::fs::read_to_string(path).ok())
    }

    fn read(read: impl Fn(&Path) -> Option<String>) -> Self {
        let open_files = read(Path::new("/proc/self/limits"))
            .and_then(|text| {
                let line = text
                    .lines()
                    .find_map(|line| line.strip_prefix("Max open files"))?;
                line.split_ascii_whitespace().next().map(str::to_owned)
            })
            .and_then(|soft| soft.parse().ok());
        Self { open_files }
    }
}

/// A figure with two thresholds, so that one that hovers is not told again and again.
#[derive(Debug, Default)]
struct Level {
    is_high: bool,
}

impl Level {
    /// What has changed: `true` when it rose to `high`, `false` when it fell below `normal`.
    fn judge(&mut self, value: i64, high: i64, normal: i64) -> Option<bool> {
        let was = self.is_high;
        self.is_high = if was { value >= normal } else { value >= high };
        (self.is_high != was).then_some(self.is_high)
    }
}

/// What was said last.
#[derive(Debug, Default)]
pub struct Watch {
    memory: Level,
    files: Level,
    disk: Level,
    cpu: Level,
}

impl Watch {
    /// Says what has come near its limit with this sample, and what no longer is.
    pub fn look(&mut self, sample: &ResourceSample, limits: &Limits) {
        self.look_at_memory(sample);
        self.look_at_files(sample.process_open_fds, limits);
        self.look_at_disk(sample);
        self.look_at_cpu(sample);
    }

    /// The limit is that of the control groups, else the machine's memory. What others in the group
    /// use counts: the limit is theirs too.
    fn look_at_memory(&mut self, sample: &ResourceSample) {
        let process_memory_bytes = sample.process_memory_bytes;
        let (limit_bytes, cgroup_memory_bytes) = match sample.cgroup_memory_limit_bytes {
            Some(limit) => (limit, sample.cgroup_memory_bytes.unwrap_or(0)),
            None => (sample.host_memory_total_bytes, 0),
        };
        if limit_bytes == 0 {
            // Not to be read (ProcSubset=pid), which is not full.
            return;
        }
        let used = process_memory_bytes.max(cgroup_memory_bytes);
        let (high, normal) = (limit_bytes / 10 * 9, limit_bytes / 10 * 8);
        match self.memory.judge(used, high, normal) {
            Some(true) => events::ResourceMemoryHigh {
                process_memory_bytes,
                cgroup_memory_bytes,
                limit_bytes,
            }
            .emit(),
            Some(false) => events::ResourceMemoryNormal {
                process_memory_bytes,
                cgroup_memory_bytes,
                limit_bytes,
            }
            .emit(),
            None => {}
        }
    }

    fn look_at_cpu(&mut self, sample: &ResourceSample) {
        let Some(throttled_percent) = sample.cgroup_cpu_throttled_percent else {
            return;
        };
        let limit_percent = sample.cgroup_cpu_limit_percent.unwrap_or(f64::NAN);
        #[allow(clippy::cast_possible_truncation, reason = "a share of 0 to 100")]
        let whole = throttled_percent as i64;
        match self
            .cpu
            .judge(whole, THROTTLED_HIGH_PERCENT, THROTTLED_NORMAL_PERCENT)
        {
            Some(true) => events::ResourceCpuThrottled {
                throttled_percent,
                limit_percent,
            }
            .emit(),
            Some(false) => events::ResourceCpuFree {
                throttled_percent,
                limit_percent,
            }
            .emit(),
            None => {}
        }
    }

    fn look_at_files(&mut self, process_open_fds: i64, limits: &Limits) {
        let Some(limit) = limits.open_files else {
            return;
        };
        let (high, normal) = (limit.saturating_mul(8) / 10, limit.saturating_mul(7) / 10);
        match self.files.judge(process_open_fds, high, normal) {
            Some(true) => events::ResourceFilesHigh {
                process_open_fds,
                limit,
            }
            .emit(),
            Some(false) => events::ResourceFilesNormal {
                process_open_fds,
                limit,
            }
            .emit(),
            None => {}
        }
    }

    fn look_at_disk(&mut self, sample: &ResourceSample) {
        let (disk_available_bytes, disk_total_bytes) =
            (sample.disk_available_bytes, sample.disk_total_bytes);
        if disk_total_bytes == 0 {
            // Not to be read, which is not full.
            return;
        }
        let lacking = -disk_available_bytes;
        match self
            .disk
            .judge(lacking, -DISK_LOW_BYTES + 1, -DISK_NORMAL_BYTES)
        {
            Some(true) => events::ResourceDiskLow {
                disk_available_bytes,
                disk_total_bytes,
            }
            .emit(),
            Some(false) => events::ResourceDiskNormal {
                disk_available_bytes,
                disk_total_bytes,
            }
            .emit(),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_when_it_rises_and_when_it_has_clearly_fallen() {
        let mut level = Level::default();
        let told: Vec<_> = [10, 89, 90, 95, 85, 80, 79, 85, 91]
            .into_iter()
            .map(|value| level.judge(value, 90, 80))
            .collect();
        let expected = [
            None,
            None,
            Some(true),
            None,
            None,
            None,
            Some(false),
            None,
            Some(true),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_limit_of_files_is_the_soft_one() {
        let files = |path: &Path| {
            let text = "Limit  Soft  Hard  Units\nMax open files            1024                 524288               files\n";
            (path == Path::new("/proc/self/limits")).then(|| text.to_owned())
        };
        assert_eq!(Limits::read(files).open_files, Some(1_024));
        assert_eq!(Limits::read(|_| None), Limits::default());
        assert!(Limits::of_this_process().open_files.unwrap() > 0);
    }
}
