//! A pause: run-time state of a schedule, kept in the database and not in the file.

use jiff::Timestamp;

use super::ScheduleId;

/// Fires within a pause are recorded as `paused` and not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Which schedule.
    pub schedule: ScheduleId,
    /// Since when.
    pub paused_at: Timestamp,
    /// Until when; `None` until somebody resumes it.
    pub until: Option<Timestamp>,
    /// Why.
    pub note: Option<String>,
    /// Who: a user's name, or `finstage` for a pause after failures.
    pub paused_by: String,
}

impl Pause {
    /// Whether a fire planned for `at` falls into it.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.paused_at <= at && !self.is_over(at)
    }

    /// Whether it has ended by itself at `now`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// The reason a fire's row gives.
    pub fn reason(&self) -> String {
        match &self.note {
            Some(note) => format!("paused by {}: {note}", self.paused_by),
            None => format!("paused by {}", self.paused_by),
        }
    }
}
