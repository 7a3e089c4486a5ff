//! What `once` and `backfill` share: a run in this process, from an open database to a summary.

use super::{Outcome, open, output, summary};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::control::client::ask;
use crate::daemon::control::protocol::{Answer, Request};
use crate::daemon::{self, ManualRun};
use crate::domain::{RunState, Symbol, format_span};
use crate::runner::News;
use crate::telemetry::{self, LogFormat, LogLevel};

/// Runs it and prints what came of it; `done` is called between the two. A daemon that serves the
/// same database is told, for what runs after it.
pub(super) fn run(
    mut config: Config,
    run: ManualRun<'_>,
    simulate: bool,
    json: bool,
    done: impl FnOnce(),
) -> Outcome {
    let _guard = telemetry::init(LogFormat::Text, LogLevel::Warn);
    daemon::log_panics();
    let schedule = run.schedule;
    let (run_id, state, exit) = open::runtime()?.block_on(async {
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
        let (run_id, end) = daemon::run_manually(&assembly, run, &clock)
            .await
            .map_err(open::start_failed)?;
        done();
        let store = &assembly.services.store;
        let exit = summary::print(store, schedule, run_id, &end, json).await;
        assembly.close(&clock).await;
        drop(simulator);
        Ok((run_id, end.state, exit))
    })?;
    tell_daemon(&config, schedule.id.as_str(), run_id, state);
    Ok(exit)
}

/// What runs after the run is due: the daemon hears of it, or people do.
fn tell_daemon(config: &Config, schedule: &str, run: i64, state: RunState) {
    let request = Request::Ended {
        run,
        schedule: schedule.to_owned(),
    };
    let answer = ask(config, &request).and_then(|mut asked| asked.answer());
    match answer {
        Ok(Answer::Done(followers)) if followers.is_empty() => {}
        Ok(Answer::Done(followers)) => {
            output::say(&format!(
                "the daemon goes on with what runs after it: {followers}"
            ));
        }
        _ => {
            let followers = config.followers(schedule).join(", ");
            if state.has_done_some() && !followers.is_empty() {
                output::say(&format!(
                    "due after it, and run when a daemon starts: {followers}"
                ));
            }
        }
    }
}

/// Symbols named of those that are tried again.
const NAMED: usize = 3;

/// Says on stderr that failed tasks are waited for, so that nobody takes it for a hang.
pub(super) fn say_wait(news: &News<'_>) {
    let News::Waits { symbols, wait } = news else {
        return;
    };
    let named: Vec<&str> = symbols.iter().take(NAMED).map(Symbol::as_str).collect();
    let more = match symbols.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    output::say(&format!(
        "{}{more} failed for a reason that may pass: tried again in {}, as `retry` says; Ctrl-C ends it",
        named.join(", "),
        format_span(*wait)
    ));
}
