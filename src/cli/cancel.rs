//! `finstage cancel`.

use super::{Globals, Outcome, ask, open};
use crate::daemon::control::protocol::Request;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run to end: no new tasks, and those in flight have the schedule's `cancel_grace`
    run: i64,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    ask::in_words(&config, &Request::Cancel { run: args.run })
}
