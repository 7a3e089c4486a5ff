//! `finstage revisions`: what of a symbol's final bars was restated, when, why, from what to what.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::domain::{DailyBar, Symbol};
use crate::store::{BarRevision, SeriesRevision, Store, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The symbol
    symbol: String,
    /// Revisions to show, the newest first; 0 for all
    #[arg(short, default_value_t = 20)]
    n: usize,
    /// Print as JSON, oldest first
    #[arg(long)]
    json: bool,
}

/// Values of a bar; all absent where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
struct Values {
    open: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    close: Option<f64>,
    adj_close: Option<f64>,
    volume: Option<i64>,
}

/// One bar that was replaced.
#[derive(Debug, Serialize)]
struct OldBar {
    trading_date: Date,
    replaced_at: Timestamp,
    reason: Option<String>,
    source: Option<String>,
    old: Values,
    /// What the bar was next: when it was replaced again, or today.
    new: Values,
}

#[derive(Serialize)]
struct Trail {
    symbol: String,
    /// Restatements of all of a range by a factor.
    series: Vec<SeriesRevision>,
    /// Bars that were replaced one by one.
    bars: Vec<OldBar>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    let trail = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let symbol = open::stored_symbol(&args.symbol, &store, &config).await?;
        read(&store, &symbol).await.map_err(open::store_failed)
    })?;
    if args.json {
        output::print_json(&trail);
        return Ok(Exit::Success);
    }
    let mut lines: Vec<(Timestamp, Vec<String>)> = Vec::new();
    lines.extend(
        trail
            .series
            .iter()
            .map(|row| (row.replaced_at, of_series(row))),
    );
    lines.extend(trail.bars.iter().map(|row| (row.replaced_at, of_bar(row))));
    if lines.is_empty() {
        output::say("nothing was ever restated");
        return Ok(Exit::Success);
    }
    // Newest first; of one moment the series before its bars.
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let lines: Vec<Vec<String>> = lines.into_iter().map(|(_, cells)| cells).collect();
    let shown = output::first(&lines, args.n);
    let head = [
        "replaced",
        "session",
        "open",
        "high",
        "low",
        "close",
        "adj close",
        "volume",
        "why",
    ];
    output::print(&output::table(&head, &[], shown.to_vec()));
    output::say_rest(lines.len() - shown.len());
    Ok(Exit::Success)
}

async fn read(store: &Store, symbol: &Symbol) -> Result<Trail, StoreError> {
    let series = store.series_revisions(symbol).await?;
    let rows = store.bar_revisions(symbol).await?;
    let dates = || rows.iter().map(|row| row.trading_date);
    let today = match (dates().min(), dates().max()) {
        (Some(first), Some(last)) => store.bars(symbol, first, last).await?,
        _ => Vec::new(),
    };
    Ok(Trail {
        symbol: symbol.as_str().to_owned(),
        series,
        bars: paired(rows, &today),
    })
}

/// Each old bar with what came after it; `rows` are in order of time.
fn paired(rows: Vec<BarRevision>, today: &[DailyBar]) -> Vec<OldBar> {
    let mut next: BTreeMap<Date, Values> = today
        .iter()
        .map(|bar| (bar.trading_date, Values::from(bar)))
        .collect();
    let mut pairs: Vec<OldBar> = rows
        .into_iter()
        .rev()
        .map(|row| {
            let old = Values::from(&row);
            let new = next.insert(row.trading_date, old).unwrap_or_default();
            OldBar {
                trading_date: row.trading_date,
                replaced_at: row.replaced_at,
                reason: row.reason,
                source: row.source,
                old,
                new,
            }
        })
        .collect();
    pairs.reverse();
    pairs
}

impl From<&DailyBar> for Values {
    fn from(bar: &DailyBar) -> Self {
        Self {
            open: Some(bar.open),
            high: Some(bar.high),
            low: Some(bar.low),
            close: Some(bar.close),
            adj_close: bar.adj_close,
            volume: bar.volume,
        }
    }
}

impl From<&BarRevision> for Values {
    fn from(row: &BarRevision) -> Self {
        Self {
            open: row.open,
            high: row.high,
            low: row.low,
            close: row.close,
            adj_close: row.adj_close,
            volume: row.volume,
        }
    }
}

fn of_series(row: &SeriesRevision) -> Vec<String> {
    let factor =
        |factor: Option<f64>| factor.map_or_else(|| "as was".to_owned(), |f| format!("× {f}"));
    let prices = factor(row.price_factor);
    let volume = row
        .price_factor
        .map_or_else(|| "as was".to_owned(), |f| format!("÷ {f}"));
    let apart = match row.exceptions {
        0 => String::new(),
        apart => format!(", {apart} of them singly"),
    };
    vec![
        output::utc(row.replaced_at),
        format!("{} to {}", row.first_date, row.last_date),
        prices.clone(),
        prices.clone(),
        prices.clone(),
        prices,
        factor(row.adjusted_factor),
        volume,
        format!(
            "{} ({} bars{apart})",
            row.reason.as_deref().unwrap_or("restated"),
            row.bars
        ),
    ]
}

fn of_bar(row: &OldBar) -> Vec<String> {
    let (old, new) = (&row.old, &row.new);
    let price = |old: Option<f64>, new: Option<f64>| {
        change(old.map(|p| p.to_string()), new.map(|p| p.to_string()))
    };
    vec![
        output::utc(row.replaced_at),
        row.trading_date.to_string(),
        price(old.open, new.open),
        price(old.high, new.high),
        price(old.low, new.low),
        price(old.close, new.close),
        price(old.adj_close, new.adj_close),
        change(
            old.volume.map(|v| v.to_string()),
            new.volume.map(|v| v.to_string()),
        ),
        row.reason.clone().unwrap_or_default(),
    ]
}

/// `old → new`, or the value alone where it has not changed.
fn change(old: Option<String>, new: Option<String>) -> String {
    let (old, new) = (
        old.unwrap_or_else(|| "-".into()),
        new.unwrap_or_else(|| "-".into()),
    );
    if old == new {
        old
    } else {
        format!("{old} → {new}")
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn each_old_bar_has_what_came_after_it() {
        let day = date(2026, 11, 20);
        let row = |revision, close| BarRevision {
            trading_date: day,
            revision,
            open: Some(1.0),
            high: Some(3.0),
            low: Some(0.5),
            close,
            adj_close: None,
            volume: Some(7),
            source: Some("yahoo".into()),
            reason: Some("corrected".into()),
            replaced_at: Timestamp::from_second(revision.into()).unwrap(),
        };
        let today = DailyBar {
            trading_date: day,
            open: 1.0,
            high: 3.0,
            low: 0.5,
            close: 2.5,
            adj_close: None,
            volume: Some(7),
            is_final: true,
        };
        let pairs = paired(vec![row(0, Some(2.0)), row(1, Some(2.25))], &[today]);
        let closes = pairs.iter().map(|pair| (pair.old.close, pair.new.close));
        assert_eq!(
            closes.collect::<Vec<_>>(),
            [(Some(2.0), Some(2.25)), (Some(2.25), Some(2.5))]
        );
        let cells = of_bar(&pairs[1]);
        assert_eq!(
            cells[2..],
            ["1", "3", "0.5", "2.25 → 2.5", "-", "7", "corrected"]
        );
        // A session the series has lost.
        let lost = paired(vec![row(0, Some(2.0))], &[]);
        assert_eq!(of_bar(&lost[0])[5], "2 → -");
    }
}
