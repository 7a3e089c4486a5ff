//! The same line again and again: the first few are written, the others counted.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Level;

use super::events::{DaemonStopped, LogRepeated, catalogue};
use super::format::Style;
use super::line::{Line, LineBuilder};

/// How long lines are compared with each other.
const WINDOW: Duration = Duration::from_mins(1);

/// How often the same line is written in a window.
const WRITTEN: u64 = 5;

/// Different lines remembered in a window; what comes after them is written.
const REMEMBERED: usize = 1_024;

/// What becomes of a line, and what is to be said of repeats before it.
pub(super) struct Verdict {
    pub(super) write: bool,
    pub(super) repeated: Vec<Repeated>,
}

/// A line that was repeated, and how many of it were not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    event: String,
    code: String,
    lines: u64,
}

impl Repeated {
    /// The line that tells of it.
    pub(super) fn line(&self, style: Style, timestamp: &str) -> Line {
        LineBuilder::own(&LogRepeated::DEF, style, timestamp, |line| {
            line.text("repeated.event", &self.event);
            line.text("repeated.code", &self.code);
            line.number("lines", self.lines);
        })
    }
}

struct Seen {
    event: String,
    code: String,
    times: u64,
}

/// Lines of the last window, by what they say without their time.
#[derive(Default)]
pub(super) struct Repeats {
    since: Option<Instant>,
    seen: HashMap<u64, Seen>,
}

impl Repeats {
    /// Judges a line of that level at that time. DEBUG is for whoever wants every line, and lines
    /// that open or close an alert are never repeats: rules go by the last of them.
    pub(super) fn judge(&mut self, line: &LineBuilder, level: Level, now: Instant) -> Verdict {
        let mut repeated = self.turn(now);
        // The last line of an orderly stop stays the last.
        if line.name().1 == DaemonStopped::DEF.code {
            repeated.extend(self.finish());
        }
        let write = level > Level::INFO || self.is_new(line);
        Verdict { write, repeated }
    }

    /// Begins a new window when the last is over; gives what was not written in it.
    fn turn(&mut self, now: Instant) -> Vec<Repeated> {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) < WINDOW {
            return Vec::new();
        }
        self.since = Some(now);
        self.finish()
    }

    /// Forgets every line; gives those that were not all written.
    pub(super) fn finish(&mut self) -> Vec<Repeated> {
        let unwritten = |(_, seen): (u64, Seen)| {
            let lines = seen.times.saturating_sub(WRITTEN);
            let (event, code) = (seen.event, seen.code);
            (lines > 0).then_some(Repeated { event, code, lines })
        };
        let mut repeated: Vec<Repeated> = self.seen.drain().filter_map(unwritten).collect();
        repeated.sort_by(|a, b| (&a.code, a.lines).cmp(&(&b.code, b.lines)));
        repeated
    }

    fn is_new(&mut self, line: &LineBuilder) -> bool {
        let mut hasher = DefaultHasher::new();
        line.said().hash(&mut hasher);
        let key = hasher.finish();
        if let Some(seen) = self.seen.get_mut(&key) {
            seen.times += 1;
            return seen.times <= WRITTEN;
        }
        let (event, code) = line.name();
        let is_state = catalogue().any(|known| known.code == code && known.signal.is_state());
        if !is_state && self.seen.len() < REMEMBERED {
            let (event, code, times) = (event.to_owned(), code.to_owned(), 1);
            self.seen.insert(key, Seen { event, code, times });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::telemetry::EventDef;
    use crate::telemetry::events::{BugPanic, ScheduleStale, TaskFailed};

    const STYLE: Style = Style::Json { priority: false };

    fn line(def: &EventDef, timestamp: &str, reason: &str) -> LineBuilder {
        let mut line = LineBuilder::new(STYLE, def.level, timestamp);
        line.identity(def);
        line.text("reason", reason);
        line
    }

    /// How many of `times` equal lines at that time are written.
    fn written(repeats: &mut Repeats, def: &EventDef, times: u64, now: Instant) -> usize {
        (0..times)
            .filter(|n| {
                let line = line(def, &format!("2026-01-01T00:00:00.{n:03}Z"), "same");
                repeats.judge(&line, def.level, now).write
            })
            .count()
    }

    #[test]
    fn the_same_line_is_written_five_times_a_minute_and_then_counted() {
        let (mut repeats, start) = (Repeats::default(), clock::monotonic());
        assert_eq!(written(&mut repeats, &BugPanic::DEF, 100, start), 5);
        let other = line(&BugPanic::DEF, "2026-01-01T00:00:00.000Z", "other");
        assert!(repeats.judge(&other, BugPanic::DEF.level, start).write);
        let verdict = repeats.judge(&other, BugPanic::DEF.level, start + WINDOW);
        assert!(verdict.write);
        let line = verdict.repeated[0].line(STYLE, "2026-01-01T00:00:00.000Z");
        let told: serde_json::Value = serde_json::from_str(&line.text).unwrap();
        assert_eq!(verdict.repeated.len(), 1);
        assert_eq!(
            (&told["code"], &told["repeated.code"]),
            (&"FS8002".into(), &"FS9001".into())
        );
        assert_eq!(told["lines"], 95);
        assert!(told["action"].is_string());
        assert_eq!(written(&mut repeats, &BugPanic::DEF, 7, start + WINDOW), 5);
        assert_eq!(
            repeats.finish()[0].lines,
            2,
            "and the log's end forgets none"
        );
    }

    #[test]
    fn lines_that_alerts_go_by_and_debug_lines_are_never_repeats() {
        let (mut repeats, start) = (Repeats::default(), clock::monotonic());
        assert_eq!(written(&mut repeats, &ScheduleStale::DEF, 100, start), 100);
        assert_eq!(written(&mut repeats, &TaskFailed::DEF, 100, start), 100);
        assert!(repeats.finish().is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut repeats, start) = (Repeats::default(), clock::monotonic());
        for n in 0..REMEMBERED * 3 {
            let line = line(&BugPanic::DEF, "2026-01-01T00:00:00.000Z", &n.to_string());
            assert!(repeats.judge(&line, BugPanic::DEF.level, start).write);
        }
        assert_eq!(repeats.seen.len(), REMEMBERED);
    }
}
