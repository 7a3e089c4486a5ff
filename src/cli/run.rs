//! `finstage run`.

use super::{Exit, Globals, Outcome, open};
use crate::{daemon, telemetry};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Use made-up prices from a built-in upstream: no network, no account
    #[arg(long)]
    simulate: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, lints) = open::load(globals)?;
    let guard = telemetry::init(config.daemon.log_format, config.daemon.log_level);
    daemon::log_panics();
    let runtime = open::runtime()?;
    let served = runtime.block_on(daemon::serve(config, &lints, args.simulate));
    // Whatever still hangs in a blocking call must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    drop(guard);
    served.map(|()| Exit::Success).map_err(open::start_failed)
}
