//! How late fires are claimed and begun when thousands are due in the same second, with the
//! processor idle, taken, and with the runtime's own workers taken; on the disk, beside what the
//! disk itself takes to keep a page, and in memory, where only the code is late.

mod claim;
mod disk;
mod rival;
mod world;

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::support::Figures;
pub(crate) use claim::fill;
use world::{Round, World};

/// What else goes on meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Idle,
    /// As many busy processes as processors.
    Hogs,
    /// As many tasks on the runtime as it has workers, each busy for 50 ms before it yields.
    Workers,
}

/// Schedules, the seconds between their fires, rounds, and the goal for the claim, ms.
const SIZES: [(usize, u64, u32, f64); 4] = [
    (1, 1, 20, 5.0),
    (100, 1, 20, 5.0),
    (1_000, 3, 10, 10.0),
    (5_000, 6, 6, 50.0),
];

/// What a tick may be late one or two seconds after a big one, ms.
const NEXT_TICK_MS: f64 = 5.0;

pub(crate) fn measure(figures: &mut Figures, wants: impl Fn(&str) -> bool) {
    if wants("lateness_claim") {
        claim::measure(figures);
    }
    let memory = Some("/dev/shm").filter(|path| Path::new(path).is_dir());
    let loads = [
        ("lateness_idle", Load::Idle, "idle", None),
        ("lateness_hogs", Load::Hogs, "2 busy processes", None),
        (
            "lateness_workers",
            Load::Workers,
            "runtime workers taken",
            None,
        ),
        (
            "lateness_memory_idle",
            Load::Idle,
            "idle, in memory",
            memory,
        ),
        (
            "lateness_memory_hogs",
            Load::Hogs,
            "2 busy processes, in memory",
            memory,
        ),
    ];
    for (name, load, words, within) in loads {
        if !wants(name) {
            continue;
        }
        for (schedules, period_s, rounds, goal) in SIZES {
            let _hogs = (load == Load::Hogs).then(Hogs::start);
            let world = World {
                schedules,
                period: Duration::from_secs(period_s),
                rounds,
                are_workers_busy: load == Load::Workers,
                within,
            };
            report(figures, &world, words, goal);
        }
    }
    for (name, load, words, _) in &loads[..2] {
        if wants(&name.replace("lateness", "lateness_tcs")) {
            let _hogs = (*load == Load::Hogs).then(Hogs::start);
            rival::measure(figures, words);
        }
    }
}

fn report(figures: &mut Figures, world: &World, words: &str, goal: f64) {
    let Round {
        claims,
        begins,
        next_ticks,
        flushes,
        lost,
        doubled,
    } = world.run();
    let count = world.schedules;
    figures.add(
        &format!("claim of {count} fires due at once, {words}"),
        format!("{claims} ms late, {lost} lost, {doubled} doubled"),
        &format!("p99 ≤ {goal} ms, 0, 0"),
        format!("tasks begun {begins} ms after; the disk keeps a page in {flushes} ms"),
    );
    if count >= 1_000 {
        figures.add(
            &format!("ticks 1 and 2 s after {count} fires, {words}"),
            format!("{next_ticks} ms late"),
            &format!("p99 ≤ {NEXT_TICK_MS} ms"),
            String::new(),
        );
    }
}

/// Busy processes, one a processor, until dropped; as far behind this one as the unit's `Nice=`
/// puts ordinary ones behind the daemon.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start() -> Self {
        let processors = std::thread::available_parallelism().unwrap().get();
        let hog = |_| {
            let mut shell = Command::new("nice");
            let shell = shell.args(["-n", "5", "sh", "-c", "while :; do :; done"]);
            shell.spawn().unwrap()
        };
        Self((0..processors).map(hog).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}
