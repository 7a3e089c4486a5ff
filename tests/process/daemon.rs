//! The real binary as a child process: its log is read line by line, and waited on by event.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::Value;

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
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("DATABASE_URL");
        command
    }

    /// Runs a verb to its end.
    pub(crate) fn verb(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a verb that prints JSON and must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.verb(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts the daemon.
    pub(crate) fn start(&self, arguments: &[&str]) -> Daemon {
        let mut child = self
            .command(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
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
