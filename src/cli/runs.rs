//! `finstage runs`.

use jiff::Timestamp;

use super::{Exit, Globals, Outcome, open, output};
use crate::domain::RunState;
use crate::store::{RunFilter, RunRow, Store, TaskRow};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this schedule
    id: Option<String>,
    /// Only runs in this state
    #[arg(long, value_parser = RunState::ALL.map(RunState::as_str))]
    state: Option<String>,
    /// Only fires planned since: a span (24h), a date or an instant
    #[arg(long, value_parser = open::since)]
    since: Option<Timestamp>,
    /// Runs to show
    #[arg(short, default_value_t = 20)]
    n: u32,
    /// Show the tasks of this run instead
    #[arg(long, value_name = "RUN", conflicts_with_all = ["id", "state", "since"])]
    tasks: Option<i64>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        match args.tasks {
            Some(run_id) => tasks(&store, run_id, args.json).await,
            None => list(&store, args).await,
        }
    })
}

async fn list(store: &Store, args: &Args) -> Outcome {
    let filter = RunFilter {
        schedule: args.id.clone(),
        state: args.state.clone(),
        since: args.since,
        limit: args.n.into(),
    };
    let rows = store.runs(&filter).await.map_err(open::store_failed)?;
    if args.json {
        output::print_json(&rows);
    } else if rows.is_empty() {
        output::say("no runs");
    } else {
        show_runs(&rows);
    }
    Ok(Exit::Success)
}

/// Prints runs as a table.
pub(super) fn show_runs(rows: &[RunRow]) {
    let cells = rows.iter().map(|row| {
        vec![
            row.id.to_string(),
            row.schedule.clone(),
            row.trigger.clone(),
            output::utc(row.scheduled_for),
            row.state.clone(),
            format!("{}/{}", row.tasks_succeeded, row.tasks_total),
            row.rows_written.to_string(),
            output::duration_or_dash(row.duration_ms),
            output::duration_ms(row.lateness_ms),
            row.reason.clone().unwrap_or_default(),
        ]
    });
    let head = [
        "id",
        "schedule",
        "trigger",
        "scheduled for",
        "state",
        "tasks",
        "rows",
        "took",
        "late",
        "reason",
    ];
    let right = ["id", "tasks", "rows", "took", "late"];
    let table = output::table(&head, &right, cells.collect());
    output::print(&output::with_colored_states(&table));
}

async fn tasks(store: &Store, run_id: i64, json: bool) -> Outcome {
    if store
        .run(run_id)
        .await
        .map_err(open::store_failed)?
        .is_none()
    {
        output::complain(&format!("there is no run {run_id}"));
        return Err(Exit::Usage);
    }
    let rows = store.tasks(run_id).await.map_err(open::store_failed)?;
    if json {
        output::print_json(&rows);
    } else if rows.is_empty() {
        output::say("this run has no tasks");
    } else {
        show_tasks(&rows);
    }
    Ok(Exit::Success)
}

fn show_tasks(rows: &[TaskRow]) {
    let cells = rows.iter().map(|row| {
        let class = row.class.as_deref();
        vec![
            row.symbol.clone(),
            class.unwrap_or("succeeded").to_owned(),
            row.rows_written.to_string(),
            row.calls.to_string(),
            row.retries.to_string(),
            output::duration_ms(row.duration_ms),
            row.message.clone().unwrap_or_default(),
        ]
    });
    let head = [
        "symbol", "outcome", "rows", "calls", "retries", "took", "message",
    ];
    let right = ["rows", "calls", "retries", "took"];
    let table = output::table(&head, &right, cells.collect());
    output::print(&output::with_colored_states(&table));
}
