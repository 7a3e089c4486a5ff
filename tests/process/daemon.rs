//! The real binary as a child process: its log is read line by line, and waited on by event.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use finstage::clock;

use serde_json::Value;

use crate::support::lines;

/// Longest wait for any event: a bound for a broken build, never reached by a good one.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory with a schedules.toml, removed when dropped.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new(schedules: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.path().join("data")).unwrap();
        home.write(schedules);
        home
    }

    pub(crate) fn write(&self, schedules: &str) {
        std::fs::write(self.path().join("schedules.toml"), schedules).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_finstage"));
        command.args(arguments);
        self.at_home(command)
    }

    /// The program begun by a shell that does `first`.
    pub(crate) fn shell(&self, first: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", first, env!("CARGO_BIN_EXE_finstage")])
            .args(arguments);
        self.at_home(command)
    }

    fn at_home(&self, mut command: Command) -> Command {
        command
            .current_dir(self.path())
            .env_remove("DATABASE_URL")
            .env_remove("RUNTIME_DIRECTORY");
        command
    }

    /// Where its daemon has the control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("data/finstage.sock")
    }

    /// Runs a verb to its end.
    pub(crate) fn verb(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same with more in its environment.
    pub(crate) fn verb_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied()).output().unwrap()
    }

    /// Runs a verb to its end, and gives what people see of it.
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        let output = self.verb(arguments);
        Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What `status --json` prints, whatever its exit code.
    pub(crate) fn status(&self) -> Value {
        let said = self.say(&["status", "--json"]);
        serde_json::from_str(&said.stdout).expect(&said.stderr)
    }

    /// All rows of the ledger, in the order of their fires.
    pub(crate) fn ledger(&self) -> Vec<Value> {
        let rows = self.json(&["runs", "--json", "-n", "1000000"]);
        let mut rows = rows.as_array().unwrap().clone();
        let key = |row: &Value| {
            let name = row["schedule"].as_str().unwrap().to_owned();
            (name, fire_ms(row))
        };
        rows.sort_by_cached_key(key);
        rows
    }

    /// Runs a verb that prints JSON and must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.verb(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Every line its daemons have logged, as it was written.
    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("daemon.log")
    }

    /// Starts the daemon.
    pub(crate) fn start(&self, arguments: &[&str]) -> Daemon {
        self.start_in(arguments, &[])
    }

    /// Starts the daemon with more in its environment.
    pub(crate) fn start_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        self.start_by(command)
    }

    /// Starts the daemon by a command of its own.
    pub(crate) fn start_by(&self, mut command: Command) -> Daemon {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        let mut log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                writeln!(log, "{line}").unwrap();
                let _ = sender.send(line);
            }
        });
        Daemon {
            child,
            lines,
            seen: Vec::new(),
        }
    }
}

/// What people see of a verb.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// The instant a row, or an event, is planned for.
pub(crate) fn fire_ms(row: &Value) -> i64 {
    let at: jiff::Timestamp = row["scheduled_for"].as_str().unwrap().parse().unwrap();
    at.as_millisecond()
}

/// Lets time pass: for tests of what happens while nothing does, where there is no event to wait
/// for.
pub(crate) fn let_pass(span: Duration) {
    let until = clock::monotonic() + span;
    while clock::monotonic() < until {
        std::thread::park_timeout(until - clock::monotonic());
    }
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

impl Daemon {
    /// Waits for the next event that `wanted` accepts.
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("no such event; seen: {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended; seen: {:#?}", self.seen),
            };
            lines::check_text(&line);
            let event: Value = serde_json::from_str(&line).expect(&line);
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Waits for the next event of that name.
    pub(crate) fn wait_for_event(&mut self, name: &str) -> Value {
        self.wait_for(|event| event["event"] == name)
    }

    /// Waits for the next event of that name about that schedule.
    pub(crate) fn wait_for_schedule(&mut self, name: &str, schedule: &str) -> Value {
        self.wait_for(|event| event["event"] == name && event["schedule.name"] == schedule)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in order; gives every event it has logged.
    pub(crate) fn stop(self) -> Vec<Value> {
        self.signal("-TERM");
        let (status, log) = self.end();
        assert!(status.success(), "{status}: {log:#?}");
        assert_eq!(log.last().unwrap()["event"], "daemon.stopped");
        log
    }

    /// kill -9; gives every event that was logged whole.
    pub(crate) fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let rest = self
            .lines
            .iter()
            .filter_map(|line| serde_json::from_str(&line).ok())
            .inspect(lines::check);
        self.seen.extend(rest);
        std::mem::take(&mut self.seen)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the process to end; gives its status and every event it has logged.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<Value>) {
        let status = self.child.wait().unwrap();
        let rest = self
            .lines
            .iter()
            .inspect(|line| lines::check_text(line))
            .map(|line| serde_json::from_str(&line).expect(&line));
        self.seen.extend(rest);
        (status, std::mem::take(&mut self.seen))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
