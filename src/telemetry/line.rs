//! One log line: its envelope, its bounds, how it looks in each style.

use std::borrow::Cow;
use std::fmt::Write as _;

use tracing::Level;
use tracing::field::{Field, Visit};

use super::EventDef;
use super::format::Style;
use super::number::number;
use super::{journal, reference};

/// Longest line written, with its end. A test holds it short enough for journalctl, whose JSON has
/// `null` for a field of 4 KiB or more.
pub const MAX_LINE_BYTES: usize = 4096;

/// Longest text of one field; the rest is cut and marked.
const MAX_FIELD_CHARS: usize = 600;

/// Room kept for the closing brace and the mark of a shortened line.
const LINE_RESERVE_BYTES: usize = 32;

/// The keys every line may have; an event's own fields have others.
pub const ENVELOPE: [&str; 7] = ["ts", "level", "event", "code", "msg", "action", "shortened"];

/// A line as the writer has it.
pub(super) struct Line {
    pub(super) level: Level,
    /// With its end.
    pub(super) text: String,
    /// The journal's fields; none in other styles.
    pub(super) fields: Vec<(&'static str, String)>,
}

/// syslog priority, as sd-daemon(3) prefixes it.
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        _ => "debug",
    }
}

/// An instant as lines have it: RFC 3339, UTC, milliseconds.
pub(super) fn timestamp(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}

/// Builds one line while visiting an event's fields.
pub(super) struct LineBuilder {
    style: Style,
    level: Level,
    line: String,
    fields: Vec<(&'static str, String)>,
    /// Where what is said begins: after the priority, the time and the level.
    said_from: usize,
    event: String,
    code: String,
    /// Whether fields are a library's, and so cannot be taken for ours.
    foreign: bool,
    shortened: bool,
}

impl LineBuilder {
    pub(super) fn new(style: Style, level: Level, timestamp: &str) -> Self {
        let mut line = String::with_capacity(384);
        if (style == Style::Json { priority: true }) {
            let _ = write!(line, "<{}>", priority(level));
        }
        match style {
            Style::Journal | Style::Json { .. } => {
                let name = level_name(level);
                let _ = write!(line, "{{\"ts\":\"{timestamp}\",\"level\":\"{name}\"");
            }
            Style::Text { color } => {
                let (on, off) = if color {
                    (text_color(level), "\x1b[0m")
                } else {
                    ("", "")
                };
                let time = timestamp.get(11..23).unwrap_or(timestamp);
                let _ = write!(
                    line,
                    "{time} {on}{:5}{off}",
                    level_name(level).to_uppercase()
                );
            }
        }
        Self {
            style,
            level,
            said_from: line.len(),
            line,
            fields: Vec::new(),
            event: String::new(),
            code: String::new(),
            foreign: false,
            shortened: false,
        }
    }

    /// A whole line of an event that does not pass through tracing: the log's own.
    pub(super) fn own(
        def: &EventDef,
        style: Style,
        timestamp: &str,
        fields: impl FnOnce(&mut Self),
    ) -> Line {
        let mut line = Self::new(style, def.level, timestamp);
        line.identity(def);
        fields(&mut line);
        if def.carries_action() {
            line.text("action", def.action);
        }
        line.finish()
    }

    /// Says which event it is.
    pub(super) fn identity(&mut self, def: &EventDef) {
        self.text("event", def.name);
        self.text("code", def.code);
        self.text("msg", def.message);
    }

    /// From now on fields are a library's: their keys get a prefix.
    pub(super) fn set_foreign(&mut self) {
        self.foreign = true;
    }

    /// What the line says so far, without its time.
    pub(super) fn said(&self) -> &str {
        self.line.get(self.said_from..).unwrap_or_default()
    }

    /// The event's name and code.
    pub(super) fn name(&self) -> (&str, &str) {
        (&self.event, &self.code)
    }

    pub(super) fn finish(mut self) -> Line {
        if self.style.is_json() {
            if self.shortened {
                self.line.push_str(",\"shortened\":true");
            }
            self.line.push('}');
        }
        self.line.push('\n');
        if self.style == Style::Journal && !self.code.is_empty() {
            let id = reference::id_of_code(&self.code);
            self.fields.push(("MESSAGE_ID", id));
        }
        Line {
            level: self.level,
            text: self.line,
            fields: self.fields,
        }
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        match key {
            "event" if self.event.is_empty() => value.clone_into(&mut self.event),
            "code" if self.code.is_empty() => value.clone_into(&mut self.code),
            _ => {}
        }
        let value = plain(clip(value));
        self.keep(key, &value);
        match self.style {
            Style::Journal | Style::Json { .. } => {
                let quoted = serde_json::Value::from(value.as_ref()).to_string();
                self.raw(key, &quoted);
            }
            Style::Text { .. } => {
                if value.is_empty() || value.contains([' ', '"', '=']) {
                    self.raw(key, &format!("{value:?}"));
                } else {
                    self.raw(key, &value);
                }
            }
        }
    }

    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.bare(key, &value.to_string());
    }

    /// Appends a value that is the same with and without quotes: a number, a flag.
    fn bare(&mut self, key: &str, value: &str) {
        self.keep(key, value);
        self.raw(key, value);
    }

    /// Keeps what the journal has a field for; also what the line itself has no room for any more.
    fn keep(&mut self, key: &str, value: &str) {
        if self.style == Style::Journal
            && let Some(name) = journal::field(key)
        {
            self.fields.push((name, value.to_owned()));
        }
    }

    /// Appends `key` with a value that needs no quoting any more.
    fn raw(&mut self, key: &str, value: &str) {
        if self.line.len() + key.len() + value.len() + LINE_RESERVE_BYTES > MAX_LINE_BYTES {
            self.shortened = true;
            return;
        }
        let _ = match (self.style, key) {
            (Style::Journal | Style::Json { .. }, _) => {
                write!(self.line, ",\"{key}\":{value}")
            }
            (Style::Text { .. }, "event") => write!(self.line, " {value:<24}"),
            (Style::Text { .. }, "msg") => write!(self.line, " {}", value.trim_matches('"')),
            (Style::Text { .. }, "code") => Ok(()),
            (Style::Text { .. }, _) => write!(self.line, " {key}={value}"),
        };
    }
}

fn text_color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[1;31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

fn clip(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(MAX_FIELD_CHARS) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()).into(),
        None => value.into(),
    }
}

/// The text with a blank for each character that moves a terminal's cursor, colours, or turns the
/// direction of what follows: control characters, line separators, and marks of direction.
fn plain(text: Cow<'_, str>) -> Cow<'_, str> {
    let harms = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
            )
    };
    if text.contains(harms) {
        text.replace(harms, " ").into()
    } else {
        text
    }
}

impl LineBuilder {
    /// The key a field is written under.
    fn key(&self, name: &'static str) -> Cow<'static, str> {
        match name {
            "message" => "text".into(),
            name if self.foreign => format!("field.{name}").into(),
            name => name.into(),
        }
    }
}

impl Visit for LineBuilder {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(&self.key(field.name()), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(&self.key(field.name()), &value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(&self.key(field.name()), &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(
            &self.key(field.name()),
            if value { "true" } else { "false" },
        );
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.bare(&self.key(field.name()), &number(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.text(&self.key(field.name()), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(build: impl FnOnce(&mut LineBuilder)) -> String {
        let style = Style::Json { priority: true };
        let mut line = LineBuilder::new(style, Level::ERROR, "2026-01-01T00:00:00.000Z");
        build(&mut line);
        line.finish().text
    }

    #[test]
    fn a_json_line_under_the_journal_starts_with_its_priority() {
        let line = json(|line| line.text("event", "run.failed"));
        assert_eq!(
            line,
            "<3>{\"ts\":\"2026-01-01T00:00:00.000Z\",\"level\":\"error\",\"event\":\"run.failed\"}\n"
        );
    }

    #[test]
    fn a_line_never_exceeds_its_bound_and_stays_json() {
        let line = json(|line| {
            for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
                line.text(key, &"\u{1}é\"".repeat(5_000));
            }
        });
        assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
        // journalctl's bound holds for the field with its name, without the line's end.
        assert!("MESSAGE=".len() + line.len() - 1 < 4096, "{}", line.len());
        let value: serde_json::Value =
            serde_json::from_str(line.trim_start_matches("<3>")).unwrap();
        assert_eq!(value["shortened"], true);
    }

    #[test]
    fn control_characters_reach_neither_the_terminal_nor_a_second_line() {
        let mut line = LineBuilder::new(
            Style::Text { color: false },
            Level::INFO,
            "2026-01-01T00:00:00.000Z",
        );
        line.text("reason", "a\nb\x1b[2Jc");
        let line = line.finish().text;
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.contains('\x1b'));
        let sly = "a\nb\x1b[2Jc\u{9b}31md\u{202e}e\u{2028}f";
        let line = json(|line| line.text("x", sly));
        let value: serde_json::Value =
            serde_json::from_str(line.trim_start_matches("<3>")).unwrap();
        assert_eq!(value["x"], "a b [2Jc 31md e f");
    }
}
