//! `[symbols]`: named groups, written in place or kept in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::problem::{Severity, Source, suggestion};
use super::read_file;
use super::reader::{At, Entry, Table};
use crate::domain::Symbol;

/// Symbols one group may hold.
const MAX_GROUP_SYMBOLS: usize = 100_000;

/// What to do about a text that is no symbol.
const SPELLING: &str = "write it as Yahoo spells it: AAPL, BRK-B, ^GSPC, 005930.KS, EURUSD=X";

/// Named groups of symbols; `None` for one whose problems are told already.
pub(super) type Groups = BTreeMap<String, Option<Vec<Symbol>>>;

/// Reads all groups; files are relative to the configuration file, and are added to `files`.
pub(super) fn read(
    table: Option<&Table<'_>>,
    config_file: &Path,
    files: &mut Vec<PathBuf>,
) -> Groups {
    let mut groups = Groups::new();
    let Some(table) = table else { return groups };
    for (name, entry) in table.entries() {
        let before = table.context().count();
        let symbols = match entry {
            Entry::Texts(texts) => parse_all(table.context(), &texts),
            Entry::Table(source) => from_file(&source, config_file, files),
        };
        if symbols.len() > MAX_GROUP_SYMBOLS {
            let message = format!(
                "group `{}` has more than {MAX_GROUP_SYMBOLS} symbols",
                name.value
            );
            table
                .context()
                .error(name.span.clone(), message, "split it into several groups");
        }
        let is_good = table.context().count() == before;
        groups.insert(name.value.to_owned(), is_good.then_some(symbols));
    }
    groups
}

/// The symbols a text of a list names: `@group`, or one symbol. `None` for a group whose problems
/// are told already; on an error its message and hint.
pub(super) fn find(text: &str, groups: &Groups) -> Result<Option<Vec<Symbol>>, (String, String)> {
    let Some(group) = text.strip_prefix('@') else {
        return Symbol::try_new(text)
            .map(|symbol| Some(vec![symbol]))
            .map_err(|error| (error.to_string(), SPELLING.to_owned()));
    };
    groups.get(group).cloned().ok_or_else(|| {
        let names: Vec<&str> = groups.keys().map(String::as_str).collect();
        (
            format!("there is no group `@{group}` under [symbols]"),
            suggestion(group, &names),
        )
    })
}

fn parse_all(context: &Context<'_>, texts: &[At<&str>]) -> Vec<Symbol> {
    let mut symbols = Vec::with_capacity(texts.len());
    for At { value, span } in texts {
        if let Some(group) = value.strip_prefix('@') {
            let message = format!("a group cannot contain the group `@{group}`");
            context.error(
                span.clone(),
                message,
                "name both groups in the schedule's symbols",
            );
            continue;
        }
        match Symbol::try_new(value) {
            Ok(symbol) => symbols.push(symbol),
            Err(reason) => context.error(span.clone(), reason.to_string(), SPELLING),
        }
    }
    symbols
}

fn from_file(table: &Table<'_>, config_file: &Path, files: &mut Vec<PathBuf>) -> Vec<Symbol> {
    let context = table.context();
    let Some(file) = table.text("file") else {
        let message = format!("{} needs `file`", table.name());
        let hint = "write it like sp500 = { file = \"sp500.txt\" }, one symbol a line";
        context.missing(table.span(), message, hint);
        return Vec::new();
    };
    table.finish(&[]);
    let path = config_file
        .parent()
        .unwrap_or(Path::new(""))
        .join(file.value);
    files.push(path.clone());
    let text = match read_file(&path) {
        Ok(text) => text,
        Err(reason) => {
            context.error(
                file.span,
                format!("symbols file `{}` cannot be read: {reason}", path.display()),
                "the path is relative to the configuration file",
            );
            return Vec::new();
        }
    };
    let source = Source::new(&path, &text);
    let mut symbols = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let written = line.split('#').next().unwrap_or_default();
        let symbol = written.trim();
        if !symbol.is_empty() {
            match Symbol::try_new(symbol) {
                Ok(symbol) => symbols.push(symbol),
                Err(reason) => {
                    let at = start + (written.len() - written.trim_start().len());
                    let hint = "one symbol a line; # starts a comment".to_owned();
                    let span = at..at + symbol.len();
                    context.problem(source.problem(
                        Severity::Error,
                        span,
                        reason.to_string(),
                        hint,
                    ));
                }
            }
        }
        start += line.len();
    }
    symbols
}
