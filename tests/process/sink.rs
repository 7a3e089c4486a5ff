//! A log whose reader stalls or is gone: fires go on, and what was lost is told when he is back.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use finstage::clock;
use serde_json::Value;

use super::daemon::{Home, let_pass};
use super::watched::get;
use super::world::{all_closed, config, every_second, is_gapless, quick, table};
use crate::support::lines;
use crate::support::tally::setting;

/// How long the log is full; `just stall` makes it a minute.
const STALL_S: u64 = 4;

/// Tasks that fail at once, each with a line: they fill the log within a few seconds.
const NOISE: usize = 500;

/// Most that half of the fires may be late, on a machine that does other things too.
const LATE_MS: i64 = 250;

/// A bound for a broken build.
const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon whose log is read by nobody else, killed when dropped.
struct Unread {
    child: Child,
    log: Option<BufReader<ChildStderr>>,
}

impl Unread {
    fn start(home: &Home) -> Self {
        let mut command = home.shell("exec \"$0\" \"$@\"", &["run"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = child.stderr.take().map(BufReader::new);
        Self { child, log }
    }

    /// The next line; `None` at the end.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let length = self.log.as_mut().unwrap().read_line(&mut line).unwrap();
        let line = line.trim_end();
        (length > 0).then(|| {
            lines::check_text(line);
            serde_json::from_str(line).unwrap()
        })
    }

    fn wait_for(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().expect(name);
            if event["event"] == name {
                return event;
            }
        }
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        let kill = std::process::Command::new("kill").arg(&pid).status();
        assert!(kill.unwrap().success());
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How late the fires of `pulse` began from `since` on: at the median, of a hundred the worst but
/// one, at worst, ms; every one of them has its row and its end.
#[track_caller]
fn lateness(home: &Home, since: &str) -> [i64; 3] {
    let rows = home.ledger();
    let rows = is_gapless(&rows, "pulse");
    all_closed(&rows.iter().map(|row| (*row).clone()).collect::<Vec<_>>());
    let late = rows
        .iter()
        .filter(|row| row["scheduled_for"].as_str() >= Some(since));
    let mut late: Vec<i64> = late
        .map(|row| row["lateness_ms"].as_i64().unwrap())
        .collect();
    late.sort_unstable();
    let at = |percent: usize| late[(late.len() - 1) * percent / 100];
    [at(50), at(99), at(100)]
}

fn dropped(address: &str) -> u64 {
    let host = format!("Host: {address}\r\n");
    let (_, text) = get(address, "/metrics", &host);
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("finstage_log_lines_dropped_total "));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

#[test]
fn a_log_whose_reader_stalls_holds_up_no_fire_and_tells_what_it_lost() {
    let (_runtime, upstream) = quick();
    let symbols: Vec<String> = (0..NOISE).map(|n| format!("\"N{n}\"")).collect();
    // Without a key nobody is asked: each task fails by itself.
    let noise =
        "every = \"1s\"\nproviders = [\"tiingo\"]\nconcurrency = 50\ncatchup_window = \"0s\"";
    let noise = table("noise", &symbols.join(", "), noise);
    let text = config(&upstream, &(every_second("pulse", "") + &noise));
    let http = "[daemon]\nhttp = { listen = \"127.0.0.1:0\" }\n";
    let home = Home::new(&text.replacen("[daemon]\n", http, 1));
    let mut daemon = Unread::start(&home);
    let address = daemon.wait_for("daemon.watchable")["listen"].clone();
    let address = address.as_str().unwrap();
    daemon.wait_for("run.finished");
    // From here on nobody reads.
    let begun = clock::monotonic();
    while dropped(address) == 0 {
        assert!(begun.elapsed() < PATIENCE, "the log never got full");
        let_pass(Duration::from_millis(200));
    }
    let since = clock::Clock::system().now().to_string();
    let_pass(Duration::from_secs(setting(
        "FINSTAGE_STALL_SECONDS",
        STALL_S,
    )));
    let lost = dropped(address);
    let sleeping = home.status();
    assert_eq!(sleeping["schedules"].as_array().unwrap().len(), 2);
    // He is back, and has caught up before the daemon's last words are due.
    let back = clock::Clock::system().now().to_string();
    let (mut told, mut end, mut is_caught_up) = (0, Value::Null, false);
    while let Some(event) = daemon.next() {
        if event["event"] == "log.dropped" {
            told += event["lines"].as_u64().unwrap();
        }
        if !is_caught_up && event["ts"].as_str().unwrap() > back.as_str() {
            is_caught_up = true;
            daemon.terminate();
        }
        end = event;
    }
    assert!(daemon.child.wait().unwrap().success());
    assert!(told >= lost && lost > 0, "told of {told}, lost {lost}");
    assert_eq!(end["event"], "daemon.stopped", "{end}");
    let [p50, p99, worst] = lateness(&home, &since);
    eprintln!("log stalled: {lost} lines lost; fires late by p50 {p50} p99 {p99} worst {worst} ms");
    assert!(p50 < LATE_MS, "p50 {p50}, p99 {p99}, worst {worst} ms");
}

#[test]
fn a_log_that_is_closed_or_whose_reader_is_gone_ends_nothing() {
    let (_runtime, upstream) = quick();
    for is_closed in [false, true] {
        let home = Home::new(&config(&upstream, &every_second("pulse", "")));
        let mut daemon = Unread::start(&home);
        daemon.wait_for("run.finished");
        if is_closed {
            daemon.terminate();
            while daemon.next().is_some() {}
            assert!(daemon.child.wait().unwrap().success());
            let mut command = home.shell("exec \"$0\" \"$@\" 2>&-", &["run"]);
            daemon.child = command.spawn().unwrap();
        }
        daemon.log = None;
        let rows = |home: &Home| home.ledger().len();
        let (before, begun) = (rows(&home), clock::monotonic());
        while rows(&home) < before + 4 {
            assert!(
                begun.elapsed() < PATIENCE,
                "closed {is_closed}: no more fires"
            );
            let_pass(Duration::from_millis(300));
        }
        daemon.terminate();
        assert!(
            daemon.child.wait().unwrap().success(),
            "closed: {is_closed}"
        );
        let [p50, ..] = lateness(&home, "");
        assert!(p50 < LATE_MS, "closed {is_closed}: {p50} ms");
    }
}
