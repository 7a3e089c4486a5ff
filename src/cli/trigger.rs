//! `finstage trigger`.

use super::{Globals, Outcome, ask, open};
use crate::daemon::control::protocol::Request;
use crate::domain::OverlapPolicy;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schedule to run
    id: String,
    /// Only these symbols instead of the schedule's
    #[arg(long, value_delimiter = ',', value_name = "SYMBOLS")]
    symbols: Vec<String>,
    /// What to do about a run that is going on, instead of the schedule's own policy
    #[arg(long, value_name = "POLICY", value_parser = OverlapPolicy::ALL.map(OverlapPolicy::as_str))]
    overlap_policy: Option<String>,
    /// Wait until the run has ended; exit 0 only when every task succeeded
    #[arg(long)]
    wait: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    let request = Request::Trigger {
        schedule: args.id.clone(),
        symbols: args.symbols.clone(),
        overlap_policy: args.overlap_policy.clone(),
        wait: args.wait,
    };
    ask::for_run(&config, &request, args.wait, args.json)
}
