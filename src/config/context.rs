//! Where problems are noted while a document is read, and which are no news.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use super::problem::{Problem, Problems, Severity, Source};
use crate::domain::{CronError, CronExpr};

/// Collects problems while a document is read.
pub(super) struct Context<'s> {
    source: &'s Source<'s>,
    problems: RefCell<Vec<Problem>>,
    broken_lines: RefCell<std::collections::HashSet<usize>>,
    /// Whether the syntax is broken otherwise than by a repeated key.
    is_torn: RefCell<bool>,
    crons: RefCell<HashMap<String, CronExpr>>,
}

impl<'s> Context<'s> {
    pub(super) fn new(source: &'s Source<'s>) -> Self {
        Self {
            source,
            problems: RefCell::default(),
            broken_lines: RefCell::default(),
            is_torn: RefCell::default(),
            crons: RefCell::default(),
        }
    }

    pub(super) fn syntax_error(&self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().replace('\n', ", ");
        let is_duplicate = message.contains("duplicate key");
        // Behind broken syntax keys fall into the table before: that they repeat is no news.
        if is_duplicate && *self.is_torn.borrow() {
            return;
        }
        *self.is_torn.borrow_mut() |= !is_duplicate;
        let hint = if is_duplicate {
            "a name may be used once; rename or remove one of the two".to_owned()
        } else {
            "mend the TOML syntax here (see toml.io)".to_owned()
        };
        let problem = self.source.problem(Severity::Error, span, message, hint);
        self.broken_lines
            .borrow_mut()
            .extend(problem.position.map(|(line, _)| line));
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn error(&self, span: Range<usize>, message: String, hint: impl Into<String>) {
        let problem = self
            .source
            .problem(Severity::Error, span, message, hint.into());
        let line = problem.position.map(|(line, _)| line);
        // What follows from a syntax error on the same line would only distract.
        if !line.is_some_and(|line| self.broken_lines.borrow().contains(&line)) {
            self.problem(problem);
        }
    }

    /// Notes a problem of another place than this file.
    pub(super) fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Something that should be there is not; silent when broken syntax may have swallowed it.
    pub(super) fn missing(&self, span: Range<usize>, message: String, hint: impl Into<String>) {
        if self.broken_lines.borrow().is_empty() {
            self.error(span, message, hint);
        }
    }

    /// How many problems were noted so far: unchanged means that what was read in between is good.
    pub(super) fn count(&self) -> usize {
        self.problems.borrow().len()
    }

    /// A cron expression, read once: of thousands of schedules many say the same.
    pub(super) fn cron(&self, text: &str) -> Result<CronExpr, CronError> {
        if let Some(cron) = self.crons.borrow().get(text) {
            return Ok(cron.clone());
        }
        let cron = CronExpr::try_new(text)?;
        self.crons
            .borrow_mut()
            .insert(text.to_owned(), cron.clone());
        Ok(cron)
    }

    pub(super) fn into_problems(self) -> Problems {
        Problems::new(self.problems.into_inner())
    }
}
