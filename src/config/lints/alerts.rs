//! Alerts of symbols that no schedule brings: they would never be told.

use std::collections::HashSet;
use std::ops::Range;

use toml::de::DeTable;

use super::reach::named;
use crate::config::problem::closest;
use crate::config::settings::Config;
use crate::domain::{JobKind, Symbol};

/// A lint before it has its line.
pub(super) type Found = (Range<usize>, String, String);

/// Symbols of `[alerts.*]` whose prices nobody fetches, each at the place that names it.
pub(super) fn check(config: &Config, root: &DeTable<'_>) -> Vec<Found> {
    let tables = root.get("alerts").and_then(|all| all.get_ref().as_table());
    let Some(tables) = tables else {
        return Vec::new();
    };
    // What fills gaps has no latest price.
    let bring = config
        .schedules
        .iter()
        .filter(|one| one.job != JobKind::FillGaps);
    let brought: HashSet<&str> = bring
        .flat_map(|schedule| schedule.symbols.iter().map(Symbol::as_str))
        .collect();
    let mut found = Vec::new();
    for (name, value) in tables {
        let texts = value
            .get_ref()
            .as_table()
            .and_then(|table| table.get("symbols"));
        let Some(texts) = texts else { continue };
        let items: Vec<_> = match texts.get_ref().as_array() {
            Some(items) => items.iter().collect(),
            None => vec![texts],
        };
        let texts = items
            .iter()
            .filter_map(|item| Some((item.get_ref().as_str()?, item.span())));
        let mut groups: Option<(&str, Range<usize>)> = None;
        let mut single = HashSet::new();
        for (text, span) in texts {
            if let Some(group) = text.strip_prefix('@') {
                groups.get_or_insert((group, span));
                continue;
            }
            single.insert(text);
            if !brought.contains(text) {
                found.push((span, told(text), hint(text, &brought)));
            }
        }
        let Some((group, span)) = groups else {
            continue;
        };
        let mut others: Vec<&Symbol> = config
            .alerts
            .iter()
            .filter(|(_, rules)| rules.name.as_str() == name.get_ref().as_ref())
            .map(|(symbol, _)| symbol)
            .filter(|symbol| {
                !single.contains(symbol.as_str()) && !brought.contains(symbol.as_str())
            })
            .collect();
        others.sort_unstable();
        if let Some(first) = others.first() {
            let hint = hint(first.as_str(), &brought);
            found.push((
                span,
                told(&format!("{} of `@{group}`", named(&others))),
                hint,
            ));
        }
    }
    found
}

fn told(symbols: &str) -> String {
    format!("no schedule brings {symbols}: its alerts are never told")
}

fn hint(symbol: &str, brought: &HashSet<&str>) -> String {
    let mut brought: Vec<&str> = brought.iter().copied().collect();
    brought.sort_unstable();
    match closest(symbol, brought) {
        Some(near) => format!("did you mean `{near}`? else name it in a schedule's `symbols`"),
        None => "name it in the `symbols` of a schedule, e.g. of job \"quotes\"".to_owned(),
    }
}
