//! What the world looks like when fires are due.

use jiff::Timestamp;

use crate::domain::Pause;

/// What a verdict depends on besides the schedule and the time.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'p> {
    /// When the daemon began to serve: fires before it are caught up, however little late.
    pub served_since: Timestamp,
    /// Runs of the schedule that are going on.
    pub running: usize,
    /// Fires of the schedule that are claimed and wait for them.
    pub waiting: usize,
    /// The schedule's pause.
    pub pause: Option<&'p Pause>,
}
