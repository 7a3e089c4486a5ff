//! `finstage once`.

use std::sync::Arc;

use super::{Globals, Outcome, manual, open};
use crate::daemon::ManualRun;
use crate::domain::RunOrigin;
use crate::jobs::Assignment;
use crate::runner::News;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schedule to run
    id: String,
    /// Only these symbols instead of the schedule's
    #[arg(long, value_delimiter = ',', value_name = "SYMBOLS")]
    symbols: Vec<String>,
    /// Use made-up prices from a built-in upstream
    #[arg(long)]
    simulate: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let schedule = open::schedule(&config, &args.id)?.clone();
    let run = ManualRun {
        schedule: &schedule,
        origin: RunOrigin::Manual,
        assignment: Assignment::of(&schedule),
        symbols: open::symbols(&schedule, &args.symbols)?,
        timeout: schedule.timeout,
        on_news: Some(Arc::new(|news: News<'_>| manual::say_wait(&news))),
    };
    manual::run(config, run, args.simulate, args.json, || ())
}
