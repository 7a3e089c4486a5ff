//! `finstage backfill`.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;

use super::{Exit, Globals, Outcome, manual, open, output};
use crate::clock::Clock;
use crate::daemon::ManualRun;
use crate::domain::{RunOrigin, TaskResult};
use crate::jobs::Assignment;
use crate::runner::{News, OnNews};

/// A backfill may take this much longer than its pace alone would need.
const PATIENCE: u32 = 4;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schedule whose symbols are fetched
    id: String,
    /// First trading date, e.g. 2016-01-01
    #[arg(long, value_name = "DATE")]
    start: Date,
    /// Last trading date [default: today]
    #[arg(long, value_name = "DATE")]
    end: Option<Date>,
    /// Only these symbols instead of the schedule's
    #[arg(long, value_delimiter = ',', value_name = "SYMBOLS")]
    symbols: Vec<String>,
    /// Only say what would be asked
    #[arg(long)]
    dry_run: bool,
    /// Use made-up prices from a built-in upstream
    #[arg(long)]
    simulate: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let schedule = open::schedule(&config, &args.id)?.clone();
    let symbols = open::symbols(&schedule, &args.symbols)?;
    let clock = Clock::system();
    let today = clock.now().to_zoned(schedule.timezone.clone()).date();
    let (from, to) = (args.start, args.end.unwrap_or(today));
    if from > to || from > today {
        output::complain(&format!(
            "the window from {from} to {to} is empty or in the future"
        ));
        return Err(Exit::Usage);
    }
    let pace = pace(
        symbols.len(),
        config.upstream(schedule.providers.first()).max_rps,
    );
    if args.dry_run {
        let count = symbols.len();
        let time = crate::domain::format_span(pace);
        output::print(&format!(
            "{count} requests, {from} to {to}, at least {time} at this pace"
        ));
        return Ok(Exit::Success);
    }
    let bar = progress_bar(symbols.len());
    let run = ManualRun {
        schedule: &schedule,
        origin: RunOrigin::Backfill,
        assignment: Assignment::Backfill { from, to },
        symbols,
        timeout: schedule.timeout.max(pace * PATIENCE),
        on_news: Some(show_progress(bar.clone())),
    };
    manual::run(config, run, args.simulate, args.json, || {
        bar.finish_and_clear();
    })
}

/// How long one request per symbol takes at the configured pace.
fn pace(symbols: usize, max_rps: f64) -> Duration {
    #[allow(clippy::cast_precision_loss, reason = "a number of symbols")]
    let seconds = symbols as f64 / max_rps;
    Duration::from_secs_f64(seconds)
}

fn progress_bar(symbols: usize) -> ProgressBar {
    let target = if output::has_audience() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(symbols as u64), target);
    let template = "{wide_bar} {pos}/{len} symbols  {msg}  {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn show_progress(bar: ProgressBar) -> OnNews {
    let failed = std::sync::atomic::AtomicU32::new(0);
    Arc::new(move |news: News<'_>| {
        let outcome = match news {
            News::Ended(outcome) => outcome,
            News::Waits { .. } => {
                bar.suspend(|| manual::say_wait(&news));
                return;
            }
        };
        if let TaskResult::Failed { class, .. } = &outcome.result {
            let failed = failed.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            bar.set_message(format!("{failed} failed, last {}: {class}", outcome.symbol));
        }
        bar.inc(1);
    })
}
