//! What `once` and `backfill` share: a run in this process, from an open database to a summary.

use super::{Outcome, open, summary};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::{self, ManualRun};
use crate::telemetry::{self, LogFormat, LogLevel};

/// Runs it and prints what came of it; `done` is called between the two.
pub(super) fn run(
    mut config: Config,
    run: ManualRun<'_>,
    simulate: bool,
    json: bool,
    done: impl FnOnce(),
) -> Outcome {
    let _guard = telemetry::init(LogFormat::Text, LogLevel::Warn);
    daemon::log_panics();
    open::runtime()?.block_on(async {
        let clock = Clock::system();
        let simulator = if simulate {
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
        let schedule = run.schedule;
        let (run_id, end) = daemon::run_manually(&assembly, run, &clock)
            .await
            .map_err(open::start_failed)?;
        done();
        let store = &assembly.services.store;
        let exit = summary::print(store, schedule, run_id, &end, json).await;
        assembly.close(&clock).await;
        drop(simulator);
        Ok(exit)
    })
}
