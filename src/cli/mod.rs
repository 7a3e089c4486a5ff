//! The command line: one verb a file. Results go to stdout, messages and progress to stderr.

mod actions;
mod alerts;
mod ask;
mod backfill;
mod bars;
mod cancel;
mod chart;
mod course;
mod describe;
mod doctor;
mod events;
mod exit;
mod explain;
mod gaps;
mod indicators;
mod list;
mod load;
mod manual;
mod migrate;
mod next;
mod once;
mod open;
mod output;
mod pause;
mod prune;
mod quarantine;
mod reload;
mod report;
mod retry;
mod revisions;
mod run;
mod runs;
mod simulate;
mod status;
mod summary;
mod symbols;
mod trigger;
mod validate;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// A market-data scheduler: prices that are right, on time, every day.
#[derive(Debug, Parser)]
#[command(name = "finstage", version, propagate_version = true, after_help = Exit::HELP)]
pub struct Cli {
    /// Configuration file [default: ./schedules.toml, then /etc/finstage/schedules.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Work in this directory: relative paths, that of the database included, start here
    #[arg(long, short = 'C', global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve the schedules until SIGTERM or Ctrl-C
    Run(run::Args),
    /// Run one schedule now, in this process, and print what came of it
    Once(once::Args),
    /// Check the configuration: every problem at once, with its place
    Validate(validate::Args),
    /// Show the next fire times
    Next(next::Args),
    /// Say what a cron expression means and when it fires
    Explain(explain::Args),
    /// Ask the running daemon how it stands; exit 1 when something is late
    Status(status::Args),
    /// Have the running daemon run a schedule now
    Trigger(trigger::Args),
    /// Have the running daemon do the failed tasks of a run again
    Retry(retry::Args),
    /// Have the running daemon end a run
    Cancel(cancel::Args),
    /// Pause a schedule of the running daemon
    Pause(pause::PauseArgs),
    /// End a pause
    Resume(pause::ResumeArgs),
    /// Have the running daemon read its configuration again
    Reload(reload::Args),
    /// Say what became of a fire, and why
    Why(why::Args),
    /// List the schedules with their next fire and last run
    List(list::Args),
    /// Say everything about one schedule: settings, next fires, last runs
    Describe(describe::Args),
    /// Hold the plan against the upstream's quota; exit code 1 when some hour needs more
    Load(load::Args),
    /// Show the indicators of a symbol: what is stored, or worked out from its bars
    Indicators(indicators::IndicatorArgs),
    /// List signals of all symbols or of one, newest first
    Signals(indicators::SignalArgs),
    /// List past runs, newest first, or the tasks of one
    Runs(runs::Args),
    /// List price alerts, newest first
    Alerts(alerts::Args),
    /// List the symbols: what is stored of each, and what is wrong with it
    Symbols(symbols::Args),
    /// Show a symbol's daily bars, the newest last
    Bars(bars::Args),
    /// List a symbol's splits and distributions, newest first
    Actions(actions::Args),
    /// List what of a symbol's final bars was restated: when, why, from what to what
    Revisions(revisions::Args),
    /// List sessions that lack their bar, and when they are asked for again
    Gaps(gaps::Args),
    /// Fetch daily bars of a past window for a schedule's symbols
    Backfill(backfill::Args),
    /// Sum up runs, durations, faults, quota and resources
    Report(report::Args),
    /// Serve a Yahoo-compatible upstream with made-up prices on loopback
    Simulate(simulate::Args),
    /// Bring the database's schema up to date
    Migrate(migrate::Args),
    /// Check this installation: one line a check, with what to do
    Doctor(doctor::Args),
    /// Say what a log line means and what to do about it
    Events(events::Args),
    /// List rows that were kept out of the prices; release or dismiss them
    Quarantine(quarantine::Args),
    /// Remove what is older than [history] says, as the daemon does every hour
    Prune(prune::Args),
}

/// Rows named that a verb could not read.
const UNREADABLE_SHOWN: usize = 20;

/// What every verb gets.
struct Globals {
    config: Option<PathBuf>,
}

/// Parses the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(directory) = &cli.directory
        && let Err(error) = std::env::set_current_dir(directory)
    {
        output::complain(&format!("cannot work in {}: {error}", directory.display()));
        return Exit::Usage.into();
    }
    let globals = Globals { config: cli.config };
    let has_log = matches!(cli.verb, Verb::Run(_) | Verb::Once(_) | Verb::Backfill(_));
    let exit = match cli.verb {
        Verb::Run(args) => run::run(&args, &globals),
        Verb::Once(args) => once::run(&args, &globals),
        Verb::Validate(args) => Ok(validate::run(&args, &globals)),
        Verb::Next(args) => next::run(&args, &globals),
        Verb::Explain(args) => explain::run(&args, &globals),
        Verb::Status(args) => status::run(&args, &globals),
        Verb::Trigger(args) => trigger::run(&args, &globals),
        Verb::Retry(args) => retry::run(&args, &globals),
        Verb::Cancel(args) => cancel::run(&args, &globals),
        Verb::Pause(args) => pause::pause(&args, &globals),
        Verb::Resume(args) => pause::resume(&args, &globals),
        Verb::Reload(args) => reload::run(&args, &globals),
        Verb::Why(args) => why::run(&args, &globals),
        Verb::List(args) => list::run(&args, &globals),
        Verb::Describe(args) => describe::run(&args, &globals),
        Verb::Load(args) => load::run(&args, &globals),
        Verb::Indicators(args) => indicators::indicators(&args, &globals),
        Verb::Signals(args) => indicators::signals(&args, &globals),
        Verb::Runs(args) => runs::run(&args, &globals),
        Verb::Alerts(args) => alerts::run(&args, &globals),
        Verb::Symbols(args) => symbols::run(&args, &globals),
        Verb::Bars(args) => bars::run(&args, &globals),
        Verb::Actions(args) => actions::run(&args, &globals),
        Verb::Revisions(args) => revisions::run(&args, &globals),
        Verb::Gaps(args) => gaps::run(&args, &globals),
        Verb::Backfill(args) => backfill::run(&args, &globals),
        Verb::Report(args) => report::run(&args, &globals),
        Verb::Simulate(args) => simulate::run(&args),
        Verb::Migrate(args) => migrate::run(&args, &globals),
        Verb::Doctor(args) => doctor::run(&args, &globals),
        Verb::Events(args) => events::run(&args),
        Verb::Quarantine(args) => quarantine::run(&args, &globals),
        Verb::Prune(args) => prune::run(&args, &globals),
    };
    let exit = exit.unwrap_or_else(|exit| exit);
    told_of_unreadable(exit, has_log).into()
}

/// Names the rows a verb had to leave out; what it has shown is not all there is. Where events are
/// logged they have said so.
fn told_of_unreadable(exit: Exit, has_log: bool) -> Exit {
    let rows = crate::store::unreadable_rows();
    if has_log || rows.is_empty() {
        return exit;
    }
    for row in rows.iter().take(UNREADABLE_SHOWN) {
        let (table, key) = (row.table, &row.key);
        let (column, reason) = (&row.column, &row.reason);
        output::complain(&format!(
            "row `{key}` of {table} is left out: its `{column}` cannot be read ({reason})"
        ));
    }
    let more = rows.len().saturating_sub(UNREADABLE_SHOWN);
    if more > 0 {
        output::complain(&format!("{more} more rows are left out"));
    }
    if exit == Exit::Success {
        Exit::Failure
    } else {
        exit
    }
}

/// What a verb comes to; on `Err` it has told people why.
type Outcome = Result<Exit, Exit>;
