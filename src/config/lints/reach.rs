//! Symbols that the providers of their schedule can never have.

use std::ops::Range;

use toml::de::DeTable;

use super::place;
use crate::config::problem::Severity;
use crate::domain::{Provider, Providers, Schedule, Symbol};

/// Symbols named in a message.
const NAMED: usize = 3;

/// A problem before it has its line.
pub(super) struct Found {
    pub(super) span: Range<usize>,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) hint: String,
}

/// An error for symbols that no provider of the schedule can have, a warning for each provider that
/// lacks some.
pub(super) fn check(schedule: &Schedule, root: &DeTable<'_>) -> Vec<Found> {
    if schedule.providers == Providers::default() {
        return Vec::new();
    }
    let id = &schedule.id;
    let lacking = |lacks: &dyn Fn(&Symbol) -> bool| -> Vec<&Symbol> {
        schedule
            .symbols
            .iter()
            .filter(|symbol| lacks(symbol))
            .collect()
    };
    let anybody = |symbol: &Symbol| schedule.providers.iter().any(|one| one.can_have(symbol));
    let mut found = Vec::new();
    let nobodys = lacking(&|symbol| !anybody(symbol));
    if !nobodys.is_empty() {
        found.push(Found {
            span: providers_span(root, id.as_str(), None),
            severity: Severity::Error,
            message: format!("no provider of `{id}` can ever have {}", named(&nobodys)),
            hint: "add \"yahoo\" to `providers`, or take these symbols out".to_owned(),
        });
    }
    for provider in schedule.providers.iter() {
        let lacks = lacking(&|symbol| !provider.can_have(symbol) && anybody(symbol));
        if lacks.is_empty() {
            continue;
        }
        found.push(Found {
            span: providers_span(root, id.as_str(), Some(provider)),
            severity: Severity::Lint,
            message: format!("{provider} can never have {} of `{id}`", named(&lacks)),
            hint: format!(
                "{}; they are asked from the others alone: give them a schedule whose `providers` \
                 lacks {provider}",
                has_only(provider)
            ),
        });
    }
    found
}

fn has_only(provider: Provider) -> &'static str {
    match provider {
        Provider::Yahoo => "Yahoo has every kind",
        Provider::Tiingo => "Tiingo has US tickers only (AAPL, BRK-B)",
        Provider::Binance => "Binance has pairs of crypto currencies only (BTC-USD)",
    }
}

/// Where the schedule names the provider, or any; its own name when it has the defaults.
fn providers_span(root: &DeTable<'_>, id: &str, provider: Option<Provider>) -> Range<usize> {
    let table = root
        .get("schedules")
        .and_then(|all| all.get_ref().as_table());
    let schedule = table.and_then(|all| all.get(id)?.get_ref().as_table());
    let Some(written) = schedule.and_then(|schedule| schedule.get("providers")) else {
        return place(root, id);
    };
    let items = written.get_ref().as_array();
    let item = items.and_then(|items| {
        let mut items = items.iter();
        items.find(|item| item.get_ref().as_str() == provider.map(Provider::as_str))
    });
    item.map_or_else(|| written.span(), toml::Spanned::span)
}

/// `X, Y, Z and 4 more`.
pub(super) fn named(symbols: &[&Symbol]) -> String {
    let shown: Vec<&str> = symbols.iter().take(NAMED).map(|one| one.as_str()).collect();
    let shown = shown.join(", ");
    match symbols.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
