//! `finstage doctor`: checks an installation, one line a check. Nothing is sent to anybody without
//! `--online`.

mod configuration;
mod daemon;
mod database;
mod machine;
mod service;
mod upstream;

use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Send one request to the upstream, too
    #[arg(long)]
    online: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not for ever or not for everybody.
    Warning,
    /// The daemon cannot work like this.
    Failed,
    /// It cannot be told from here.
    Unknown,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// One line.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    /// Empty when there is nothing to do.
    remedy: String,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::with(name, Verdict::Ok, found, "")
    }

    fn unknown(name: &'static str, found: impl Into<String>) -> Self {
        Self::with(name, Verdict::Unknown, found, "")
    }

    fn warning(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::with(name, Verdict::Warning, found, remedy)
    }

    fn failed(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::with(name, Verdict::Failed, found, remedy)
    }

    fn with(
        name: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            found: found.into(),
            remedy: remedy.into(),
        }
    }
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let now = Clock::system().now();
    let (config, mut checks) = configuration::check(globals);
    if let Some(config) = &config {
        open::small_runtime()?.block_on(async {
            let upstream = upstream::Upstream::new(config);
            checks.extend(database::checks(config, upstream.origin(), now).await);
            checks.extend(upstream.checks(config, now, args.online).await);
        });
    }
    checks.extend(config.as_ref().map(daemon::check));
    let file = config.as_ref().map(|config| config.file.as_path());
    checks.extend(service::checks(&service::Places::default(), file));
    checks.extend(machine::checks(config.as_ref(), now));
    if args.json {
        output::print_json(&checks);
    } else {
        show(&checks);
    }
    let has_failed = checks.iter().any(|check| check.verdict == Verdict::Failed);
    Ok(match config {
        None => Exit::Config,
        Some(_) if has_failed => Exit::Failure,
        Some(_) => Exit::Success,
    })
}

fn show(checks: &[Check]) {
    let cells = checks.iter().map(|check| {
        vec![
            check.verdict.as_str().to_owned(),
            check.name.to_owned(),
            if check.remedy.is_empty() {
                check.found.clone()
            } else {
                format!("{}: {}", check.found, check.remedy)
            },
        ]
    });
    let head = ["verdict", "check", "found"];
    output::print(&output::table(&head, &[], cells.collect()));
}
