//! Reading TOML with places: every getter notes a problem instead of failing at the first.

mod dates;
mod wholes;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::context::Context;
use super::problem::{SECRET_KEYS, suggestion};
use crate::domain::parse_span;
pub(super) use wholes::Wish;

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// One table being read.
pub(super) struct Table<'a> {
    keys: &'a DeTable<'a>,
    context: &'a Context<'a>,
    /// How the operator calls it, e.g. `[schedules.us-quotes]`.
    name: String,
    span: Range<usize>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Table<'a> {
    pub(super) fn root(table: &'a DeTable<'a>, context: &'a Context<'a>) -> Self {
        let name = "the file's top level".to_owned();
        Self {
            keys: table,
            context,
            name,
            span: 0..0,
            asked: RefCell::default(),
        }
    }

    pub(super) fn context(&self) -> &'a Context<'a> {
        self.context
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(key);
        self.keys.get(key)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        self.context.error(
            value.span(),
            format!(
                "`{key}` must be {wanted}, not a{}",
                with_article(value.get_ref().type_str())
            ),
            "",
        );
    }

    pub(super) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn text(&self, key: &'static str) -> Option<At<&'a str>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "a text in quotes");
            return None;
        };
        Some(At {
            value: text,
            span: value.span(),
        })
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        flag
    }

    /// A number within `range`.
    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            #[allow(clippy::cast_precision_loss, reason = "the ranges end far below 2^53")]
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .map(|whole| whole as f64),
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.wrong_type(key, value, "a number");
            return None;
        };
        if !range.contains(&number) {
            self.context.error(
                value.span(),
                format!(
                    "`{key}` is {number}, outside the range of {} to {}",
                    range.start(),
                    range.end()
                ),
                "",
            );
            return None;
        }
        Some(number)
    }

    /// A whole number within `1..=most`.
    pub(super) fn count(&self, key: &'static str, most: u32) -> Option<u32> {
        let value = self.get(key)?;
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok());
        let Some(number) = number else {
            self.wrong_type(key, value, "a whole number");
            return None;
        };
        match u32::try_from(number) {
            Ok(count) if (1..=most).contains(&count) => Some(count),
            _ => {
                self.context.error(
                    value.span(),
                    format!("`{key}` is {number}, outside the range of 1 to {most}"),
                    "",
                );
                None
            }
        }
    }

    /// A span of time within `least..=most`.
    pub(super) fn time_span(
        &self,
        key: &'static str,
        least: Duration,
        most: Duration,
    ) -> Option<Duration> {
        let text = self.text(key)?;
        match parse_span(text.value) {
            Ok(span) if (least..=most).contains(&span) => Some(span),
            Ok(_) => {
                let (least, most) = (
                    crate::domain::format_span(least),
                    crate::domain::format_span(most),
                );
                let range = format!("from {least} to {most}");
                self.context
                    .error(text.span, format!("`{key}` must be {range}"), "");
                None
            }
            Err(reason) => {
                self.context
                    .error(text.span, format!("`{key}`: {reason}"), "");
                None
            }
        }
    }

    /// One of a closed set of names.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices
            .iter()
            .find(|(name, _)| *name == text.value)
            .map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.context.error(
                text.span,
                format!("`{key}` cannot be `{}`", text.value),
                suggestion(text.value, &names),
            );
        }
        found
    }

    /// A list of texts, or one text standing for a list of one.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<At<&'a str>>> {
        let value = self.get(key)?;
        Some(self.texts_of(key, value))
    }

    fn texts_of(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Vec<At<&'a str>> {
        if let Some(text) = value.get_ref().as_str() {
            return vec![At {
                value: text,
                span: value.span(),
            }];
        }
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(list.len());
        for item in list {
            match item.get_ref().as_str() {
                Some(text) => texts.push(At {
                    value: text,
                    span: item.span(),
                }),
                None => self.wrong_type(key, item, "a list of texts"),
            }
        }
        texts
    }

    /// A table under `key`.
    pub(super) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.get(key)?;
        let name = if self.span == (0..0) {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path())
        };
        self.as_table(key, &name, value)
    }

    /// The tables under `key`, each with its own name and the place of that name.
    pub(super) fn tables(&self, key: &'static str) -> Vec<(At<&'a str>, Table<'a>)> {
        let Some(all) = self.table(key) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        let mut stray = Vec::new();
        for (name, value) in all.keys {
            let at = At {
                value: name.get_ref().as_ref(),
                span: name.span(),
            };
            if !value.get_ref().is_table() {
                stray.push(at);
                continue;
            }
            let path = format!("{key}.{}", at.value);
            if let Some(mut table) = self.as_table(at.value, &path, value) {
                table.span = at.span.clone();
                tables.push((at, table));
            }
        }
        all.nameless(key, &mut stray);
        tables
    }

    /// Keys that stand where only tables with names may: one mistake, however many they are.
    fn nameless(&self, key: &str, stray: &mut [At<&str>]) {
        stray.sort_by_key(|at| at.span.start);
        let Some(first) = stray.first() else { return };
        let names: Vec<String> = stray.iter().map(|at| format!("`{}`", at.value)).collect();
        let message = format!("[{key}] has no name, but {} of its own", names.join(", "));
        let hint = format!("give the table a name: [{key}.NAME], any you like");
        self.context.error(first.span.clone(), message, hint);
    }

    /// The entries of this table, whatever their type: for tables whose keys are names.
    pub(super) fn entries(&self) -> Vec<(At<&'a str>, Entry<'a>)> {
        let mut entries = Vec::new();
        for (name, value) in self.keys {
            let at = At {
                value: name.get_ref().as_ref(),
                span: name.span(),
            };
            let entry = if value.get_ref().is_table() {
                let path = format!("{}.{}", self.path(), at.value);
                self.as_table(at.value, &path, value).map(Entry::Table)
            } else {
                Some(Entry::Texts(self.texts_of(at.value, value)))
            };
            entries.extend(entry.map(|entry| (at, entry)));
        }
        entries
    }

    fn path(&self) -> &str {
        self.name.trim_start_matches('[').trim_end_matches(']')
    }

    fn as_table(
        &self,
        key: &str,
        path: &str,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Table<'a>> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table");
            return None;
        };
        Some(Table {
            keys: table,
            context: self.context,
            name: format!("[{path}]"),
            span: value.span(),
            asked: RefCell::default(),
        })
    }

    /// Reports every key nobody asked for. `planned` keys are known to the documentation but not
    /// to this version: saying so beats calling them unknown.
    pub(super) fn finish(&self, planned: &[&str]) {
        let asked = self.asked.borrow();
        let known: Vec<&str> = asked.iter().copied().collect();
        for key in self.keys.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let lower = name.to_lowercase();
            let (message, hint) = if SECRET_KEYS.iter().any(|secret| lower.contains(secret)) {
                (
                    format!("`{name}` looks like a secret; secrets never stand in this file"),
                    "use the environment, a *_FILE variable or a systemd credential".to_owned(),
                )
            } else if planned.contains(&name) {
                (
                    format!("`{name}` in {} is not supported by this version", self.name),
                    "remove it; see CHANGELOG.md for what is there".to_owned(),
                )
            } else {
                (
                    format!("unknown key `{name}` in {}", self.name),
                    suggestion(name, &known),
                )
            };
            self.context.error(key.span(), message, hint);
        }
    }
}

/// An entry of a table whose keys are names.
pub(super) enum Entry<'a> {
    Texts(Vec<At<&'a str>>),
    Table(Table<'a>),
}

fn with_article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    if vowel {
        format!("n {kind}")
    } else {
        format!(" {kind}")
    }
}
