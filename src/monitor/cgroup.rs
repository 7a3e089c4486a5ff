//! What the control groups of this process allow and use: the second version, and the first where
//! the machine still has it. What cannot be read is not known; nothing here fails.

use std::path::{Path, PathBuf};

/// Where the groups of the second version are; with the first beside it, one folder lower.
const UNIFIED: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// From here on a limit of the first version means none: it is the largest number of whole pages.
const NO_LIMIT: i64 = 1 << 62;

/// What the groups allow and use; `None` where there is none, or nobody says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct GroupUse {
    /// The least memory any of the groups allows.
    pub(super) memory_limit_bytes: Option<i64>,
    /// Memory in use in the group that allows the least, file pages that can be dropped left out.
    pub(super) memory_bytes: Option<i64>,
    /// The least CPU any of the groups allows; 100 is one core.
    pub(super) cpu_limit_percent: Option<f64>,
    /// Periods in which that group could use CPU, and those in which it was held up for the rest.
    pub(super) cpu_periods: Option<(i64, i64)>,
}

/// How the files of memory are called in a version.
struct Names {
    limits: &'static [&'static str],
    used: &'static str,
    droppable: &'static str,
}

/// Gives the text of a file that can be read.
type Read<'r> = &'r dyn Fn(&Path) -> Option<String>;

const FIRST: Names = Names {
    limits: &["memory.limit_in_bytes"],
    used: "memory.usage_in_bytes",
    droppable: "total_inactive_file",
};

const SECOND: Names = Names {
    limits: &["memory.high", "memory.max"],
    used: "memory.current",
    droppable: "inactive_file",
};

/// The folders of one controller, the process's own group first, the root last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Levels {
    folders: Vec<PathBuf>,
}

/// The groups the process is in. Where they are is asked once: a service does not move.
#[derive(Debug, Default)]
pub(super) struct Groups {
    first_memory: Levels,
    first_cpu: Levels,
    second: Levels,
}

impl Groups {
    /// Those of this process.
    pub(super) fn of_this_process() -> Self {
        Self::locate(&read_file)
    }

    fn locate(read: Read<'_>) -> Self {
        let mut groups = Self::default();
        let lines = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
        for line in lines.lines() {
            // `4:memory:/system.slice/x`; of the second version `0::/system.slice/x`.
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let below = path.trim_start_matches('/');
            let levels = |root: &str| Levels::below(Path::new(root), below);
            let has = |name: &str| controllers.split(',').any(|one| one == name);
            if controllers.is_empty() {
                for root in UNIFIED {
                    groups.second.folders.extend(levels(root).folders);
                }
            }
            if has("memory") {
                groups.first_memory = levels("/sys/fs/cgroup/memory");
            }
            if has("cpu") {
                groups.first_cpu = levels("/sys/fs/cgroup/cpu");
            }
        }
        groups
    }

    /// What they allow and use now.
    pub(super) fn now(&self) -> GroupUse {
        self.read(&read_file)
    }

    fn read(&self, read: Read<'_>) -> GroupUse {
        let memory = self
            .second
            .memory(&SECOND, read)
            .or_else(|| self.first_memory.memory(&FIRST, read));
        let cpu = self
            .second
            .cpu(read, second_quota)
            .or_else(|| self.first_cpu.cpu(read, first_quota));
        GroupUse {
            memory_limit_bytes: memory.map(|(limit, _)| limit),
            memory_bytes: memory.and_then(|(_, used)| used),
            cpu_limit_percent: cpu.map(|(limit, _)| limit),
            cpu_periods: cpu.and_then(|(_, periods)| periods),
        }
    }
}

impl Levels {
    fn below(root: &Path, path: &str) -> Self {
        let own = root.join(path);
        let folders = own
            .ancestors()
            .take_while(|folder| folder.starts_with(root));
        Self {
            folders: folders.map(Path::to_owned).collect(),
        }
    }

    /// The least limit of memory, and what is in use below it.
    fn memory(&self, names: &Names, read: Read<'_>) -> Option<(i64, Option<i64>)> {
        let number = |path: PathBuf| read(&path)?.trim().parse::<i64>().ok();
        let limits = self.folders.iter().filter_map(|folder| {
            let limits = names.limits.iter();
            let least = limits.filter_map(|name| number(folder.join(name))).min()?;
            (least < NO_LIMIT).then_some((least, folder))
        });
        let (limit, folder) = limits.min_by_key(|(limit, _)| *limit)?;
        let used = number(folder.join(names.used)).map(|used| {
            let stat = read(&folder.join("memory.stat")).unwrap_or_default();
            let droppable = keyed(&stat, names.droppable).unwrap_or(0);
            used.saturating_sub(droppable).max(0)
        });
        Some((limit, used))
    }

    /// The least limit of CPU, and the periods it was kept in.
    fn cpu(
        &self,
        read: Read<'_>,
        quota: fn(&Path, Read<'_>) -> Option<f64>,
    ) -> Option<(f64, Option<(i64, i64)>)> {
        let limits = self
            .folders
            .iter()
            .filter_map(|folder| Some((quota(folder, read)?, folder)));
        let (limit, folder) = limits.min_by(|one, other| one.0.total_cmp(&other.0))?;
        let stat = read(&folder.join("cpu.stat")).unwrap_or_default();
        let periods = keyed(&stat, "nr_periods").zip(keyed(&stat, "nr_throttled"));
        Some((limit, periods))
    }
}

/// Percent of one core by `cpu.max`: `200000 100000`, or `max 100000` for no limit.
fn second_quota(folder: &Path, read: Read<'_>) -> Option<f64> {
    let text = read(&folder.join("cpu.max"))?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<f64>);
    percent(numbers.next()?.ok()?, numbers.next()?.ok()?)
}

/// The same by two files; a quota of -1 is none.
fn first_quota(folder: &Path, read: Read<'_>) -> Option<f64> {
    let number = |name: &str| read(&folder.join(name))?.trim().parse::<f64>().ok();
    percent(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
}

fn percent(quota: f64, period: f64) -> Option<f64> {
    (quota > 0.0 && period > 0.0).then(|| 100.0 * quota / period)
}

/// The number behind `key` in a file of `key number` lines.
fn keyed(text: &str, key: &str) -> Option<i64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, number) = lines.find(|(name, _)| *name == key)?;
    number.trim().parse().ok()
}

fn read_file(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(files: &[(&str, &str)]) -> GroupUse {
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        Groups::locate(&read).read(&read)
    }

    #[test]
    fn the_least_limit_of_the_groups_above_counts_and_what_is_used_below_it() {
        let found = used(&[
            ("/proc/self/cgroup", "0::/system.slice/finstage.service\n"),
            (
                "/sys/fs/cgroup/system.slice/finstage.service/memory.high",
                "max\n",
            ),
            (
                "/sys/fs/cgroup/system.slice/finstage.service/memory.max",
                "536870912\n",
            ),
            ("/sys/fs/cgroup/system.slice/memory.max", "268435456\n"),
            ("/sys/fs/cgroup/system.slice/memory.current", "200000000\n"),
            (
                "/sys/fs/cgroup/system.slice/memory.stat",
                "anon 1\ninactive_file 50000000\nactive_file 7\n",
            ),
            (
                "/sys/fs/cgroup/system.slice/finstage.service/cpu.max",
                "150000 100000\n",
            ),
            (
                "/sys/fs/cgroup/system.slice/finstage.service/cpu.stat",
                "usage_usec 5\nnr_periods 40\nnr_throttled 10\nthrottled_usec 9\n",
            ),
            ("/sys/fs/cgroup/system.slice/cpu.max", "max 100000\n"),
        ]);
        let expected = GroupUse {
            memory_limit_bytes: Some(256 << 20),
            memory_bytes: Some(150_000_000),
            cpu_limit_percent: Some(150.0),
            cpu_periods: Some((40, 10)),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn within_a_container_the_root_of_the_tree_is_the_group() {
        let found = used(&[
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "1000\n"),
            ("/sys/fs/cgroup/memory.current", "600\n"),
        ]);
        assert_eq!(
            (found.memory_limit_bytes, found.memory_bytes),
            (Some(1_000), Some(600))
        );
        assert_eq!((found.cpu_limit_percent, found.cpu_periods), (None, None));
    }

    #[test]
    fn the_first_version_is_read_where_the_second_says_nothing() {
        let found = used(&[
            (
                "/proc/self/cgroup",
                "4:memory:/box/1\n2:cpu,cpuacct:/box/1\n1:name=systemd:/\n0::/\n",
            ),
            (
                "/sys/fs/cgroup/memory/box/1/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "5000\n"),
            ("/sys/fs/cgroup/memory/box/memory.usage_in_bytes", "4000\n"),
            (
                "/sys/fs/cgroup/memory/box/memory.stat",
                "inactive_file 1\ntotal_inactive_file 1500\n",
            ),
            ("/sys/fs/cgroup/cpu/box/1/cpu.cfs_quota_us", "50000\n"),
            ("/sys/fs/cgroup/cpu/box/1/cpu.cfs_period_us", "100000\n"),
            ("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n"),
            ("/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n"),
        ]);
        let expected = GroupUse {
            memory_limit_bytes: Some(5_000),
            memory_bytes: Some(2_500),
            cpu_limit_percent: Some(50.0),
            cpu_periods: None,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_read_or_is_nonsense_is_not_known() {
        assert_eq!(used(&[]), GroupUse::default());
        let nonsense = used(&[
            ("/proc/self/cgroup", "0\n\n:::\n0::/../..\n4:memory\n"),
            ("/sys/fs/cgroup/memory.max", "many\n"),
            ("/sys/fs/cgroup/cpu.max", "0 0\n"),
        ]);
        assert_eq!(nonsense, GroupUse::default());
        // Whatever this machine has, looking does not panic.
        let _ = Groups::of_this_process().now();
    }
}
