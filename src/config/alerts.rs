//! `[alerts.NAME]`: what people want to be told of the prices of some symbols.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::groups::{Groups, find};
use super::reader::{At, Table};
use crate::domain::{AlertKind, AlertRule, AlertRules, Symbol};

const MINUTE: Duration = Duration::from_mins(1);
/// The longest cool-off; `[history] alerts` keeps at least as much.
const MONTH: Duration = Duration::from_hours(30 * 24);

/// Least time between two alerts of a threshold against the previous session.
const COOL_OFF: Duration = Duration::from_hours(3);

/// The same against the all-time high.
const COOL_OFF_HIGHS: Duration = Duration::from_hours(6);

/// A price older than this tells nothing new: a start at a weekend does not tell Friday's moves.
const MAX_AGE: Duration = Duration::from_hours(6);

/// The rules of each symbol.
pub type AlertTable = Arc<HashMap<Symbol, Arc<AlertRules>>>;

/// Who has rules, and whether it was named itself or with a group.
struct Owned {
    rules: Arc<AlertRules>,
    by_name: bool,
}

/// Reads all tables. A symbol named itself in one of them has that one's rules; else it has those
/// of the one that names its group.
pub(super) fn read(root: &Table<'_>, groups: &Groups) -> AlertTable {
    let mut all: HashMap<Symbol, Owned> = HashMap::new();
    for (name, table) in root.tables("alerts") {
        let rules = rules(name.value, &table);
        let symbols = table.texts("symbols");
        if symbols.as_ref().is_none_or(Vec::is_empty) {
            let message = format!("{} has no `symbols`", table.name());
            let hint = "symbols = [\"AAPL\", \"@group\"], groups stand under [symbols]";
            table.context().missing(table.span(), message, hint);
        }
        table.finish(&[]);
        let Some(rules) = rules.map(Arc::new) else {
            continue;
        };
        for text in symbols.unwrap_or_default() {
            own(&text, &table, groups, &rules, &mut all);
        }
    }
    let owned = all.into_iter().map(|(symbol, owned)| (symbol, owned.rules));
    Arc::new(owned.collect())
}

/// Gives `rules` to the symbols `text` names.
fn own(
    text: &At<&str>,
    table: &Table<'_>,
    groups: &Groups,
    rules: &Arc<AlertRules>,
    all: &mut HashMap<Symbol, Owned>,
) {
    let by_name = !text.value.starts_with('@');
    let symbols = match find(text.value, groups) {
        Ok(symbols) => symbols.unwrap_or_default(),
        Err((message, hint)) => {
            table.context().error(text.span.clone(), message, hint);
            return;
        }
    };
    for symbol in symbols {
        match all.get(&symbol) {
            Some(other) if other.by_name && !by_name => continue,
            Some(other) if other.by_name == by_name && !Arc::ptr_eq(&other.rules, rules) => {
                let message = format!(
                    "`{symbol}` has alerts in [alerts.{}] already",
                    other.rules.name
                );
                let hint = "one table a symbol; one that names the symbol itself wins over one \
                            that names its group";
                table.context().error(text.span.clone(), message, hint);
                return;
            }
            _ => {}
        }
        let rules = Arc::clone(rules);
        all.insert(symbol, Owned { rules, by_name });
    }
}

fn rules(name: &str, table: &Table<'_>) -> Option<AlertRules> {
    let context = table.context();
    let before = context.count();
    let mut rules = Vec::new();
    for kind in AlertKind::ALL {
        match kind {
            AlertKind::Rise | AlertKind::Drop | AlertKind::DropFromHigh => {
                let most = if kind == AlertKind::Rise {
                    1_000.0
                } else {
                    99.0
                };
                for text in table.texts(kind.as_str()).unwrap_or_default() {
                    rules.extend(percent(kind, &text, most, table));
                }
            }
            AlertKind::NewHigh | AlertKind::BreakHigh | AlertKind::BreakLow => {
                if table.flag(kind.as_str()) == Some(true) {
                    rules.push(AlertRule {
                        kind,
                        threshold_pct: 0.0,
                    });
                }
            }
        }
    }
    let span = |key, default, least| table.time_span(key, least, MONTH).unwrap_or(default);
    let all = AlertRules {
        name: name.to_owned(),
        rules,
        cool_off: span("cool_off", COOL_OFF, Duration::ZERO),
        cool_off_highs: span("cool_off_highs", COOL_OFF_HIGHS, Duration::ZERO),
        max_age: span("max_age", MAX_AGE, MINUTE),
    };
    if context.count() > before {
        return None;
    }
    if all.rules.is_empty() {
        let names = AlertKind::ALL.map(AlertKind::as_str).join(", ");
        let message = format!("{} watches nothing", table.name());
        context.missing(table.span(), message, format!("set one of: {names}"));
        return None;
    }
    Some(all)
}

/// `"3%"` or `"2.5%"`: above 0, at most `most`.
fn percent(kind: AlertKind, text: &At<&str>, most: f64, table: &Table<'_>) -> Option<AlertRule> {
    let number = text.value.strip_suffix('%').map(str::trim_end);
    let number = number.and_then(|number| number.parse::<f64>().ok());
    let threshold_pct = number.filter(|pct| *pct > 0.0 && *pct <= most);
    if threshold_pct.is_none() {
        table.context().error(
            text.span.clone(),
            format!("`{kind}` cannot be `{}`", text.value),
            format!("a percentage above 0% up to {most}%, like \"3%\" or [\"3%\", \"6%\"]"),
        );
    }
    threshold_pct.map(|threshold_pct| AlertRule {
        kind,
        threshold_pct,
    })
}
