//! `finstage validate`.

use std::path::PathBuf;

use serde::Serialize;

use super::{Exit, Globals, output};
use crate::config::{self, Environment, Problem, Problems};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to check [default: as for every verb]
    file: Option<PathBuf>,
    /// Treat warnings as errors
    #[arg(long)]
    deny_lints: bool,
    /// Print the problems as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row<'p> {
    file: &'p str,
    line: Option<usize>,
    column: Option<usize>,
    severity: String,
    message: &'p str,
    hint: &'p str,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Exit {
    let given = args.file.as_deref().or(globals.config.as_deref());
    let result =
        config::locate(given).and_then(|path| config::load(&path, &Environment::process()));
    let (problems, loaded) = match &result {
        Ok((config, lints)) => (lints, Some(config)),
        Err(problems) => (problems, None),
    };
    if args.json {
        output::print_json(&problems.iter().map(row).collect::<Vec<_>>());
    } else {
        if !problems.is_empty() {
            output::say(&problems.to_string());
        }
        match loaded {
            Some(config) => output::print(&format!(
                "{}: {} schedules in order{}",
                config.file.display(),
                config.schedules.len(),
                warnings(problems)
            )),
            None => output::complain(&format!("{} in the configuration", count(problems))),
        }
    }
    match loaded {
        None => Exit::Config,
        Some(_) if args.deny_lints && !problems.is_empty() => Exit::Failure,
        Some(_) => Exit::Success,
    }
}

fn count(problems: &Problems) -> String {
    let plural = if problems.len() == 1 { "" } else { "s" };
    format!("{} problem{plural}", problems.len())
}

fn warnings(lints: &Problems) -> String {
    match lints.len() {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        n => format!(", {n} warnings"),
    }
}

fn row(problem: &Problem) -> Row<'_> {
    Row {
        file: &problem.file,
        line: problem.position.map(|(line, _)| line),
        column: problem.position.map(|(_, column)| column),
        severity: problem.severity.to_string(),
        message: &problem.message,
        hint: &problem.hint,
    }
}
