//! How much memory a test takes: measured in a process of its own, where nobody else takes any.

use std::process::Command;

/// Set in the process that does the work.
const CHILD: &str = "FINSTAGE_FAULTS_CHILD";

/// Most that the process may grow while answers of 1 GB come in.
const MAX_GROWTH_KIB: u64 = 64 << 10;

/// Runs the test `path` once more in a process of its own and gives false; gives true there.
pub(crate) fn is_alone(path: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let (_, path) = path.split_once("::").unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([path, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    let complained = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{told}\n{complained}");
    assert!(told.contains("1 passed"), "{path} did not run: {told}");
    eprint!("{complained}");
    false
}

/// The peak of this process's memory from now on.
pub(super) struct Peak {
    before_kib: u64,
}

impl Peak {
    /// Forgets the peak there was.
    pub(super) fn from_now_on() -> Self {
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let (before_kib, peak_kib) = (status("VmRSS:"), status("VmHWM:"));
        assert!(
            peak_kib <= before_kib + (2 << 10),
            "the peak was not forgotten: {peak_kib} KiB with {before_kib} KiB in use"
        );
        Self { before_kib }
    }

    /// How far above the beginning it ever was; an error when that is too far.
    pub(super) fn check(&self, what: &str) -> Result<(), String> {
        let growth = status("VmHWM:").saturating_sub(self.before_kib);
        eprintln!("{what}: {} KiB, at most {growth} KiB more", self.before_kib);
        if growth < MAX_GROWTH_KIB {
            return Ok(());
        }
        Err(format!("{what}: memory grew by {growth} KiB"))
    }
}

fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let number = line.unwrap().split_whitespace().next().unwrap();
    number.parse().unwrap()
}

/// A runtime as the daemon has it.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
