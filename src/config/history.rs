//! `[history]`: how long what has happened is kept.

use std::time::Duration;

use super::reader::Table;
use super::settings::HistorySettings;

const DAY: Duration = Duration::from_hours(24);

/// Shorter, and the report of yesterday would be gone.
const LEAST: Duration = DAY;

/// A hundred years: for ever.
const MOST: Duration = Duration::from_hours(24 * 36_500);

/// Reads the section, or takes the documented defaults.
pub(super) fn read(table: Option<&Table<'_>>) -> HistorySettings {
    let mut history = HistorySettings::default();
    let Some(table) = table else { return history };
    let keep = |key, default| table.time_span(key, LEAST, MOST).unwrap_or(default);
    history.runs = keep("runs", history.runs);
    history.tasks = keep("tasks", history.tasks);
    history.samples = keep("samples", history.samples);
    history.durations = keep("durations", history.durations);
    table.finish(&[]);
    history
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self {
            runs: 365 * DAY,
            tasks: 30 * DAY,
            samples: 30 * DAY,
            durations: 30 * DAY,
        }
    }
}
