//! `finstage gaps`.

use super::{Exit, Globals, Outcome, open, output};
use crate::config::Config;
use crate::domain::JobKind;
use crate::store::Gap;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this symbol's
    #[arg(long, value_name = "SYMBOL")]
    symbol: Option<String>,
    /// Filled gaps and confirmed days without trade, too
    #[arg(long)]
    all: bool,
    /// Gaps to show, the newest sessions first; 0 for all
    #[arg(short, default_value_t = 20)]
    n: usize,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    let rows = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        if let Some(symbol) = &args.symbol {
            open::stored_symbol(symbol, &store, &config).await?;
        }
        let rows = store.gaps(args.symbol.as_deref(), !args.all).await;
        rows.map_err(open::store_failed)
    })?;
    if args.json {
        output::print_json(&rows);
    } else if rows.is_empty() {
        output::say(if args.all { "no gaps" } else { "no open gaps" });
    } else {
        let shown = output::first(&rows, args.n);
        show(shown);
        output::say_rest(rows.len() - shown.len());
        say_who_asks(&rows, &config);
    }
    Ok(Exit::Success)
}

fn show(rows: &[Gap]) {
    let dash = || "-".to_owned();
    let cells = rows.iter().map(|row| {
        vec![
            row.symbol.clone(),
            row.trading_date.to_string(),
            row.calendar.clone(),
            row.state.clone(),
            output::utc(row.first_seen),
            row.asked.to_string(),
            row.next_ask_at.map_or_else(dash, output::utc),
            row.closed_at.map_or_else(dash, output::utc),
            row.systemic_at
                .map_or_else(String::new, |_| "yes".to_owned()),
        ]
    });
    let head = [
        "symbol", "session", "calendar", "state", "seen", "asked", "next ask", "closed", "systemic",
    ];
    output::print(&output::table(&head, &["asked"], cells.collect()));
}

/// Nobody asks again without a schedule that does.
fn say_who_asks(rows: &[Gap], config: &Config) {
    let fills = |symbol: &str| {
        let mut schedules = config.schedules.iter();
        schedules.any(|schedule| {
            schedule.job == JobKind::FillGaps
                && schedule.symbols.iter().any(|one| one.as_str() == symbol)
        })
    };
    let is_left = |row: &&Gap| row.next_ask_at.is_some() && !fills(&row.symbol);
    let left = rows.iter().filter(is_left).count();
    if left > 0 {
        output::say(&format!(
            "{left} of them belong to symbols of no `fill_gaps` schedule: nobody asks for them again"
        ));
    }
}
