//! Asking the running daemon: what its verbs share.

use super::{Exit, output};
use crate::config::Config;
use crate::daemon::control::client::{Asked, ask};
use crate::daemon::control::protocol::{Answer, EndAnswer, Request, RunAnswer};
use crate::domain::RunState;

/// Sends a request and gives the first answer, with the connection for a second one. What cannot
/// be met is told.
pub(super) fn daemon(config: &Config, request: &Request) -> Result<(Answer, Asked), Exit> {
    let asked = ask(config, request).and_then(|mut asked| Ok((asked.answer()?, asked)));
    let (answer, asked) = asked.map_err(|error| {
        output::complain(&error.to_string());
        Exit::Unavailable
    })?;
    match answer {
        Answer::Refused(reason) => {
            output::complain(&reason);
            Err(Exit::Usage)
        }
        Answer::Unavailable(reason) => {
            output::complain(&reason);
            Err(Exit::Unavailable)
        }
        Answer::Rejected(problems) => {
            output::say(&problems.join("\n"));
            let count = problems.len();
            let plural = if count == 1 { "" } else { "s" };
            output::complain(&format!(
                "{count} problem{plural}; the configuration before it stays in use"
            ));
            Err(Exit::Config)
        }
        answer => Ok((answer, asked)),
    }
}

/// An answer nobody asked for: two versions of the program speak to each other.
pub(super) fn unexpected() -> Exit {
    output::complain("the daemon's answer is not understood; is it another version?");
    Exit::Software
}

/// Asks for something that is answered in words.
pub(super) fn in_words(config: &Config, request: &Request) -> Result<Exit, Exit> {
    match daemon(config, request)?.0 {
        Answer::Done(words) => {
            output::print(&words);
            Ok(Exit::Success)
        }
        _ => Err(unexpected()),
    }
}

/// Asks for a run; with `wait`, until it has ended.
pub(super) fn for_run(
    config: &Config,
    request: &Request,
    wait: bool,
    json: bool,
) -> Result<Exit, Exit> {
    let (answer, mut asked) = daemon(config, request)?;
    let Answer::Run(run) = answer else {
        return Err(unexpected());
    };
    let is_skipped = run.state == RunState::SkippedOverlap.as_str();
    if !wait || is_skipped {
        if json {
            output::print_json(&run);
        } else {
            output::print(&begun(&run));
        }
        return Ok(if is_skipped {
            Exit::Failure
        } else {
            Exit::Success
        });
    }
    if !json {
        output::say(&begun(&run));
    }
    let end = asked.end().map_err(|error| {
        output::complain(&error.to_string());
        Exit::Unavailable
    })?;
    let Answer::Ended(end) = end else {
        return Err(unexpected());
    };
    if json {
        output::print_json(&end);
    } else {
        output::print(&output::with_colored_states(&ended(&end)));
    }
    let succeeded = end.state == RunState::Succeeded.as_str();
    Ok(if succeeded {
        Exit::Success
    } else {
        Exit::Failure
    })
}

fn begun(run: &RunAnswer) -> String {
    let RunAnswer {
        id,
        schedule,
        tasks_total,
        ..
    } = run;
    if run.state == RunState::SkippedOverlap.as_str() {
        format!("run {id} of {schedule} was skipped: the previous run is still going")
    } else if run.is_waiting {
        format!("run {id} of {schedule} waits for the run before it ({tasks_total} symbols)")
    } else {
        format!("run {id} of {schedule} has begun ({tasks_total} symbols)")
    }
}

fn ended(end: &EndAnswer) -> String {
    let mut text = format!(
        "run {} {} in {}: {} of {} symbols, {} rows written",
        end.id,
        end.state,
        output::duration_ms(end.duration_ms),
        end.tasks_succeeded,
        end.tasks_total,
        end.rows_written
    );
    if let Some(reason) = &end.reason {
        text.push_str(": ");
        text.push_str(reason);
    }
    if end.tasks_failed > 0 {
        text.push_str("\nsee: finstage runs --tasks ");
        text.push_str(&end.id.to_string());
    }
    text
}
