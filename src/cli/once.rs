//! `finstage once`.

use super::{Globals, Outcome, open, summary};
use crate::clock::Clock;
use crate::daemon::{self, ManualRun};
use crate::domain::RunOrigin;
use crate::jobs::Assignment;
use crate::telemetry::{self, LogFormat, LogLevel};

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
    let (mut config, _) = open::load(globals)?;
    let schedule = open::schedule(&config, &args.id)?.clone();
    let symbols = open::symbols(&schedule, &args.symbols)?;
    let _guard = telemetry::init(LogFormat::Text, LogLevel::Warn);
    daemon::log_panics();
    open::runtime()?.block_on(async {
        let clock = Clock::system();
        let simulator = if args.simulate {
            Some(
                daemon::simulate(&mut config)
                    .await
                    .map_err(open::start_failed)?,
            )
        } else {
            None
        };
        let assembly = daemon::assemble(&config, clock.clone())
            .await
            .map_err(open::start_failed)?;
        let run = ManualRun {
            schedule: &schedule,
            origin: RunOrigin::Manual,
            assignment: Assignment::Job(schedule.job),
            symbols,
            timeout: schedule.timeout,
            on_outcome: None,
        };
        let (run_id, end) = daemon::run_manually(&assembly, run, &clock)
            .await
            .map_err(open::start_failed)?;
        let store = &assembly.services.store;
        let exit = summary::print(store, &schedule, run_id, &end, args.json).await;
        assembly.close(&clock).await;
        drop(simulator);
        Ok(exit)
    })
}
