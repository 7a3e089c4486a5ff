//! `finstage bars`: the daily bars of a symbol, the newest last.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{Exit, Globals, Outcome, chart, open, output};
use crate::domain::{DailyBar, GapState};
use crate::store::{BarRow, Gap, Store, StoreError};

/// Bars shown when no window is asked for.
const BARS_SHOWN: u64 = 20;

/// The provider whose bars need no mark.
const USUAL_SOURCE: &str = "yahoo";

/// Decimals of a price in the table; CSV and JSON have them all.
const MOST_DECIMALS: usize = 6;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The symbol
    symbol: String,
    /// First trading date, e.g. 2026-01-02
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Last trading date
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// The newest so many [default: 20, or all of a window]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    last: Option<u64>,
    /// Print as CSV, every number as exact as it is stored
    #[arg(long, conflicts_with_all = ["json", "chart"])]
    csv: bool,
    /// Print as JSON
    #[arg(long, conflicts_with = "chart")]
    json: bool,
    /// Draw the closes over the dates, as wide as the terminal [default: 250 sessions]
    #[arg(long)]
    chart: bool,
}

#[derive(Serialize)]
struct Series {
    symbol: String,
    bars: Vec<Shown>,
    /// Sessions of the same time without a bar.
    gaps: Vec<Gap>,
}

/// A bar, and what is impossible about it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    bar: BarRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    impossible: Option<String>,
}

impl From<BarRow> for Shown {
    fn from(bar: BarRow) -> Self {
        let impossible = impossible(&bar);
        Self { bar, impossible }
    }
}

/// What no bar of a session can be (rules V1, V2 and V7), in words: nothing of the kind is ever
/// stored by this program.
fn impossible(row: &BarRow) -> Option<String> {
    let bar = DailyBar {
        trading_date: row.trading_date,
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        adj_close: row.adj_close,
        volume: row.volume,
        is_final: row.is_final,
    };
    let flaw = bar.check().err()?;
    Some(format!("{}: {}", flaw.rule(), flaw.reason(&bar)))
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        output::complain(&format!("the window from {from} to {to} is empty"));
        return Err(Exit::Usage);
    }
    let config = open::for_looking(globals)?;
    let series = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let symbol = open::stored_symbol(&args.symbol, &store, &config).await?;
        let read = read(&store, &symbol, args).await;
        read.map_err(open::store_failed)
    })?;
    if args.csv {
        output::print(&csv_of(&series.bars));
    } else if args.json {
        output::print_json(&series);
    } else if series.bars.is_empty() && series.gaps.is_empty() {
        output::say("no bars");
    } else if args.chart {
        let closes = series
            .bars
            .iter()
            .map(|shown| (shown.bar.trading_date, Some(shown.bar.close)));
        let title = format!("{} close", series.symbol);
        let closes: Vec<_> = closes.collect();
        output::print(&chart::draw(&title, &closes, chart::columns()));
    } else {
        show(&series);
    }
    say_impossible(&series.bars);
    Ok(Exit::Success)
}

fn say_impossible(bars: &[Shown]) {
    let dates = bars.iter().filter(|shown| shown.impossible.is_some());
    let dates: Vec<String> = dates
        .map(|shown| shown.bar.trading_date.to_string())
        .collect();
    if let Some(first) = dates.first() {
        output::complain(&format!(
            "{} of these bars cannot be true ({first} the first): fetch them again with \
             `finstage backfill`",
            dates.len()
        ));
    }
}

async fn read(
    store: &Store,
    symbol: &crate::domain::Symbol,
    args: &Args,
) -> Result<Series, StoreError> {
    let window = (args.from.unwrap_or(Date::MIN), args.to.unwrap_or(Date::MAX));
    let has_window = args.from.is_some() || args.to.is_some();
    let shown = if args.chart {
        chart::SESSIONS
    } else {
        BARS_SHOWN
    };
    let limit = args.last.or((!has_window).then_some(shown));
    let bars = store.bar_rows(symbol, window, limit).await?;
    let bars: Vec<Shown> = bars.into_iter().map(Shown::from).collect();
    let mut gaps = store.gaps(Some(symbol.as_str()), false).await?;
    // Rows that cannot be read are among the limit and not among the bars.
    let is_cut = limit.is_some();
    let begins = match bars.first() {
        Some(shown) if is_cut => shown.bar.trading_date,
        _ => window.0,
    };
    let has_bar = |date: Date| {
        let found = bars.binary_search_by_key(&date, |shown| shown.bar.trading_date);
        found.is_ok_and(|at| bars.get(at).is_some_and(|shown| shown.bar.is_final))
    };
    gaps.retain(|gap| {
        (begins..=window.1).contains(&gap.trading_date)
            && gap.state != GapState::Filled.as_str()
            && !has_bar(gap.trading_date)
    });
    gaps.reverse();
    Ok(Series {
        symbol: symbol.as_str().to_owned(),
        bars,
        gaps,
    })
}

/// One record a bar; a number reads back as the very same.
fn csv_of(bars: &[Shown]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "trading_date",
        "open",
        "high",
        "low",
        "close",
        "adj_close",
        "volume",
        "is_final",
        "revision",
        "source",
    ];
    // Writing into memory does not fail.
    let _ = writer.write_record(head);
    for Shown { bar, .. } in bars {
        let _ = writer.write_record([
            bar.trading_date.to_string(),
            bar.open.to_string(),
            bar.high.to_string(),
            bar.low.to_string(),
            bar.close.to_string(),
            bar.adj_close.map_or_else(String::new, |p| p.to_string()),
            bar.volume.map_or_else(String::new, |v| v.to_string()),
            bar.is_final.to_string(),
            bar.revision.to_string(),
            bar.source.clone(),
        ]);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

fn show(series: &Series) {
    let decimals = decimals(&series.bars);
    let price = |value: f64| format!("{value:.decimals$}");
    let dash = || "-".to_owned();
    let mut lines: BTreeMap<Date, Vec<String>> = BTreeMap::new();
    let mut before: Option<f64> = None;
    for Shown { bar, impossible } in &series.bars {
        let change = before.map(|close| (bar.close / close - 1.0) * 100.0);
        before = Some(bar.close);
        let cells = vec![
            bar.trading_date.to_string(),
            price(bar.open),
            price(bar.high),
            price(bar.low),
            price(bar.close),
            bar.adj_close.map_or_else(dash, price),
            bar.volume.map_or_else(dash, grouped),
            change.map_or_else(dash, |change| format!("{change:+.2}%")),
            marks(bar, impossible.as_deref()),
        ];
        lines.insert(bar.trading_date, cells);
    }
    for gap in &series.gaps {
        let mut cells = vec![gap.trading_date.to_string()];
        cells.extend(std::iter::repeat_with(dash).take(7));
        cells.push(told(gap));
        // A provisional bar of that session is still something to see.
        lines.entry(gap.trading_date).or_insert(cells);
    }
    let head = [
        "date",
        "open",
        "high",
        "low",
        "close",
        "adj close",
        "volume",
        "change",
        "note",
    ];
    let right = &head[1..8];
    output::print(&output::table(&head, right, lines.into_values().collect()));
}

/// What is not ordinary about a bar.
fn marks(bar: &BarRow, impossible: Option<&str>) -> String {
    let mut marks = Vec::new();
    marks.extend(impossible.map(|why| format!("impossible ({why})")));
    if !bar.is_final {
        marks.push("provisional".to_owned());
    }
    if bar.revision > 0 {
        marks.push(format!("revised {}×", bar.revision));
    }
    if bar.source != USUAL_SOURCE {
        marks.push(format!("from {}", bar.source));
    }
    marks.join(", ")
}

fn told(gap: &Gap) -> String {
    match gap.next_ask_at {
        Some(next) => format!(
            "gap: asked {}×, again from {}",
            gap.asked,
            output::utc(next)
        ),
        None => format!("no trade: asked {}×", gap.asked),
    }
}

/// Decimals all prices of a table are shown with: as many as the longest needs.
fn decimals(bars: &[Shown]) -> usize {
    let prices = bars
        .iter()
        .flat_map(|Shown { bar, .. }| [bar.open, bar.high, bar.low, bar.close]);
    let needed = prices.map(|price| {
        let text = price.to_string();
        text.split_once('.').map_or(0, |(_, part)| part.len())
    });
    needed.max().unwrap_or(0).clamp(2, MOST_DECIMALS)
}

/// `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;

    fn bar(close: f64) -> BarRow {
        BarRow {
            trading_date: date(2026, 11, 20),
            open: 0.1 + 0.2,
            high: 1e15,
            low: f64::MIN_POSITIVE,
            close,
            adj_close: None,
            volume: Some(1_234_567),
            is_final: false,
            revision: 2,
            source: "tiingo".into(),
            fetched_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn csv_gives_every_number_back_bit_for_bit() {
        let (close, text) = (94.900_5_f64, csv_of(&[bar(94.900_5).into()]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        let fields: Vec<&str> = lines[1].split(',').collect();
        let numbers: Vec<f64> = fields[1..5].iter().map(|f| f.parse().unwrap()).collect();
        let exact = [0.1 + 0.2, 1e15, f64::MIN_POSITIVE, close];
        for (read, stored) in numbers.iter().zip(exact) {
            assert_eq!(read.to_bits(), stored.to_bits());
        }
        assert_eq!(fields[5..], ["", "1234567", "false", "2", "tiingo"]);
        assert_eq!(lines[0].split(',').count(), fields.len());
    }

    #[test]
    fn what_is_not_ordinary_is_marked() {
        let marked = |bar: &BarRow| marks(bar, impossible(bar).as_deref());
        assert_eq!(marked(&bar(1.0)), "provisional, revised 2×, from tiingo");
        let ordinary = BarRow {
            is_final: true,
            revision: 0,
            source: USUAL_SOURCE.into(),
            ..bar(1.0)
        };
        assert_eq!(marked(&ordinary), "");
        let upside_down = BarRow {
            high: 1.0,
            low: 9.0,
            open: 5.0,
            close: 5.0,
            ..ordinary.clone()
        };
        assert_eq!(
            marked(&upside_down),
            "impossible (V2: low 9 and high 1 do not enclose open 5 and close 5)"
        );
        let free = BarRow {
            close: 0.0,
            ..ordinary.clone()
        };
        assert_eq!(marked(&free), "impossible (V1: close is 0)");
        let owed = BarRow {
            volume: Some(-3),
            ..ordinary
        };
        assert_eq!(marked(&owed), "impossible (V7: volume -3)");
    }

    #[test]
    fn numbers_read_well() {
        let told: Vec<String> = [0, 999, 1_000, -1_234_567].map(grouped).into();
        assert_eq!(told, ["0", "999", "1,000", "-1,234,567"]);
        let short = BarRow {
            open: 2.0,
            high: 2.5,
            low: 1.25,
            ..bar(2.125)
        };
        assert_eq!(decimals(&[short.into()]), 3);
        assert_eq!(decimals(&[bar(1.0).into()]), MOST_DECIMALS);
        assert_eq!(decimals(&[]), 2);
    }
}
