//! `finstage indicators`: what the job has stored, or else what the stored final bars give while
//! one waits.

mod rows;
mod signals;

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::{Exit, Globals, Outcome, chart, open, output};
use crate::store::IndicatorRow;
use rows::{Wanted, rows};
pub(super) use signals::{SignalArgs, signals};

/// Significant digits of a value in the table; CSV and JSON have them all.
const DIGITS: usize = 6;

/// Sessions worked out when nothing is stored and nobody says how many.
const SESSIONS: u64 = 5;

/// What a chart shows when nobody says what.
const CHARTED: [&str; 2] = ["close", "rsi"];

#[derive(Debug, clap::Args)]
pub(super) struct IndicatorArgs {
    /// The symbol
    symbol: String,
    /// The newest so many sessions [default: what is stored, or 5; all with --csv]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    last: Option<u64>,
    /// Print as CSV, a line a session, every number exact
    #[arg(long, conflicts_with_all = ["json", "chart"])]
    csv: bool,
    /// Print as JSON
    #[arg(long, conflicts_with = "chart")]
    json: bool,
    /// Draw lines over the dates, as wide as the terminal
    #[arg(long)]
    chart: bool,
    /// What to draw, e.g. rsi; may be repeated [default: close and rsi]
    #[arg(long, value_name = "NAME", requires = "chart")]
    column: Vec<String>,
}

/// A session, its values, and the signals it raised.
struct Session {
    row: IndicatorRow,
    signals: Vec<String>,
}

impl Session {
    fn date(&self) -> Date {
        self.row.trading_date
    }

    /// A value by its name; the close is one, too.
    fn value(&self, name: &str) -> Option<f64> {
        if name == "close" {
            return Some(self.row.close);
        }
        let mut values = self.row.values.iter();
        values.find(|(own, _)| own == name)?.1
    }
}

pub(super) fn indicators(args: &IndicatorArgs, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    let wanted = match args.last {
        Some(last) => Wanted::Last(last),
        None if args.csv => Wanted::All,
        None if args.chart => Wanted::Last(chart::SESSIONS),
        None => Wanted::Stored(SESSIONS),
    };
    let sessions = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let symbol = open::stored_symbol(&args.symbol, &store, &config).await?;
        rows(&symbol, wanted, &store, &config).await
    })?;
    if args.csv {
        output::print(&csv_of(&sessions));
    } else if args.json {
        output::print_json(&sessions.iter().map(json_of).collect::<Vec<_>>());
    } else if sessions.is_empty() {
        output::say("no final bars");
    } else if args.chart {
        return draw(args, &sessions);
    } else {
        show(&sessions);
    }
    Ok(Exit::Success)
}

/// The names of the values, in their order.
fn columns(sessions: &[Session]) -> Vec<&str> {
    let newest = sessions.last().map(|one| one.row.values.as_slice());
    let values = newest.unwrap_or_default().iter();
    values.map(|(name, _)| name.as_str()).collect()
}

fn draw(args: &IndicatorArgs, sessions: &[Session]) -> Outcome {
    let known = columns(sessions);
    let chosen: Vec<&str> = match args.column.as_slice() {
        [] => CHARTED
            .into_iter()
            .filter(|name| *name == "close" || known.contains(name))
            .collect(),
        named => named.iter().map(String::as_str).collect(),
    };
    let is_unknown = |name: &&&str| **name != "close" && !known.contains(*name);
    if let Some(name) = chosen.iter().find(is_unknown) {
        let all = known.join(", ");
        output::complain(&format!(
            "there is no value `{name}`; there are close, {all}"
        ));
        return Err(Exit::Usage);
    }
    let columns = chart::columns();
    let charts = chosen.iter().map(|name| {
        let points = sessions.iter().map(|one| (one.date(), one.value(name)));
        let title = format!("{} {name}", args.symbol);
        chart::draw(&title, &points.collect::<Vec<_>>(), columns)
    });
    output::print(&charts.collect::<Vec<_>>().join("\n\n"));
    Ok(Exit::Success)
}

/// A line an indicator, a column a session, the newest on the right.
fn show(sessions: &[Session]) {
    let dates: Vec<String> = sessions.iter().map(|one| one.date().to_string()).collect();
    let mut head = vec!["indicator"];
    head.extend(dates.iter().map(String::as_str));
    let line = |name: &str| {
        let mut cells = vec![name.to_owned()];
        cells.extend(sessions.iter().map(|one| short(one.value(name))));
        cells
    };
    let names = std::iter::once("close").chain(columns(sessions));
    let lines: Vec<Vec<String>> = names.map(line).collect();
    let right = head.get(1..).unwrap_or_default().to_vec();
    output::print(&output::table(&head, &right, lines));
}

fn short(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    // As many decimals as make up the digits; large numbers keep all of their whole part.
    let whole = value.abs().max(1.0).log10().floor();
    let decimals = (0..DIGITS)
        .rev()
        .find(|decimals| f64::from(u32::try_from(*decimals).unwrap_or(0)) + whole < 6.0);
    format!("{value:.*}", decimals.unwrap_or(0))
}

fn csv_of(sessions: &[Session]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["trading_date", "close"].into_iter();
    // Writing into memory does not fail.
    let _ = writer.write_record(head.chain(columns(sessions)));
    for one in sessions {
        let own = [one.date().to_string(), one.row.close.to_string()];
        let values = one.row.values.iter();
        let values = values.map(|(_, value)| value.map_or_else(String::new, |v| v.to_string()));
        let _ = writer.write_record(own.into_iter().chain(values));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

fn json_of(one: &Session) -> Value {
    let mut object = Map::new();
    object.insert("trading_date".to_owned(), one.date().to_string().into());
    object.insert("close".to_owned(), one.row.close.into());
    for (name, value) in &one.row.values {
        object.insert(name.clone(), (*value).into());
    }
    object.insert("signals".to_owned(), one.signals.clone().into());
    Value::Object(object)
}
