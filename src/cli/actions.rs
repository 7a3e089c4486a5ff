//! `finstage actions`: the splits and distributions of a symbol.

use jiff::Timestamp;
use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::domain::ActionKind;
use crate::store::ActionRow;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The symbol
    symbol: String,
    /// Only actions of this kind
    #[arg(long, value_parser = ActionKind::ALL.map(ActionKind::as_str))]
    kind: Option<String>,
    /// Actions to show, the newest first; 0 for all
    #[arg(short, default_value_t = 20)]
    n: usize,
    /// Print as CSV, oldest first, every number as exact as it is stored
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print as JSON, oldest first
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Actions<'a> {
    symbol: &'a str,
    actions: &'a [ActionRow],
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    let mut rows = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let symbol = open::stored_symbol(&args.symbol, &store, &config).await?;
        store.actions(&symbol).await.map_err(open::store_failed)
    })?;
    rows.retain(|row| args.kind.as_ref().is_none_or(|kind| row.kind == *kind));
    if args.csv {
        output::print(&csv_of(&rows));
    } else if args.json {
        output::print_json(&Actions {
            symbol: &args.symbol,
            actions: &rows,
        });
    } else if rows.is_empty() {
        output::say("no corporate actions");
    } else {
        rows.reverse();
        let shown = output::first(&rows, args.n);
        show(shown);
        output::say_rest(rows.len() - shown.len());
    }
    Ok(Exit::Success)
}

fn show(rows: &[ActionRow]) {
    let cells = rows.iter().map(|row| {
        vec![
            row.date.to_string(),
            row.kind.clone(),
            row.value.to_string(),
            row.provider.clone(),
            output::utc(row.first_seen),
            changed(row),
        ]
    });
    let head = ["date", "kind", "value", "provider", "seen", "note"];
    output::print(&output::table(&head, &["value"], cells.collect()));
}

/// What it said before, where it has said something else.
fn changed(row: &ActionRow) -> String {
    let at = |at: Timestamp| format!(" until {}", output::utc(at));
    match row.previous_value {
        Some(previous) => {
            let until = row.changed_at.map(at).unwrap_or_default();
            format!("{previous}{until}; changed {}×", row.revision)
        }
        None => String::new(),
    }
}

fn csv_of(rows: &[ActionRow]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "date",
        "kind",
        "value",
        "previous_value",
        "revision",
        "provider",
        "first_seen",
        "changed_at",
    ];
    // Writing into memory does not fail.
    let _ = writer.write_record(head);
    for row in rows {
        let _ = writer.write_record([
            row.date.to_string(),
            row.kind.clone(),
            row.value.to_string(),
            row.previous_value
                .map_or_else(String::new, |value| value.to_string()),
            row.revision.to_string(),
            row.provider.clone(),
            row.first_seen.to_string(),
            row.changed_at.map_or_else(String::new, |at| at.to_string()),
        ]);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}
