//! Price alerts: after a price is stored, what people asked to be told of it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Services;
use crate::domain::{AlertKind, AlertRules, PriceAlert, PriceSnapshot, Quote, Symbol};
use crate::telemetry::events;

/// The rules in force, by symbol. Cheap to clone; all clones are one book.
#[derive(Debug, Clone, Default)]
pub struct AlertBook(Arc<RwLock<Rules>>);

type Rules = Arc<HashMap<Symbol, Arc<AlertRules>>>;

impl AlertBook {
    /// A book with these rules.
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(RwLock::new(rules)))
    }

    /// Other rules hold from now on: the configuration was read again.
    pub fn replace(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    fn rules(&self, symbol: &Symbol) -> Option<Arc<AlertRules>> {
        let book = self.0.read().unwrap_or_else(PoisonError::into_inner);
        book.get(symbol).map(Arc::clone)
    }
}

/// Judges a price that was just stored. A failure costs the task nothing: the price is there, and
/// an alert not told now is told with the next price.
pub(super) async fn judge(
    symbol: &Symbol,
    quote: &Quote,
    previous: Option<PriceSnapshot>,
    services: &Services,
) {
    let Some(rules) = services.alerts.rules(symbol) else {
        return;
    };
    let now = services.clock.now();
    let store = &services.store;
    match store
        .judge_price(symbol, &rules, quote, previous, now)
        .await
    {
        Ok(alerts) => farthest(&alerts).for_each(|alert| tell(symbol, &rules, alert)),
        Err(error) => events::AlertsUnchecked {
            symbol: symbol.as_str(),
            reason: &error.to_string(),
        }
        .emit(),
    }
}

/// A price that jumps over several thresholds of a kind is one piece of news.
fn farthest(alerts: &[PriceAlert]) -> impl Iterator<Item = &PriceAlert> {
    alerts.iter().filter(|alert| {
        let is_farther = |other: &PriceAlert| {
            other.kind == alert.kind && other.threshold_pct > alert.threshold_pct
        };
        !alerts.iter().any(is_farther)
    })
}

fn tell(symbol: &Symbol, rules: &AlertRules, alert: &PriceAlert) {
    let (symbol, rules) = (symbol.as_str(), rules.name.as_str());
    let reference_date = &alert.reference_date.to_string();
    let market_time = &alert.market_time.to_string();
    // Hundredths of a percent are what people read.
    let change_pct = (alert.change_pct * 100.0).round() / 100.0;
    macro_rules! emit {
        ($event:ident) => {
            events::$event {
                symbol,
                rules,
                threshold_pct: alert.threshold_pct,
                change_pct,
                price: alert.price,
                reference_price: alert.reference_price,
                reference_date,
                market_time,
            }
            .emit()
        };
    }
    match alert.kind {
        AlertKind::Rise => emit!(AlertRise),
        AlertKind::Drop => emit!(AlertDrop),
        AlertKind::NewHigh => emit!(AlertNewHigh),
        AlertKind::DropFromHigh => emit!(AlertDropFromHigh),
        AlertKind::BreakHigh => emit!(AlertBreakHigh),
        AlertKind::BreakLow => emit!(AlertBreakLow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_thresholds_crossed_at_once_the_farthest_of_each_kind_is_told() {
        let alert = |kind, threshold_pct| PriceAlert {
            kind,
            threshold_pct,
            price: 107.0,
            market_time: jiff::Timestamp::UNIX_EPOCH,
            reference_price: 100.0,
            reference_date: jiff::civil::date(2026, 1, 7),
            change_pct: 7.0,
        };
        let alerts = [
            alert(AlertKind::Rise, 3.0),
            alert(AlertKind::Rise, 6.0),
            alert(AlertKind::BreakHigh, 0.0),
        ];
        let told: Vec<_> = farthest(&alerts)
            .map(|a| (a.kind, a.threshold_pct))
            .collect();
        assert_eq!(told, [(AlertKind::Rise, 6.0), (AlertKind::BreakHigh, 0.0)]);
    }
}
