//! `finstage describe`: one schedule, as the file and the defaults say, and what came of it.

use jiff::Timestamp;
use serde::Serialize;

use super::{Exit, Globals, Outcome, next, open, output, runs};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{MisfirePolicy, OverlapPolicy, RunState, Schedule, Trigger, format_span};
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
    let description = Description {
        schedule: schedule.id.as_str().to_owned(),
        settings: settings(schedule),
        next: next::fires(
            schedule.id.as_str(),
            &schedule.trigger,
            &schedule.timezone,
            from,
            FIRES,
        ),
        runs: newest,
        durations,
    };
    if args.json {
        output::print_json(&description);
    } else {
        show(&description);
    }
    Ok(Exit::Success)
}

/// Everything schedules.toml says about it after defaults: a new key is a line here.
fn settings(schedule: &Schedule) -> Vec<Setting> {
    let line = |name, value| Setting { name, value };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        line("schedule", schedule.id.to_string()),
        line("description", text(&schedule.description)),
        line("owner", text(&schedule.owner)),
        line("tags", or_dash(&schedule.tags.join(", "))),
        line("enabled", yes_or_no(schedule.enabled)),
        line("job", schedule.job.as_str().to_owned()),
        line("fires", fires_in_words(schedule)),
        line("symbols", symbols(schedule)),
        line(
            "concurrency",
            format!("{} symbols at once", schedule.concurrency),
        ),
        line(
            "timeout",
            format!("{} for a run", format_span(schedule.timeout)),
        ),
        line(
            "task_timeout",
            format!(
                "{} for a symbol, waiting not counted",
                format_span(schedule.task_timeout)
            ),
        ),
        line("jitter", jitter(schedule)),
        line(
            "overlap_policy",
            overlap(schedule.overlap_policy).to_owned(),
        ),
        line(
            "misfire_policy",
            misfire(schedule.misfire_policy).to_owned(),
        ),
        line(
            "misfire_threshold",
            format!("late from {} on", format_span(schedule.misfire_threshold)),
        ),
        line(
            "catchup_window",
            format!(
                "worth running up to {} later",
                format_span(schedule.catchup_window)
            ),
        ),
    ]
}

fn yes_or_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

fn fires_in_words(schedule: &Schedule) -> String {
    match &schedule.trigger {
        Trigger::Cron(list) => {
            let each = list
                .iter()
                .map(|cron| format!("{} ({cron})", cron.describe()));
            let each: Vec<String> = each.collect();
            format!(
                "{}, {} time",
                each.join("; and: "),
                schedule.timezone_name()
            )
        }
        trigger @ Trigger::Every { .. } => {
            format!("{trigger}, counted from 1970-01-01 00:00 UTC")
        }
    }
}

fn symbols(schedule: &Schedule) -> String {
    let names: Vec<&str> = schedule
        .symbols
        .iter()
        .take(SYMBOLS)
        .map(crate::domain::Symbol::as_str)
        .collect();
    let more = if schedule.symbols.len() > SYMBOLS {
        ", …"
    } else {
        ""
    };
    format!("{}: {}{more}", schedule.symbols.len(), names.join(", "))
}

fn jitter(schedule: &Schedule) -> String {
    if schedule.jitter.is_zero() {
        return "none".to_owned();
    }
    format!(
        "up to {}; for this schedule always {}",
        format_span(schedule.jitter),
        format_span(schedule.jitter_offset())
    )
}

fn overlap(policy: OverlapPolicy) -> &'static str {
    match policy {
        OverlapPolicy::Skip => "skip: a fire while the previous run is going is not run",
        OverlapPolicy::AllowAll => "allow_all: a fire runs beside the previous run",
    }
}

fn misfire(policy: MisfirePolicy) -> &'static str {
    match policy {
        MisfirePolicy::RunOnce => "run_once: of fires nobody could run the newest runs late",
        MisfirePolicy::Skip => "skip: fires nobody could run are recorded as missed",
    }
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
        let not_run = [RunState::Missed, RunState::SkippedOverlap].map(RunState::as_str);
        !not_run.contains(&run.state.as_str())
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
