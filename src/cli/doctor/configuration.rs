//! Is the configuration valid, and meant?

use super::super::{Globals, open};
use super::{Check, Verdict};
use crate::config::{Config, Problem};

const NAME: &str = "configuration";

/// The configuration, if it can be used; every problem is a line.
pub(super) fn check(globals: &Globals) -> (Option<Config>, Vec<Check>) {
    match open::try_load(globals) {
        Ok((config, lints)) => {
            let found = format!(
                "{}: {} schedules in order",
                config.file.display(),
                config.schedules.len()
            );
            let mut checks = vec![Check::ok(NAME, found)];
            checks.extend(lints.iter().map(|lint| line(lint, Verdict::Warning)));
            (Some(config), checks)
        }
        Err(problems) => {
            let lines = problems
                .iter()
                .map(|problem| line(problem, Verdict::Failed));
            (None, lines.collect())
        }
    }
}

fn line(problem: &Problem, verdict: Verdict) -> Check {
    let found = format!("{}: {}", problem.place(), problem.message);
    Check::with(NAME, verdict, found, problem.hint.as_str())
}
