//! `finstage prune`.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::clock::{Clock, signed};
use crate::config::HistorySettings;
use crate::domain::format_span;
use crate::store::Pruned;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// One kind of rows.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    keep: String,
    before: Timestamp,
    rows: u64,
    removed: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let (history, now) = (config.history, Clock::system().now());
    let pruned = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let pruned = if args.dry_run {
            store.prunable(&history, now).await
        } else {
            store.prune(&history, now, || true).await
        };
        let pruned = pruned.map_err(open::store_failed)?;
        store.close().await;
        Ok(pruned)
    })?;
    let rows = rows(&history, now, pruned, !args.dry_run);
    if args.json {
        output::print_json(&rows);
    } else {
        show(&rows, args.dry_run);
    }
    Ok(Exit::Success)
}

fn rows(history: &HistorySettings, now: Timestamp, pruned: Pruned, removed: bool) -> Vec<Row> {
    let row = |kind, keep: Duration, rows| Row {
        kind,
        keep: format_span(keep),
        before: now.saturating_sub(signed(keep)).unwrap_or(Timestamp::MIN),
        rows,
        removed,
    };
    vec![
        row("runs", history.runs, pruned.runs),
        row("tasks", history.tasks.min(history.runs), pruned.tasks),
        row("samples", history.samples, pruned.samples),
        row("durations", history.durations, pruned.durations),
        row("alerts", history.alerts, pruned.alerts),
        row("gaps", history.gaps, pruned.gaps),
        row("revisions", history.revisions, pruned.revisions),
    ]
}

fn show(rows: &[Row], dry_run: bool) {
    let cells = rows.iter().map(|row| {
        vec![
            row.kind.to_owned(),
            row.keep.clone(),
            output::utc(row.before),
            row.rows.to_string(),
        ]
    });
    let last = if dry_run { "to remove" } else { "removed" };
    let head = ["kind", "keep", "older than", last];
    output::print(&output::table(&head, &["keep", last], cells.collect()));
}
