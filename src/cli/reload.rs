//! `finstage reload`.

use super::{Exit, Globals, Outcome, ask, open, output};
use crate::daemon::control::protocol::{Answer, ReloadAnswer, Request};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Come back when the new schedules count; it always does, unit files may say so
    #[arg(long)]
    wait: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    let dry_run = args.dry_run;
    let Answer::Reloaded(answer) = ask::daemon(&config, &Request::Reload { dry_run })?.0 else {
        return Err(ask::unexpected());
    };
    if args.json {
        output::print_json(&answer);
    } else {
        show(&answer);
    }
    Ok(Exit::Success)
}

fn show(answer: &ReloadAnswer) {
    let mut lines = Vec::new();
    lines.extend(answer.added.iter().map(|name| format!("+ {name}")));
    lines.extend(answer.removed.iter().map(|name| format!("- {name}")));
    for change in &answer.changed {
        lines.push(format!("~ {}: {}", change.schedule, change.keys.join(", ")));
    }
    lines.extend(answer.sections.iter().map(|name| format!("~ {name}")));
    for section in &answer.needs_restart {
        lines.push(format!("! {section} changed and needs a restart"));
    }
    if lines.is_empty() {
        lines.push("nothing changes".to_owned());
    } else if answer.dry_run {
        lines.push("nothing was changed: a dry run".to_owned());
    }
    output::print(&lines.join("\n"));
    // What was asked for comes first.
    if !answer.lints.is_empty() {
        output::say(&answer.lints.join("\n"));
    }
}
