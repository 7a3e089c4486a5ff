//! schedules.toml: what is told about a bad one, and what a good one means.

mod after;
mod alerts;
mod cache;
mod calendars;
mod difference;
mod indicators;
mod lints;
mod problems;
mod providers;
mod random;
mod several;
mod valid;

use std::path::PathBuf;

use finstage::config::{Config, Environment, Problem, Problems, load, parse};
use tempfile::TempDir;

/// A small valid file; tests replace single lines of it.
const GOOD: &str = r#"[defaults]
timezone = "UTC"
[store]
url = "sqlite://data/x.db"
[upstream.yahoo]
max_rps = 1.0
[symbols]
tech = ["AAPL", "MSFT"]
[schedules.us]
job = "quotes"
cron = "0 9 * * *"
symbols = ["@tech"]
"#;

/// A directory with a `data` folder, as the default database wants it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("data")).unwrap();
        Self(directory)
    }

    fn environment(&self) -> Environment {
        Environment::in_directory(self.0.path()).at("2026-11-22T00:00:00Z".parse().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, text: &str) -> Result<(Config, Problems), Problems> {
        parse(&self.path("schedules.toml"), text, &self.environment())
    }

    fn load(&self, name: &str) -> Result<(Config, Problems), Problems> {
        load(&self.path(name), &self.environment())
    }

    fn problems(&self, text: &str) -> Vec<Problem> {
        let problems = self.read(text).expect_err("it was accepted");
        problems.iter().cloned().collect()
    }
}

/// [`GOOD`] with line `number` (from 1) replaced by `text`, which may be several lines.
fn good_with(number: usize, text: &str) -> String {
    let mut lines: Vec<&str> = GOOD.lines().collect();
    lines[number - 1] = text;
    lines.join("\n") + "\n"
}

/// `line:column`, or `-`.
fn position(problem: &Problem) -> String {
    match problem.position {
        Some((line, column)) => format!("{line}:{column}"),
        None => "-".to_owned(),
    }
}

#[track_caller]
fn tells(problem: &Problem, place: &str, message: &str, hint: &str) {
    assert_eq!(position(problem), place, "{problem}");
    assert!(
        problem.message.contains(message),
        "no `{message}` in: {problem}"
    );
    assert!(problem.hint.contains(hint), "no `{hint}` in: {problem}");
}
