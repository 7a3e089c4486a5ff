//! `finstage symbols`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{JobKind, Provider, Providers, Schedule, Symbol, last_expected};
use crate::jobs::Watch;
use crate::store::{Instrument, Store, SymbolRow};

/// A series may lack a session this long after its provider must have it: most are asked for once
/// a day.
const BEHIND_AFTER: SignedDuration = SignedDuration::from_hours(26);

/// Schedules named in a line of the table.
const SCHEDULES_SHOWN: usize = 2;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the symbols of this schedule
    #[arg(long, value_name = "ID")]
    schedule: Option<String>,
    /// Only symbols something is wrong with
    #[arg(long)]
    problems: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// How a symbol stands; the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Delisted,
    NotFound,
    NoData,
    Behind,
    Gaps,
    Held,
    NoCalendar,
    Unscheduled,
    Ok,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Delisted => "delisted",
            Self::NotFound => "not_found",
            Self::NoData => "no_data",
            Self::Behind => "behind",
            Self::Gaps => "gaps",
            Self::Held => "held",
            Self::NoCalendar => "no_calendar",
            Self::Unscheduled => "unscheduled",
            Self::Ok => "ok",
        }
    }

    fn is_problem(self) -> bool {
        !matches!(self, Self::Ok | Self::Unscheduled)
    }
}

#[derive(Debug, Serialize)]
struct Row {
    symbol: String,
    schedules: Vec<String>,
    currency: Option<String>,
    timezone: Option<String>,
    /// Absent where none is known: gaps are not looked for then.
    calendar: Option<String>,
    first_bar: Option<Date>,
    last_bar: Option<Date>,
    bars: u64,
    gaps_open: u64,
    /// Rows in quarantine that nobody has decided about.
    rows_held: u64,
    quoted_at: Option<Timestamp>,
    quote_age_s: Option<i64>,
    status: &'static str,
    /// The status in words, where there is more to say.
    note: Option<String>,
    #[serde(skip)]
    is_problem: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_looking(globals)?;
    if let Some(id) = &args.schedule {
        open::schedule(&config, id)?;
    }
    let (stored, keepers) = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let keepers = keepers(&config, &store).await?;
        let stored = store.symbols().await.map_err(open::store_failed)?;
        Ok((stored, keepers))
    })?;
    let mut rows = rows(stored, &config, &keepers, Clock::system().now());
    rows.retain(|row| {
        let is_wanted = args.schedule.as_ref();
        is_wanted.is_none_or(|id| row.schedules.contains(id)) && (row.is_problem || !args.problems)
    });
    if args.json {
        output::print_json(&rows);
    } else if rows.is_empty() {
        output::say(if args.problems {
            "nothing is wrong with any symbol"
        } else {
            "no symbols"
        });
    } else {
        show(&rows);
    }
    Ok(Exit::Success)
}

/// Whose bars a series has, where that need not be Yahoo: the provider that gave its newest bar, else
/// the first its schedule asks.
async fn keepers(config: &Config, store: &Store) -> Result<HashMap<String, Provider>, Exit> {
    let usual = Providers::default();
    let unusual = |one: &&Arc<Schedule>| one.providers != usual;
    if !config.schedules.iter().any(|one| unusual(&one)) {
        return Ok(HashMap::new());
    }
    let newest = store.newest_sources().await.map_err(open::store_failed)?;
    let gave: HashMap<String, Provider> = newest
        .into_iter()
        .filter_map(|(symbol, source)| Some((symbol, Provider::from_name(&source)?)))
        .collect();
    let mut keepers = HashMap::new();
    for schedule in config.schedules.iter().filter(unusual) {
        for symbol in schedule.symbols.iter().map(Symbol::as_str) {
            let keeper = gave.get(symbol).copied();
            keepers
                .entry(symbol.to_owned())
                .or_insert_with(|| keeper.unwrap_or(schedule.providers.first()));
        }
    }
    Ok(keepers)
}

/// Those of the database and those of the file, each once.
fn rows(
    stored: Vec<SymbolRow>,
    config: &Config,
    keepers: &HashMap<String, Provider>,
    now: Timestamp,
) -> Vec<Row> {
    let mut all: BTreeMap<String, SymbolRow> = stored
        .into_iter()
        .map(|row| (row.symbol.clone(), row))
        .collect();
    let mut schedules: BTreeMap<String, Vec<(String, JobKind)>> = BTreeMap::new();
    for schedule in &config.schedules {
        for symbol in schedule.symbols.iter() {
            let symbol = symbol.as_str().to_owned();
            all.entry(symbol.clone()).or_insert_with(|| SymbolRow {
                symbol: symbol.clone(),
                ..SymbolRow::default()
            });
            let names = schedules.entry(symbol).or_default();
            names.push((schedule.id.to_string(), schedule.job));
        }
    }
    let watch = Watch::new(config);
    all.into_values()
        .map(|row| {
            let schedules = schedules.remove(&row.symbol).unwrap_or_default();
            let keeper = keepers.get(&row.symbol).copied().unwrap_or(Provider::Yahoo);
            judged(row, (schedules, keeper), &watch, now)
        })
        .collect()
}

fn judged(
    row: SymbolRow,
    (schedules, keeper): (Vec<(String, JobKind)>, Provider),
    watch: &Watch,
    now: Timestamp,
) -> Row {
    let instrument = Instrument {
        timezone: row.timezone.clone().unwrap_or_default(),
        instrument_type: row.instrument_type.clone(),
        exchange: row.exchange.clone(),
        ..Instrument::default()
    };
    let symbol = Symbol::try_new(&row.symbol).ok();
    let calendar = symbol.and_then(|symbol| watch.calendar(&symbol, &instrument));
    let then = now.saturating_sub(BEHIND_AFTER).unwrap_or(now);
    let expected = calendar
        .as_ref()
        .and_then(|calendar| last_expected(calendar, keeper, then));
    let keeps_bars = |job: JobKind| !matches!(job, JobKind::Quotes | JobKind::FillGaps);
    let is_kept = schedules.iter().any(|(_, job)| keeps_bars(*job));
    let lacks = expected.filter(|_| is_kept && row.bars > 0);
    let status = status(&row, !schedules.is_empty(), lacks, calendar.is_some());
    let age = |at: Timestamp| now.duration_since(at).as_secs().max(0);
    Row {
        note: with_held(note(&row, status, lacks), row.rows_held),
        schedules: schedules.into_iter().map(|(name, _)| name).collect(),
        calendar: calendar.map(|calendar| calendar.code().to_owned()),
        quote_age_s: row.quoted_at.map(age),
        status: status.as_str(),
        is_problem: status.is_problem(),
        symbol: row.symbol,
        currency: row.currency,
        timezone: row.timezone,
        first_bar: row.first_bar,
        last_bar: row.last_bar,
        bars: row.bars,
        gaps_open: row.gaps_open,
        rows_held: row.rows_held,
        quoted_at: row.quoted_at,
    }
}

/// `expected` is a session that must be there by now.
fn status(
    row: &SymbolRow,
    is_scheduled: bool,
    expected: Option<Date>,
    has_calendar: bool,
) -> Status {
    let health = &row.health;
    if health.delisted_at.is_some() {
        Status::Delisted
    } else if health.not_found_count > 0 {
        Status::NotFound
    } else if row.bars == 0 && row.quoted_at.is_none() {
        Status::NoData
    } else if row.gaps_open == 0 && expected.is_some_and(|session| row.last_bar < Some(session)) {
        Status::Behind
    } else if row.gaps_open > 0 {
        Status::Gaps
    } else if row.rows_held > 0 {
        Status::Held
    } else if !is_scheduled {
        Status::Unscheduled
    } else if row.bars > 0 && !has_calendar {
        Status::NoCalendar
    } else {
        Status::Ok
    }
}

fn note(row: &SymbolRow, status: Status, expected: Option<Date>) -> Option<String> {
    let health = &row.health;
    let date = |at: Option<Timestamp>| at.map_or_else(String::new, output::utc);
    match status {
        Status::Delisted => Some(format!(
            "not found since {}, called delisted on {}; asked for once a week",
            date(health.not_found_since),
            date(health.delisted_at)
        )),
        Status::NotFound => Some(format!(
            "not found {} times on {} trading days, since {}",
            health.not_found_count,
            health.not_found_days,
            date(health.not_found_since)
        )),
        Status::NoData => Some("nothing is stored of it".to_owned()),
        Status::Behind => {
            expected.map(|session| format!("the session of {session} should be there"))
        }
        Status::NoCalendar => Some(format!(
            "exchange `{}` is not known: name a calendar in its schedule",
            row.exchange.as_deref().unwrap_or_default()
        )),
        // The number of gaps stands in a column of its own.
        Status::Gaps | Status::Held | Status::Unscheduled | Status::Ok => None,
    }
}

/// Rows in quarantine are told beside whatever else is wrong.
fn with_held(note: Option<String>, rows: u64) -> Option<String> {
    if rows == 0 {
        return note;
    }
    let plural = if rows == 1 { "" } else { "s" };
    let held = format!("{rows} row{plural} held: see `finstage quarantine list`");
    Some(match note {
        Some(note) => format!("{note}; {held}"),
        None => held,
    })
}

fn show(rows: &[Row]) {
    let dash = || "-".to_owned();
    let day = |date: Option<Date>| date.map_or_else(dash, |date| date.to_string());
    let cells = rows.iter().map(|row| {
        let place = row.calendar.clone().or_else(|| row.timezone.clone());
        vec![
            row.symbol.clone(),
            shortened(&row.schedules),
            row.currency.clone().unwrap_or_else(dash),
            place.unwrap_or_else(dash),
            day(row.first_bar),
            day(row.last_bar),
            row.bars.to_string(),
            row.gaps_open.to_string(),
            row.quote_age_s
                .map_or_else(dash, |age| output::duration_ms(age.saturating_mul(1_000))),
            row.status.to_owned(),
            row.note.clone().unwrap_or_default(),
        ]
    });
    let head = [
        "symbol",
        "schedules",
        "currency",
        "calendar",
        "first bar",
        "last bar",
        "bars",
        "gaps",
        "quote age",
        "status",
        "note",
    ];
    let right = ["bars", "gaps", "quote age"];
    output::print(&output::table(&head, &right, cells.collect()));
    let bars: u64 = rows.iter().map(|row| row.bars).sum();
    let problems = rows.iter().filter(|row| row.is_problem).count();
    output::print(&format!(
        "\n{} symbols, {bars} bars, {problems} with problems",
        rows.len()
    ));
}

fn shortened(names: &[String]) -> String {
    let shown: Vec<&str> = names
        .iter()
        .take(SCHEDULES_SHOWN)
        .map(String::as_str)
        .collect();
    match names.len().saturating_sub(shown.len()) {
        _ if shown.is_empty() => "-".to_owned(),
        0 => shown.join(", "),
        more => format!("{} +{more}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
