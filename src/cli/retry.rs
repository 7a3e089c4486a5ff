//! `finstage retry`.

use super::{Globals, Outcome, ask, open};
use crate::daemon::control::protocol::Request;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run whose failed tasks are done again, as a run of their own
    run: i64,
    /// Wait until it has ended; exit 0 only when every task succeeded
    #[arg(long)]
    wait: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    let request = Request::Retry {
        run: args.run,
        wait: args.wait,
    };
    ask::for_run(&config, &request, args.wait, args.json)
}
