//! What happened, line by line, in virtual time: the same for the same seed, byte for byte.

use std::fmt::{self, Write as _};

/// Lines told of a failure.
const TAIL_LINES: usize = 60;

/// The log of one world, and what was found wrong in it.
#[derive(Default)]
pub(crate) struct Journal {
    text: String,
    /// Milliseconds of the present life and its number, put before each line.
    pub(crate) stamp: (u32, i64),
    violations: Vec<(usize, String)>,
}

impl Journal {
    pub(crate) fn note(&mut self, what: fmt::Arguments<'_>) {
        let (life, ms) = self.stamp;
        writeln!(self.text, "{life} {ms:>9} {what}").unwrap();
    }

    /// An invariant does not hold.
    pub(crate) fn violated(&mut self, what: &str) {
        self.note(format_args!("VIOLATED {what}"));
        self.violations.push((self.text.len(), what.to_owned()));
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn violations(&self) -> impl Iterator<Item = &str> {
        self.violations.iter().map(|(_, what)| what.as_str())
    }

    /// The first thing wrong and what led to it.
    pub(crate) fn told(&self) -> Option<String> {
        let (end, _) = self.violations.first()?;
        let lines: Vec<&str> = self.text.get(..*end)?.lines().collect();
        let tail = lines.len().saturating_sub(TAIL_LINES);
        let others = self.violations.len() - 1;
        Some(format!(
            "{}\n({others} more violations)",
            lines[tail..].join("\n")
        ))
    }
}
