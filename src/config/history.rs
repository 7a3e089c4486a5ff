//! `[history]`: how long what has happened is kept.

use std::time::Duration;

use super::reader::Table;
use super::settings::HistorySettings;

const DAY: Duration = Duration::from_hours(24);

/// Shorter, and the report of yesterday would be gone.
const LEAST: Duration = DAY;

/// An alert told within its cool-off is still needed, and that may be a month.
const LEAST_ALERTS: Duration = Duration::from_hours(24 * 30);

/// A hundred years: for ever.
const MOST: Duration = Duration::from_hours(24 * 36_500);

/// Reads the section, or takes the documented defaults.
pub(super) fn read(table: Option<&Table<'_>>) -> HistorySettings {
    let mut history = HistorySettings::default();
    let Some(table) = table else { return history };
    let keep_from = |key, least, default| table.time_span(key, least, MOST).unwrap_or(default);
    let keep = |key, default| keep_from(key, LEAST, default);
    history.runs = keep("runs", history.runs);
    history.tasks = keep("tasks", history.tasks);
    history.samples = keep("samples", history.samples);
    history.durations = keep("durations", history.durations);
    history.alerts = keep_from("alerts", LEAST_ALERTS, history.alerts);
    history.gaps = keep("gaps", history.gaps);
    history.revisions = keep("revisions", history.revisions);
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
            alerts: 365 * DAY,
            gaps: 365 * DAY,
            revisions: 1_825 * DAY,
        }
    }
}
