//! `finstage signals`: what stands in the table, of all symbols or of one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::rows::worked_out;
use crate::cli::{Exit, Globals, Outcome, open, output};
use crate::config::Config;
use crate::indicators::{IndicatorSet, Signal};
use crate::store::{SignalFilter, SignalRow, Store};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SignalArgs {
    /// Only signals of this symbol
    #[arg(long)]
    symbol: Option<String>,
    /// Only signals of sessions from this date on
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// Only signals of this kind
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(
        Signal::ALL.iter().map(|signal| signal.name())))]
    kind: Option<String>,
    /// Those that a correction made untrue, too
    #[arg(long)]
    withdrawn: bool,
    /// Signals to show, the newest first; 0 for all
    #[arg(short, default_value_t = 20)]
    n: usize,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// A signal as scripts read it.
#[derive(Serialize)]
struct Told {
    symbol: String,
    trading_date: String,
    signal: String,
    close: f64,
    meaning: &'static str,
    /// Of which set; absent when it was worked out just now.
    set_id: Option<String>,
    withdrawn_at: Option<Timestamp>,
}

pub(in crate::cli) fn signals(args: &SignalArgs, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    let rows = open::small_runtime()?.block_on(read(args, &config))?;
    if args.json {
        output::print_json(output::first(&rows, args.n));
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        let is_narrowed = args.symbol.is_some() || args.since.is_some() || args.kind.is_some();
        output::say(if is_narrowed {
            "no such signals"
        } else {
            "no signals; a schedule with job = \"indicators\" keeps them"
        });
        return Ok(Exit::Success);
    }
    show(&rows, args.n);
    Ok(Exit::Success)
}

async fn read(args: &SignalArgs, config: &Config) -> Result<Vec<Told>, Exit> {
    let store = open::store_for_reading(config).await?;
    let symbol = match &args.symbol {
        Some(text) => Some(open::stored_symbol(text, &store, config).await?),
        None => None,
    };
    if let Some(symbol) = &symbol {
        let kept = store.latest_indicators(symbol).await;
        if kept.map_err(open::store_failed)?.is_empty() {
            return worked_out_now(args, symbol, &store).await;
        }
    }
    let filter = SignalFilter {
        symbol,
        kind: args.kind.clone(),
        since: args.since,
        with_withdrawn: args.withdrawn,
        // One more tells that there are more.
        limit: (args.n > 0).then(|| args.n as u64 + 1),
    };
    let rows = store.signals(&filter).await.map_err(open::store_failed)?;
    Ok(rows.into_iter().map(told).collect())
}

fn told(row: SignalRow) -> Told {
    Told {
        meaning: meaning(&row.kind),
        symbol: row.symbol,
        trading_date: row.trading_date.to_string(),
        signal: row.kind,
        close: row.close,
        set_id: Some(row.set_id),
        withdrawn_at: row.withdrawn_at,
    }
}

/// Of a symbol no schedule computes: what its bars give.
async fn worked_out_now(
    args: &SignalArgs,
    symbol: &crate::domain::Symbol,
    store: &Store,
) -> Result<Vec<Told>, Exit> {
    let sessions = worked_out(symbol, &IndicatorSet::default(), store).await?;
    if !sessions.is_empty() {
        output::say("worked out from the stored bars just now, nothing is kept");
    }
    let is_wanted = |kind: &String| args.kind.as_ref().is_none_or(|wanted| wanted == kind);
    let newest_first = sessions.into_iter().rev();
    let newest_first =
        newest_first.filter(|one| args.since.is_none_or(|since| one.date() >= since));
    let all = newest_first.flat_map(|one| {
        let (date, close) = (one.date().to_string(), one.row.close);
        one.signals
            .into_iter()
            .filter(is_wanted)
            .map(move |signal| Told {
                symbol: symbol.as_str().to_owned(),
                trading_date: date.clone(),
                close,
                meaning: meaning(&signal),
                signal,
                set_id: None,
                withdrawn_at: None,
            })
    });
    Ok(all.collect())
}

fn meaning(kind: &str) -> &'static str {
    kind.parse().map_or("", Signal::meaning)
}

fn show(rows: &[Told], n: usize) {
    let shown = output::first(rows, n);
    // The set is worth a column only where several are mixed.
    let sets: BTreeSet<&Option<String>> = shown.iter().map(|row| &row.set_id).collect();
    let mut head = vec!["date", "symbol", "signal", "close", "meaning"];
    if sets.len() > 1 {
        head.push("set");
    }
    let cells = shown.iter().map(|row| {
        let mut cells = vec![
            row.trading_date.clone(),
            row.symbol.clone(),
            row.signal.clone(),
            row.close.to_string(),
            match row.withdrawn_at {
                Some(at) => format!("withdrawn {}: {}", output::utc(at), row.meaning),
                None => row.meaning.to_owned(),
            },
        ];
        if sets.len() > 1 {
            cells.push(row.set_id.clone().unwrap_or_default());
        }
        cells
    });
    output::print(&output::table(&head, &["close"], cells.collect()));
    if rows.len() > shown.len() {
        output::say("… and more; -n 0 shows all");
    }
}
