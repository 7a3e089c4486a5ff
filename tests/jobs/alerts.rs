//! Alerts at the end of the way a price takes: from the upstream, past the store, to the rows.

use std::time::Duration;

use finstage::domain::{AlertKind, AlertRule, AlertRules, JobKind};
use finstage::simulator::Options;
use finstage::store::AlertFilter;

use super::world::simulated;
use crate::support::values::symbol;

/// Every kind, at thresholds any price is past on one side or the other.
fn everything() -> AlertRules {
    let rules = AlertKind::ALL.map(|kind| AlertRule {
        kind,
        threshold_pct: match kind {
            AlertKind::Rise | AlertKind::Drop | AlertKind::DropFromHigh => 1e-6,
            _ => 0.0,
        },
    });
    AlertRules {
        name: "all".to_owned(),
        rules: rules.to_vec(),
        cool_off: Duration::ZERO,
        cool_off_highs: Duration::ZERO,
        // The simulated world stands still on a Saturday.
        max_age: Duration::from_hours(48),
    }
}

#[tokio::test]
async fn a_stored_price_is_judged_by_the_session_before_it_and_told_once() {
    let (simulator, mut world) = simulated(Options::default()).await;
    let names = ["AAPL", "MSFT", "NVDA", "^GSPC"];
    world.watch(&names, everything());
    world.run(JobKind::DailyBars, &names).await;
    let filter = AlertFilter {
        limit: 100,
        ..AlertFilter::default()
    };
    let told = world.store.alerts(&filter).await.unwrap();
    for name in names {
        let bars = world.bars(name).await;
        let [.., before, last] = bars.as_slice() else {
            unreachable!()
        };
        let of_symbol = told.iter().filter(|told| told.symbol == symbol(name));
        let kinds: Vec<AlertKind> = of_symbol.clone().map(|told| told.alert.kind).collect();
        let expected = [
            (AlertKind::Rise, last.close > before.close),
            (AlertKind::Drop, last.close < before.close),
            (AlertKind::BreakHigh, last.close > before.high),
            (AlertKind::BreakLow, last.close < before.low),
        ];
        for (kind, holds) in expected {
            assert_eq!(kinds.contains(&kind), holds, "{name} {kind}");
        }
        for told in of_symbol.filter(|told| !told.alert.kind.is_about_high()) {
            assert_eq!(told.alert.reference_date, before.trading_date);
            assert_eq!(told.alert.price, last.close);
        }
    }
    world.forget();
    world.run(JobKind::Quotes, &names).await;
    world.forget();
    world.run(JobKind::DailyBars, &names).await;
    assert_eq!(
        world.store.alerts(&filter).await.unwrap(),
        told,
        "told again"
    );
    simulator.stop().await;
}
