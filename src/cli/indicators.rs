//! `finstage indicators` and `finstage signals`: worked out from the stored final bars while one
//! waits. Nothing is kept.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Exit, Globals, Outcome, open, output};
use crate::domain::DailyBar;
use crate::indicators::{Bar, IndicatorSet, Indicators, Row, Signal};

/// Significant digits of a value in the table; CSV and JSON have them all.
const DIGITS: usize = 6;

#[derive(Debug, clap::Args)]
pub(super) struct IndicatorArgs {
    /// The symbol
    symbol: String,
    /// The newest so many sessions [default: 5, or all with --csv]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    last: Option<u64>,
    /// Print as CSV, a line a session, every number exact
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SignalArgs {
    /// The symbol
    symbol: String,
    /// Only signals of sessions from this date on
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// Only signals of this kind
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(
        Signal::ALL.iter().map(|signal| signal.name())))]
    kind: Option<String>,
    /// Signals to show, the newest first; 0 for all
    #[arg(short, default_value_t = 20)]
    n: usize,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// A signal as scripts read it.
#[derive(Serialize)]
struct SignalRow {
    trading_date: String,
    signal: &'static str,
    close: f64,
    meaning: &'static str,
}

/// A session and its values.
struct Session {
    bar: DailyBar,
    row: Row,
}

pub(super) fn indicators(args: &IndicatorArgs, globals: &Globals) -> Outcome {
    let set = IndicatorSet::default();
    let sessions = sessions(&args.symbol, &set, globals)?;
    let all = if args.csv { u64::MAX } else { 5 };
    let last = usize::try_from(args.last.unwrap_or(all)).unwrap_or(usize::MAX);
    let shown = sessions
        .get(sessions.len().saturating_sub(last)..)
        .unwrap_or_default();
    if args.csv {
        output::print(&csv_of(&set, shown));
    } else if args.json {
        output::print_json(
            &shown
                .iter()
                .map(|one| json_of(&set, one))
                .collect::<Vec<_>>(),
        );
    } else if shown.is_empty() {
        output::say("no final bars");
    } else {
        show(&set, shown);
    }
    Ok(Exit::Success)
}

pub(super) fn signals(args: &SignalArgs, globals: &Globals) -> Outcome {
    let sessions = sessions(&args.symbol, &IndicatorSet::default(), globals)?;
    let is_wanted = |signal: &Signal| {
        args.kind
            .as_deref()
            .is_none_or(|kind| kind == signal.name())
    };
    let newest_first = sessions.iter().rev();
    let rows: Vec<SignalRow> = newest_first
        .filter(|one| args.since.is_none_or(|since| one.bar.trading_date >= since))
        .flat_map(|one| {
            let raised = one.row.signals();
            let raised: Vec<Signal> = raised.iter().filter(is_wanted).collect();
            raised.into_iter().map(|signal| SignalRow {
                trading_date: one.bar.trading_date.to_string(),
                signal: signal.name(),
                close: one.bar.close,
                meaning: signal.meaning(),
            })
        })
        .collect();
    if args.json {
        output::print_json(&rows);
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        output::say("no signals");
        return Ok(Exit::Success);
    }
    let shown = output::first(&rows, args.n);
    let cells = shown.iter().map(|row| {
        vec![
            row.trading_date.clone(),
            row.signal.to_owned(),
            row.close.to_string(),
            row.meaning.to_owned(),
        ]
    });
    let head = ["date", "signal", "close", "meaning"];
    output::print(&output::table(&head, &["close"], cells.collect()));
    output::say_rest(rows.len() - shown.len());
    Ok(Exit::Success)
}

/// All final sessions on record with their values; a bar the indicators refuse is said and left
/// out.
fn sessions(symbol: &str, set: &IndicatorSet, globals: &Globals) -> Result<Vec<Session>, Exit> {
    let config = open::for_looking(globals)?;
    let bars = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let symbol = open::stored_symbol(symbol, &store, &config).await?;
        let bars = store.bars(&symbol, Date::MIN, Date::MAX).await;
        bars.map_err(open::store_failed)
    })?;
    let mut state = Indicators::new(set);
    let mut sessions = Vec::with_capacity(bars.len());
    for bar in bars.into_iter().filter(|bar| bar.is_final) {
        match state.push(&Bar::from(&bar)) {
            Ok(row) => sessions.push(Session { bar, row: *row }),
            Err(reason) => output::complain(&format!("{}: {reason}", bar.trading_date)),
        }
    }
    Ok(sessions)
}

/// A line an indicator, a column a session, the newest on the right.
fn show(set: &IndicatorSet, sessions: &[Session]) {
    let dates: Vec<String> = sessions
        .iter()
        .map(|one| one.bar.trading_date.to_string())
        .collect();
    let mut head = vec!["indicator"];
    head.extend(dates.iter().map(String::as_str));
    let line = |name: &str, value: &dyn Fn(&Session) -> Option<f64>| {
        let mut cells = vec![name.to_owned()];
        cells.extend(sessions.iter().map(|one| short(value(one))));
        cells
    };
    let mut lines = vec![line("close", &|one| Some(one.bar.close))];
    for (at, name) in set.columns().iter().enumerate() {
        lines.push(line(name, &|one| one.row.get(at)));
    }
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

fn csv_of(set: &IndicatorSet, sessions: &[Session]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["trading_date", "close"].into_iter();
    // Writing into memory does not fail.
    let _ = writer.write_record(head.chain(set.columns().iter().map(String::as_str)));
    for one in sessions {
        let own = [one.bar.trading_date.to_string(), one.bar.close.to_string()];
        let values = one.row.values();
        let values = values.map(|value| value.map_or_else(String::new, |v| v.to_string()));
        let _ = writer.write_record(own.into_iter().chain(values));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

fn json_of(set: &IndicatorSet, one: &Session) -> Value {
    let mut object = Map::new();
    object.insert(
        "trading_date".to_owned(),
        one.bar.trading_date.to_string().into(),
    );
    object.insert("close".to_owned(), one.bar.close.into());
    for (name, value) in set.columns().iter().zip(one.row.values()) {
        object.insert(name.clone(), value.into());
    }
    let signals = one.row.signals();
    let signals: Vec<&str> = signals.iter().map(Signal::name).collect();
    object.insert("signals".to_owned(), signals.into());
    Value::Object(object)
}
