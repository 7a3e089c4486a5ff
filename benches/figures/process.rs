//! The real process: start to ready, and what it costs while idle.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Figures;

/// How long the idle process is watched.
const WATCH_S: u64 = 30;

/// Time for what happens once after the start (first pages, first sample) to be over.
const SETTLE_S: u64 = 20;

pub(crate) fn measure(figures: &mut Figures) {
    let directory = tempfile::tempdir().unwrap();
    let mut text = String::from(
        "[store]\nurl = \"sqlite://finstage.db?mode=rwc\"\n[upstream.yahoo]\nmax_rps = 4.0\n",
    );
    for index in 0..15 {
        write!(
            text,
            "[schedules.s{index}]\njob = \"quotes\"\ncron = \"{index} 3 1 1 *\"\n\
             misfire_policy = \"skip\"\nsymbols = [\"AAPL\"]\n"
        )
        .unwrap();
    }
    fs::write(directory.path().join("schedules.toml"), text).unwrap();
    let mut ready: Vec<f64> = Vec::new();
    for _ in 0..10 {
        let (mut child, seconds) = start(directory.path());
        ready.push(seconds * 1e3);
        stop(&mut child);
    }
    let first = ready[0];
    ready.remove(0);
    ready.sort_by(f64::total_cmp);
    figures.add(
        "start to ready, 15 schedules",
        format!("median {:.0} ms, worst {:.0} ms of 9", ready[4], ready[8]),
        "≤ 100 ms",
        format!("first start with an empty database {first:.0} ms"),
    );
    let (mut child, _) = start(directory.path());
    std::thread::sleep(Duration::from_secs(SETTLE_S));
    let before = (switches(&child), cpu_ticks(&child));
    std::thread::sleep(Duration::from_secs(WATCH_S));
    let after = (switches(&child), cpu_ticks(&child));
    let wakeups = (after.0 - before.0) as f64 / WATCH_S as f64;
    let cpu_ms = (after.1 - before.1) as f64 * 10.0 / WATCH_S as f64;
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let kib = |key: &str| field(&status, key) as f64 / 1024.0;
    figures.add(
        "idle memory, 15 schedules",
        format!(
            "{:.1} MiB resident, {:.1} MiB of it its own",
            kib("VmRSS:"),
            kib("RssAnon:")
        ),
        "≤ 25 MB",
        String::new(),
    );
    figures.add(
        "idle wake-ups, 15 schedules",
        format!("{wakeups:.1}/s, {cpu_ms:.2} ms CPU a second"),
        "≤ 5/s",
        "voluntary context switches of all threads".to_owned(),
    );
    stop(&mut child);
}

pub(crate) fn start(directory: &std::path::Path) -> (Child, f64) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_finstage"))
        .arg("run")
        .current_dir(directory)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next().expect("the daemon ended").unwrap();
        if line.contains("\"daemon.ready\"") {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    // Keep reading, or the daemon would write into a closed pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (child, seconds)
}

pub(crate) fn stop(child: &mut Child) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(child.wait().unwrap().success());
}

fn switches(child: &Child) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    tasks
        .map(|task| {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            field(&status, "voluntary_ctxt_switches:")
        })
        .sum()
}

fn cpu_ticks(child: &Child) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_ascii_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn field(status: &str, key: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}
