//! What `once` and `backfill` share: a run in this process, from an open database to a summary.

use std::time::Duration;

use super::{Outcome, open, output, summary};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::control::client::{ClientError, ask_within};
use crate::daemon::control::protocol::{Answer, EndedRun, Request};
use crate::daemon::{self, ManualEnd, ManualRun};
use crate::domain::{Symbol, format_span};
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
    let (manual, exit) = open::runtime()?.block_on(async {
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
        let manual = daemon::run_manually(&assembly, run, &clock)
            .await
            .map_err(open::start_failed)?;
        done();
        let store = &assembly.services.store;
        let exit = summary::print(store, schedule, manual.run_id, &manual.end, json).await;
        assembly.close(&clock).await;
        drop(simulator);
        Ok((manual, exit))
    })?;
    tell_daemon(&config, schedule.id.as_str(), &manual);
    Ok(exit)
}

/// How long the verb waits for a daemon that is stopped or busy: what it did is done.
const PATIENCE: Duration = Duration::from_secs(5);

/// What runs after the run is due: the daemon hears of it, or people do.
fn tell_daemon(config: &Config, schedule: &str, manual: &ManualEnd) {
    let request = Request::Ended(EndedRun {
        run: manual.run_id,
        schedule: schedule.to_owned(),
        scheduled_for: manual.scheduled_for,
    });
    let answer = ask_within(config, &request, PATIENCE).and_then(|mut asked| asked.answer());
    if let Ok(Answer::Done(followers)) = answer {
        if !followers.is_empty() {
            output::say(&format!(
                "the daemon goes on with what runs after it: {followers}"
            ));
        }
        return;
    }
    let followers = config.followers(schedule);
    if manual.end.state.has_done_some() && !followers.is_empty() {
        output::say(&untold(&followers, answer));
    }
}

/// What becomes of followers whose daemon was not told.
fn untold(followers: &[&str], answer: Result<Answer, ClientError>) -> String {
    let names = followers.join(", ");
    let why = match answer {
        Err(ClientError::NoDaemon(_)) => {
            return format!("due after it, and run when a daemon starts: {names}");
        }
        Err(error) => error.to_string(),
        Ok(Answer::Refused(words)) => words,
        Ok(Answer::Unavailable(words)) => format!("the database cannot be used: {words}"),
        Ok(_) => "its answer is not understood: it is another version".to_owned(),
    };
    let verbs = followers
        .iter()
        .map(|one| format!("`finstage trigger {one}`"));
    let verbs = verbs.collect::<Vec<_>>().join(", ");
    format!(
        "due after it: {names}; the daemon did not take it ({why}): {verbs}, or it is found when the \
         daemon starts again"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_no_daemon_is_a_start_alone_makes_it_good() {
        let none = Err(ClientError::NoDaemon(Vec::new()));
        let told = untold(&["ath", "rsi"], none);
        assert_eq!(told, "due after it, and run when a daemon starts: ath, rsi");
        let socket = std::path::PathBuf::from("a/socket");
        let cases = [
            (
                Err(ClientError::Forbidden(socket)),
                "a/socket may not be used",
            ),
            (
                Err(ClientError::Broken("stopped".to_owned())),
                "(the daemon did not answer: stopped)",
            ),
            (Ok(Answer::Refused("no run 1".to_owned())), "(no run 1)"),
            (
                Ok(Answer::Unavailable("full".to_owned())),
                "cannot be used: full)",
            ),
            (Ok(Answer::Rejected(Vec::new())), "another version"),
        ];
        for (answer, why) in cases {
            let told = untold(&["ath", "rsi"], answer);
            let verbs = "`finstage trigger ath`, `finstage trigger rsi`";
            assert!(told.contains(why) && told.contains(verbs), "{told}");
        }
    }
}
