//! How near the process is to what it may have, and what is said when that changes.

use std::path::{Path, PathBuf};

use crate::store::ResourceSample;
use crate::telemetry::events;

/// Bytes left on the database's disk below which it counts as nearly full.
const DISK_LOW_BYTES: i64 = 512 << 20;

/// Bytes left from which on it has room again.
const DISK_NORMAL_BYTES: i64 = 768 << 20;

/// What the process may have; `None` where nobody has set a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory, by the control groups the process is in.
    pub memory_bytes: Option<i64>,
    /// Open files.
    pub open_files: Option<i64>,
}

impl Limits {
    /// Those of this process.
    pub(super) fn of_this_process() -> Self {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        Self::read(read)
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
        let group = read(Path::new("/proc/self/cgroup")).and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("0::/").map(str::to_owned))
        });
        let memory_bytes = group.and_then(|group| {
            let folder = PathBuf::from("/sys/fs/cgroup").join(group);
            let groups = folder
                .ancestors()
                .take_while(|it| it.starts_with("/sys/fs/cgroup"));
            groups
                .flat_map(|group| [group.join("memory.high"), group.join("memory.max")])
                .filter_map(|path| read(&path)?.trim().parse().ok())
                .min()
        });
        Self {
            memory_bytes,
            open_files,
        }
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
}

impl Watch {
    /// Says what has come near its limit with this sample, and what no longer is.
    pub fn look(&mut self, sample: &ResourceSample, limits: &Limits) {
        let process_memory_bytes = sample.process_memory_bytes;
        let limit_bytes = limits
            .memory_bytes
            .unwrap_or(sample.host_memory_total_bytes);
        let (high, normal) = (limit_bytes / 10 * 9, limit_bytes / 10 * 8);
        match self.memory.judge(process_memory_bytes, high, normal) {
            Some(true) => events::ResourceMemoryHigh {
                process_memory_bytes,
                limit_bytes,
            }
            .emit(),
            Some(false) => events::ResourceMemoryNormal {
                process_memory_bytes,
                limit_bytes,
            }
            .emit(),
            None => {}
        }
        self.look_at_files(sample.process_open_fds, limits);
        self.look_at_disk(sample);
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
    fn limits_are_the_least_of_the_groups_above_and_the_soft_limit_of_files() {
        let files = |path: &Path| {
            let text = match path.to_str()? {
                "/proc/self/limits" => {
                    "Limit  Soft  Hard  Units\nMax open files            1024                 524288               files\n"
                }
                "/proc/self/cgroup" => "0::/system.slice/finstage.service\n",
                "/sys/fs/cgroup/system.slice/finstage.service/memory.high" => "268435456\n",
                "/sys/fs/cgroup/system.slice/finstage.service/memory.max" => "536870912\n",
                "/sys/fs/cgroup/system.slice/memory.max" => "max\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let expected = Limits {
            memory_bytes: Some(256 << 20),
            open_files: Some(1024),
        };
        assert_eq!(Limits::read(files), expected);
        assert_eq!(Limits::read(|_| None), Limits::default());
        assert!(Limits::of_this_process().open_files.unwrap() > 0);
    }
}
