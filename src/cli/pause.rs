//! `finstage pause` and `finstage resume`.

use std::time::Duration;

use jiff::Timestamp;

use super::{Globals, Outcome, ask, open};
use crate::clock::{Clock, signed};
use crate::daemon::control::protocol::Request;
use crate::domain::parse_span;

#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// The schedule whose fires are recorded and not run
    id: String,
    /// For how long, e.g. 2h or 3d [default: until it is resumed]
    #[arg(long = "for", value_name = "SPAN", value_parser = parse_span)]
    span: Option<Duration>,
    /// Until when, e.g. 2026-12-24T18:00:00Z
    #[arg(long, value_name = "T", conflicts_with = "span")]
    until: Option<Timestamp>,
    /// Why; it stands in the reason of each fire that is not run
    #[arg(long)]
    note: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// The schedule that shall run again
    id: String,
}

pub(super) fn pause(args: &PauseArgs, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    let now = Clock::system().now();
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let after = |span| {
        second
            .saturating_add(signed(span))
            .unwrap_or(Timestamp::MAX)
    };
    let request = Request::Pause {
        schedule: args.id.clone(),
        until: args.until.or(args.span.map(after)),
        note: args.note.clone(),
    };
    ask::in_words(&config, &request)
}

pub(super) fn resume(args: &ResumeArgs, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    let schedule = args.id.clone();
    ask::in_words(&config, &Request::Resume { schedule })
}
