//! Opening what a verb needs, and telling people when it cannot be.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Exit, Globals, output};
use crate::clock::Clock;
use crate::config::{self, Config, Environment, Problems};
use crate::daemon::StartError;
use crate::domain::{Schedule, Symbol, parse_span};
use crate::store::{Store, StoreError};
use crate::telemetry::Meter;

/// Names told of those like a wrong one.
const NEAR_NAMES: usize = 3;

/// How like two names must be to be a slip of the fingers, 0 to 1.
const LIKE: f64 = 0.8;

/// Threads of the runtime: the work waits for networks and disks, not for processors.
const MAX_WORKERS: usize = 4;

/// Reads the configuration.
pub(super) fn try_load(globals: &Globals) -> Result<(Config, Problems), Problems> {
    let path = config::locate(globals.config.as_deref())?;
    config::load(&path, &Environment::process())
}

/// Reads the configuration; problems go to stderr.
pub(super) fn load(globals: &Globals) -> Result<(Config, Problems), Exit> {
    try_load(globals).map_err(|problems| {
        output::say(&problems.to_string());
        let plural = if problems.len() == 1 { "" } else { "s" };
        output::complain(&format!(
            "{} problem{plural} in the configuration",
            problems.len()
        ));
        Exit::Config
    })
}

/// Reads the configuration for a verb that only needs to find the daemon: a file that was broken
/// since the daemon has read it must not be in the way.
pub(super) fn for_asking(globals: &Globals) -> Result<Config, Exit> {
    match try_load(globals) {
        Ok((config, _)) => Ok(config),
        Err(problems) => {
            let path = config::locate(globals.config.as_deref()).map_err(|_| Exit::Config)?;
            config::load_places(&path, &Environment::process()).ok_or_else(|| {
                output::say(&problems.to_string());
                Exit::Config
            })
        }
    }
}

/// Reads the configuration for a verb that looks at what is stored: of a broken file it uses what
/// can be used, and says so.
pub(super) fn for_looking(globals: &Globals) -> Result<Config, Exit> {
    match try_load(globals) {
        Ok((config, _)) => Ok(config),
        Err(problems) => {
            let config = for_asking(globals)?;
            let plural = if problems.len() == 1 { "" } else { "s" };
            output::say(&format!(
                "{} problem{plural} in the configuration: schedules may be missing here; see \
                 `finstage validate`",
                problems.len()
            ));
            Ok(config)
        }
    }
}

/// A symbol of which something is stored, or that a schedule names; of another, those like it are
/// told.
pub(super) async fn stored_symbol(
    text: &str,
    store: &Store,
    config: &Config,
) -> Result<Symbol, Exit> {
    let mut names = store.symbol_names().await.map_err(store_failed)?;
    let planned = config.schedules.iter().flat_map(|s| s.symbols.iter());
    let known = planned.chain(config.alerts.keys());
    names.extend(known.map(|symbol| symbol.as_str().to_owned()));
    if let (true, Ok(symbol)) = (names.contains(text), Symbol::try_new(text)) {
        return Ok(symbol);
    }
    let near = near(text, names.iter().map(String::as_str));
    let hint = if near.is_empty() {
        "`finstage symbols` lists those there are".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    output::complain(&format!("there is no symbol `{text}`; {hint}"));
    Err(Exit::Usage)
}

/// The names most like `text`, the likest first.
fn near<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let text = text.to_lowercase();
    let mut likes: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&text, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .collect();
    likes.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    let nearest = likes.into_iter().take(NEAR_NAMES);
    nearest.map(|(_, name)| name).collect()
}

/// The schedule a verb names.
pub(super) fn schedule<'c>(config: &'c Config, id: &str) -> Result<&'c Arc<Schedule>, Exit> {
    config.schedule(id).ok_or_else(|| {
        let names: Vec<&str> = config.schedules.iter().map(|s| s.id.as_str()).collect();
        output::complain(&format!(
            "there is no schedule `{id}`; there are: {}",
            names.join(", ")
        ));
        Exit::Usage
    })
}

/// The symbols given on the command line, or all of the schedule's.
pub(super) fn symbols(schedule: &Schedule, given: &[String]) -> Result<Arc<[Symbol]>, Exit> {
    if given.is_empty() {
        return Ok(schedule.symbols.clone());
    }
    let mut seen = std::collections::HashSet::new();
    let distinct = given.iter().filter(|text| seen.insert(text.as_str()));
    let parsed: Result<Vec<Symbol>, _> = distinct.map(|text| Symbol::try_new(text)).collect();
    parsed.map(Into::into).map_err(|error| {
        output::complain(&error.to_string());
        Exit::Usage
    })
}

/// Opens the database for a verb that only reads it.
pub(super) async fn store_for_reading(config: &Config) -> Result<Store, Exit> {
    if let Some(path) = config.store.url.sqlite_path()
        && !path.exists()
    {
        let message = format!(
            "there is no database at {} yet: `finstage run` or `finstage once` makes it",
            path.display()
        );
        output::complain(&message);
        return Err(Exit::Unavailable);
    }
    let store = Store::open(&config.store, Meter::default())
        .await
        .map_err(store_failed)?;
    match store.pending_migrations().await.map_err(store_failed)? {
        0 => Ok(store),
        pending => {
            let message = format!(
                "the database {} lacks {pending} schema changes; apply them with `finstage migrate`",
                store.place()
            );
            output::complain(&message);
            Err(Exit::Unavailable)
        }
    }
}

/// Opens the database for a verb that has something to say without it; `None` when there is none
/// yet, or one whose schema is not up to date.
pub(super) async fn store_if_there(config: &Config) -> Result<Option<Store>, Exit> {
    let is_missing = config
        .store
        .url
        .sqlite_path()
        .is_some_and(|path| !path.exists());
    if is_missing {
        return Ok(None);
    }
    let store = Store::open(&config.store, Meter::default())
        .await
        .map_err(store_failed)?;
    let pending = store.pending_migrations().await.map_err(store_failed)?;
    Ok((pending == 0).then_some(store))
}

/// Tells what is wrong with the database.
#[allow(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
pub(super) fn store_failed(error: StoreError) -> Exit {
    start_failed(StartError::Store(error))
}

/// Tells why the program could not start working.
#[allow(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
pub(super) fn start_failed(error: StartError) -> Exit {
    output::complain(&error.to_string());
    start_exit(&error)
}

/// The exit code for it.
pub(super) fn start_exit(error: &StartError) -> Exit {
    match error {
        StartError::Store(StoreError::Origin { .. }) => Exit::Config,
        StartError::PlannerEnded => Exit::Software,
        _ => Exit::Unavailable,
    }
}

/// A runtime for verbs that only read.
pub(super) fn small_runtime() -> Result<tokio::runtime::Runtime, Exit> {
    built(
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
    )
}

/// A runtime for verbs that do the work.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Exit> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = cores.min(MAX_WORKERS);
    built(
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build(),
    )
}

fn built(
    runtime: std::io::Result<tokio::runtime::Runtime>,
) -> Result<tokio::runtime::Runtime, Exit> {
    runtime.map_err(|error| {
        output::complain(&format!("the runtime cannot be started: {error}"));
        Exit::Software
    })
}

/// "Since when": a span back from now (`24h`), a date, or an instant.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(span) = parse_span(text) {
        let now = Clock::system().now();
        return now
            .checked_sub(crate::clock::signed(span))
            .map_err(|error| error.to_string());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let date = text.parse::<jiff::civil::Date>();
    date.ok()
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|zoned| zoned.timestamp())
        .ok_or_else(|| {
            "write a span back from now (24h), a date (2026-11-22) or an instant in UTC \
             (2026-11-22T21:00:00Z)"
                .to_owned()
        })
}
