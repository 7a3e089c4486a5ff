//! `finstage run`.

use super::{Exit, Globals, Outcome, open, output};
use crate::config::{Config, Problems};
use crate::daemon;
use crate::telemetry::{self, LogFormat, LogLevel, events};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Use made-up prices from a built-in upstream: no network, no account
    #[arg(long)]
    simulate: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, lints) = load(globals)?;
    let guard = telemetry::init(config.daemon.log_format, config.daemon.log_level);
    daemon::log_panics();
    let runtime = open::runtime()?;
    let served = runtime.block_on(daemon::serve(config, &lints, args.simulate));
    // Whatever still hangs in a blocking call must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    if let (Err(error), false) = (&served, output::has_audience()) {
        // Nobody watches: the log is where this will be looked for.
        events::DaemonStartFailed {
            reason: &error.to_string(),
        }
        .emit();
        return Err(open::start_exit(error));
    }
    drop(guard);
    served.map(|()| Exit::Success).map_err(open::start_failed)
}

/// Reads the configuration; its problems go to a watching person as text, else to the log.
fn load(globals: &Globals) -> Result<(Config, Problems), Exit> {
    if output::has_audience() {
        return open::load(globals);
    }
    open::try_load(globals).map_err(|problems| {
        let _guard = telemetry::init(LogFormat::Auto, LogLevel::Info);
        for problem in &problems {
            let (problem, place, hint) = (&problem.message, problem.place(), &problem.hint);
            events::ConfigProblem {
                place: &place,
                problem,
                hint,
            }
            .emit();
        }
        Exit::Config
    })
}
