//! schedules.toml: read once, every problem reported at once, valid ever after.

mod alerts;
mod cache;
mod calendars;
mod context;
mod difference;
mod groups;
mod history;
mod http;
mod lints;
mod problem;
mod reader;
mod schedules;
mod secrets;
mod sections;
mod settings;
mod upstream;

use std::path::{Path, PathBuf};

pub use alerts::AlertTable;
pub use difference::Difference;
pub use problem::{Problem, Problems, Severity};
pub use secrets::{Environment, Secret};
pub use settings::{
    Config, Cooldown, DaemonSettings, HistorySettings, HttpSettings, PoolSettings, QuoteBatch,
    StoreSettings, StoreUrl, UpstreamSettings,
};

use context::Context;
use problem::Source;
use reader::Table;

/// Largest configuration or symbols file that is read.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Where the configuration is looked for when `--config` is not given, in this order.
pub const SEARCH_PATH: [&str; 2] = ["schedules.toml", "/etc/finstage/schedules.toml"];

/// The configuration file to use: the one given, or the first of [`SEARCH_PATH`] that exists.
pub fn locate(given: Option<&Path>) -> Result<PathBuf, Problems> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    SEARCH_PATH
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .ok_or_else(|| {
            Problems::one(Problem::general(
                SEARCH_PATH.join(" and "),
                "no configuration file found",
                "run where schedules.toml is, or name it with --config FILE (or -C DIRECTORY)",
            ))
        })
}

/// Reads and validates `path`. On success the second value holds the lints.
pub fn load(path: &Path, environment: &Environment) -> Result<(Config, Problems), Problems> {
    let text = read_file(path).map_err(|reason| {
        Problems::one(Problem::general(
            path.display().to_string(),
            &format!("the configuration cannot be read: {reason}"),
            "check the path and the file's permissions, or name another with --config FILE",
        ))
    })?;
    parse(path, &text, environment)
}

/// What a file with problems still says about where the database and the control socket are: its
/// schedules are left out. `None` when it cannot be read at all.
pub fn load_places(path: &Path, environment: &Environment) -> Option<Config> {
    let text = read_file(path).ok()?;
    let source = Source::new(path, &text);
    let (root, _) = toml::de::DeTable::parse_recoverable(&text);
    let context = Context::new(&source);
    let table = Table::root(root.get_ref(), &context);
    sections::read(&table, path, environment)
}

/// Validates `text` as if it had been read from `path` (symbols files are relative to it).
pub fn parse(
    path: &Path,
    text: &str,
    environment: &Environment,
) -> Result<(Config, Problems), Problems> {
    let source = Source::new(path, text);
    let (root, syntax_errors) = toml::de::DeTable::parse_recoverable(text);
    let context = Context::new(&source);
    for error in &syntax_errors {
        context.syntax_error(error);
    }
    let table = Table::root(root.get_ref(), &context);
    let config = sections::read(&table, path, environment);
    let mut problems = context.into_problems();
    match config {
        Some(config) if !problems.has_errors() => {
            problems.extend(lints::check(
                &config,
                &source,
                root.get_ref(),
                environment.now(),
            ));
            problems.sort();
            if problems.has_errors() {
                return Err(problems);
            }
            Ok((config, problems))
        }
        _ => {
            problems.sort();
            Err(problems)
        }
    }
}

/// Reads a bounded regular file as text; the error is a reason in words.
fn read_file(path: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
