//! `finstage alerts`.

use jiff::Timestamp;
use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::domain::{AlertKind, ToldAlert};
use crate::store::AlertFilter;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this symbol
    symbol: Option<String>,
    /// Only alerts of this kind
    #[arg(long, value_parser = AlertKind::ALL.map(AlertKind::as_str))]
    kind: Option<String>,
    /// Only alerts told since: a span (24h), a date or an instant
    #[arg(long, value_parser = open::since)]
    since: Option<Timestamp>,
    /// Alerts to show
    #[arg(short, default_value_t = 20)]
    n: u32,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// An alert as scripts read it.
#[derive(Serialize)]
struct Row<'a> {
    told_at: Timestamp,
    ended_at: Option<Timestamp>,
    symbol: &'a str,
    kind: &'static str,
    threshold_pct: f64,
    price: f64,
    market_time: Timestamp,
    change_pct: f64,
    reference_price: f64,
    reference_date: String,
    rules: &'a str,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    let alerts = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let symbol = match &args.symbol {
            Some(text) => Some(open::stored_symbol(text, &store, &config).await?),
            None => None,
        };
        let filter = AlertFilter {
            symbol,
            kind: args.kind.as_deref().and_then(AlertKind::from_name),
            since: args.since,
            limit: args.n.into(),
        };
        store.alerts(&filter).await.map_err(open::store_failed)
    })?;
    if args.json {
        output::print_json(&alerts.iter().map(row).collect::<Vec<_>>());
    } else if !alerts.is_empty() {
        show(&alerts);
    } else if config.alerts.is_empty() {
        output::say("no alerts: nothing is watched; see [alerts.NAME] in docs/schedules.md");
    } else {
        output::say("no alerts");
    }
    Ok(Exit::Success)
}

fn row(told: &ToldAlert) -> Row<'_> {
    let alert = &told.alert;
    Row {
        told_at: told.told_at,
        ended_at: told.ended_at,
        symbol: told.symbol.as_str(),
        kind: alert.kind.as_str(),
        threshold_pct: alert.threshold_pct,
        price: alert.price,
        market_time: alert.market_time,
        change_pct: alert.change_pct,
        reference_price: alert.reference_price,
        reference_date: alert.reference_date.to_string(),
        rules: &told.rules,
    }
}

fn show(alerts: &[ToldAlert]) {
    let cells = alerts.iter().map(|told| {
        let alert = &told.alert;
        let threshold = match alert.threshold_pct {
            0.0 => String::new(),
            pct => format!("{pct}%"),
        };
        vec![
            output::utc(told.told_at),
            told.symbol.to_string(),
            alert.kind.to_string(),
            threshold,
            alert.price.to_string(),
            format!("{:+.2}%", alert.change_pct),
            alert.reference_price.to_string(),
            alert.reference_date.to_string(),
            told.ended_at.map(output::utc).unwrap_or_default(),
            told.rules.clone(),
        ]
    });
    let head = [
        "told", "symbol", "kind", "at", "price", "change", "against", "of", "over", "alerts",
    ];
    let right = ["at", "price", "change", "against"];
    output::print(&output::table(&head, &right, cells.collect()));
}
