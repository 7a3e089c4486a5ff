//! `finstage describe`: one schedule, as the file and the defaults say, and what came of it.

mod settings;

use jiff::Timestamp;
use serde::Serialize;

use super::course::Course;
use super::{Exit, Globals, Outcome, next, open, output, runs};
use crate::clock::Clock;
use crate::config::Config;

use crate::store::{RunFilter, RunRow};

/// Fires shown.
const FIRES: usize = 5;

/// Runs shown.
const RUNS: usize = 5;

/// Runs whose durations are averaged.
const MEASURED_RUNS: u64 = 20;

/// Symbols named.
const SYMBOLS: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schedule
    id: String,
    /// Fires after this instant instead of now
    #[arg(long, value_name = "T")]
    from: Option<Timestamp>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Description {
    schedule: String,
    settings: Vec<Setting>,
    next: Vec<next::Row>,
    runs: Vec<RunRow>,
    durations: Option<Durations>,
}

/// One line of what the file says.
#[derive(Serialize)]
struct Setting {
    name: &'static str,
    value: String,
}

/// How long the newest runs took.
#[derive(Debug, PartialEq, Serialize)]
struct Durations {
    runs: usize,
    average_ms: i64,
    longest_ms: i64,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let schedule = open::schedule(&config, &args.id)?;
    let mut newest = open::small_runtime()?.block_on(newest_runs(&config, &args.id))?;
    let from = args.from.unwrap_or_else(|| Clock::system().now());
    let durations = durations(&newest);
    newest.truncate(RUNS);
    let course = Course::of(&config, schedule);
    let description = Description {
        schedule: schedule.id.as_str().to_owned(),
        settings: settings::all(schedule),
        next: next::fires_of(&course, from, FIRES),
        runs: newest,
        durations,
    };
    if args.json {
        output::print_json(&description);
    } else {
        show(&description);
    }
    next::say_if_led_by_nobody(&course);
    Ok(Exit::Success)
}

/// The newest runs; none when there is no database yet.
async fn newest_runs(config: &Config, id: &str) -> Result<Vec<RunRow>, Exit> {
    let Some(store) = open::store_if_there(config).await? else {
        return Ok(Vec::new());
    };
    let filter = RunFilter {
        schedule: Some(id.to_owned()),
        limit: MEASURED_RUNS,
        ..RunFilter::default()
    };
    store.runs(&filter).await.map_err(open::store_failed)
}

/// Of the runs that have one; a fire that was not run has none.
fn durations(runs: &[RunRow]) -> Option<Durations> {
    let is_run = |run: &&RunRow| {
        // What never began has no duration of its own.
        run.started_at.is_some()
    };
    let measured: Vec<i64> = runs
        .iter()
        .filter(is_run)
        .filter_map(|run| run.duration_ms)
        .collect();
    let longest_ms = measured.iter().max().copied()?;
    let count = i64::try_from(measured.len()).unwrap_or(i64::MAX);
    Some(Durations {
        runs: measured.len(),
        average_ms: measured.iter().sum::<i64>() / count,
        longest_ms,
    })
}

fn show(description: &Description) {
    let settings = description.settings.iter();
    let cells = settings.map(|line| vec![line.name.to_owned(), line.value.clone()]);
    output::print(&output::table(&["key", "value"], &[], cells.collect()));
    output::print("");
    next::show(&description.next, false);
    output::print("");
    if description.runs.is_empty() {
        output::print("no runs yet");
        return;
    }
    runs::show_runs(&description.runs);
    if let Some(durations) = &description.durations {
        output::print(&format!(
            "\nit took {} on average, {} at most (newest runs measured: {})",
            output::duration_ms(durations.average_ms),
            output::duration_ms(durations.longest_ms),
            durations.runs
        ));
    }
}
