//! Problems of the configuration: where, what, and what to do.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// Key names that would hold a secret; none may stand in the file.
pub(super) const SECRET_KEYS: [&str; 6] =
    ["password", "passwd", "secret", "token", "api_key", "apikey"];

/// Characters of a line kept for showing.
const EXCERPT_KEPT: usize = 4_000;

/// Characters of it that are shown.
const EXCERPT_CHARS: usize = 100;

/// Of those, how many before the place.
const EXCERPT_BEFORE: usize = 60;

/// Problems shown at once; the rest is counted.
const SHOWN_PROBLEMS: usize = 100;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, but something is probably not meant.
    Lint,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Lint => "warning",
        })
    }
}

/// One thing that is wrong, in the operator's words and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or another place such as an environment variable.
    pub file: String,
    /// Line and column, from 1; absent when the place is not a file.
    pub position: Option<(usize, usize)>,
    /// The line's text, for showing; absent when it might hold a secret.
    pub excerpt: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Problem {
    /// A problem without a line.
    pub fn general(place: String, message: &str, hint: &str) -> Self {
        Self {
            file: place,
            position: None,
            excerpt: None,
            severity: Severity::Error,
            message: message.to_owned(),
            hint: hint.to_owned(),
        }
    }

    /// `file:line:column`, as editors and terminals understand it.
    pub fn place(&self) -> String {
        match self.position {
            Some((line, column)) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}",
            self.place(),
            self.severity,
            plain(&self.message)
        )?;
        if let (Some((line, column)), Some(excerpt)) = (self.position, &self.excerpt) {
            let gutter = " ".repeat(line.to_string().len());
            // Of a long line only the part around the place is shown.
            let skipped = column.saturating_sub(EXCERPT_BEFORE);
            let shown: String = excerpt.chars().skip(skipped).take(EXCERPT_CHARS).collect();
            let (mark, indent) = if skipped > 0 { ("…", 1) } else { ("", 0) };
            let caret = " ".repeat(column - 1 - skipped + indent);
            write!(f, "\n  {line} | {mark}{}", plain(&shown))?;
            write!(f, "\n  {gutter} | {caret}^")?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n  help: {}", plain(&self.hint))?;
        }
        Ok(())
    }
}

/// The text without characters that would do something to a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// All problems of one reading, in order of place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }

    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    pub(super) fn extend(&mut self, more: Vec<Problem>) {
        self.0.extend(more);
    }

    pub(super) fn sort(&mut self) {
        self.0
            .sort_by_key(|problem| (problem.severity, problem.position));
        self.0.dedup();
    }

    /// Whether any of them makes the configuration unusable.
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self::one(problem)
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().take(SHOWN_PROBLEMS).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.0.len().saturating_sub(SHOWN_PROBLEMS) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// A file's text, able to tell line and column of a byte.
pub(super) struct Source<'a> {
    file: String,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &Path, text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(breaks).collect();
        Self {
            file: path.display().to_string(),
            text,
            line_starts,
        }
    }

    pub(super) fn problem(
        &self,
        severity: Severity,
        span: Range<usize>,
        message: String,
        hint: String,
    ) -> Problem {
        let line = self
            .line_starts
            .partition_point(|start| *start <= span.start)
            .max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let rest = self.text.get(start..).unwrap_or_default();
        let excerpt = rest.lines().next().unwrap_or_default();
        let before = self.text.get(start..span.start).unwrap_or_default();
        Problem {
            file: self.file.clone(),
            position: Some((line, before.chars().count() + 1)),
            excerpt: (!may_hold_a_secret(excerpt))
                .then(|| excerpt.chars().take(EXCERPT_KEPT).collect()),
            severity,
            message,
            hint,
        }
    }
}

/// Problems are logged too, so a line that names a secret, has a URL with a user, or an address
/// whose path is the secret, is not shown.
fn may_hold_a_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    let has_user = line
        .split_once("://")
        .is_some_and(|(_, rest)| rest.contains('@'));
    has_user || line.contains("heartbeat_url") || SECRET_KEYS.iter().any(|key| line.contains(key))
}

/// The candidate closest to `text`, when it is close enough to be a slip of the fingers.
pub(super) fn closest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&text.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?`, or the list of what there is.
pub(super) fn suggestion(text: &str, candidates: &[&str]) -> String {
    match closest(text, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => "there are none".to_owned(),
        None => format!("known: {}", candidates.join(", ")),
    }
}
