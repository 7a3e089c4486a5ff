//! `finstage list`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::course::Course;
use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::RunRow;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    schedule: String,
    job: &'static str,
    when: String,
    timezone: String,
    symbols: usize,
    enabled: bool,
    /// The schedule it runs after.
    after: Option<String>,
    /// With `after` the instant of the run it follows: it comes at the end of that.
    next: Option<Timestamp>,
    next_local: Option<String>,
    last_run: Option<i64>,
    last_state: Option<String>,
    last_scheduled_for: Option<Timestamp>,
    last_duration_ms: Option<i64>,
    tags: Vec<String>,
    description: Option<String>,
    owner: Option<String>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let mut latest = open::small_runtime()?.block_on(latest_runs(&config))?;
    let now = Clock::system().now();
    let rows = config.schedules.iter().map(|schedule| {
        let last = latest.remove(schedule.id.as_str());
        let course = Course::of(&config, schedule);
        let next = course.next_run_after(now).filter(|_| course.is_served());
        Row {
            after: course.leader().map(ToString::to_string),
            job: schedule.job.as_str(),
            when: schedule.trigger.to_string(),
            timezone: schedule.timezone_name().to_owned(),
            symbols: schedule.symbols.len(),
            enabled: schedule.enabled,
            next,
            next_local: next.map(|at| output::local(at, &schedule.timezone)),
            last_run: last.as_ref().map(|run| run.id),
            last_scheduled_for: last.as_ref().map(|run| run.scheduled_for),
            last_duration_ms: last.as_ref().and_then(|run| run.duration_ms),
            last_state: last.map(|run| run.state),
            schedule: schedule.id.as_str().to_owned(),
            tags: schedule.tags.clone(),
            description: schedule.description.clone(),
            owner: schedule.owner.clone(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    if args.json {
        output::print_json(&rows);
    } else {
        show(rows);
    }
    Ok(Exit::Success)
}

/// The newest run of each schedule; none when there is no database yet.
async fn latest_runs(config: &Config) -> Result<BTreeMap<String, RunRow>, Exit> {
    let Some(store) = open::store_if_there(config).await? else {
        return Ok(BTreeMap::new());
    };
    let runs = store.latest_runs().await.map_err(open::store_failed)?;
    Ok(runs
        .into_iter()
        .map(|run| (run.schedule.clone(), run))
        .collect())
}

fn show(rows: Vec<Row>) {
    let cells = rows.into_iter().map(|row| {
        let next = match (row.enabled, row.next_local, &row.after) {
            (false, ..) => "disabled".to_owned(),
            // WHEN says after whom.
            (true, Some(at), Some(_)) => format!("after {at}"),
            (true, Some(at), None) => at,
            (true, None, _) => "never".to_owned(),
        };
        vec![
            row.schedule,
            row.job.to_owned(),
            row.when,
            row.symbols.to_string(),
            next,
            row.last_state.unwrap_or_else(|| "-".to_owned()),
            output::duration_or_dash(row.last_duration_ms),
        ]
    });
    let head = ["schedule", "job", "when", "symbols", "next", "last", "took"];
    let table = output::table(&head, &["symbols", "took"], cells.collect());
    output::print(&output::with_colored_states(&table));
}
