//! Price alerts in the database: told once, by whatever process.

use std::time::Duration;

use finstage::domain::{AlertKind, AlertRule, AlertRules, PriceSnapshot, Quote};
use finstage::store::{AlertFilter, Store};
use jiff::{SignedDuration, Timestamp};

use crate::support::database::Database;
use crate::support::values::{at, day, symbol};

fn rules() -> AlertRules {
    let rule = |kind, threshold_pct| AlertRule {
        kind,
        threshold_pct,
    };
    AlertRules {
        name: "tech".to_owned(),
        rules: vec![rule(AlertKind::Rise, 3.0), rule(AlertKind::Drop, 3.0)],
        cool_off: Duration::from_hours(3),
        cool_off_highs: Duration::from_hours(6),
        max_age: Duration::from_hours(6),
    }
}

async fn judge(store: &Store, price: f64, now: Timestamp) -> Vec<AlertKind> {
    let quote = Quote {
        price,
        market_time: now,
        trading_date: day("2026-11-20"),
        currency: None,
        previous_close: Some(100.0),
        day_high: None,
        day_low: None,
        day_volume: None,
    };
    let previous = Some(PriceSnapshot {
        trading_date: day("2026-11-19"),
        close: 100.0,
        high: 104.0,
        low: 95.0,
    });
    let (apple, rules) = (symbol("AAPL"), rules());
    let told = store.judge_price(&apple, &rules, &quote, previous, now);
    let told = told.await.unwrap();
    told.iter().map(|alert| alert.kind).collect()
}

pub(super) async fn an_alert_is_told_once_and_ends_when_the_price_is_back(database: Database) {
    let store = database.migrated().await;
    let noon = at("2026-11-20T17:00:00Z");
    let minute = |n: i64| noon + SignedDuration::from_mins(n);
    assert_eq!(judge(&store, 103.5, minute(0)).await, [AlertKind::Rise]);
    assert_eq!(judge(&store, 104.5, minute(1)).await, []);
    let newest = AlertFilter {
        limit: 10,
        ..AlertFilter::default()
    };
    let all = || store.alerts(&newest);
    let open = all().await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].alert.reference_date, day("2026-11-19"));
    assert_eq!((open[0].alert.price, open[0].ended_at), (103.5, None));
    assert_eq!(judge(&store, 101.0, minute(2)).await, []);
    assert_eq!(all().await.unwrap()[0].ended_at, Some(minute(2)));
    assert_eq!(judge(&store, 90.0, minute(3)).await, [AlertKind::Drop]);
    let drops = AlertFilter {
        kind: Some(AlertKind::Drop),
        since: Some(minute(3)),
        symbol: Some(symbol("AAPL")),
        limit: 10,
    };
    assert_eq!(store.alerts(&drops).await.unwrap().len(), 1);
    let others = AlertFilter {
        symbol: Some(symbol("MSFT")),
        ..drops
    };
    assert_eq!(store.alerts(&others).await.unwrap(), []);
}

pub(super) async fn processes_that_see_one_price_at_once_tell_it_once(database: Database) {
    let store = database.migrated().await;
    let now = at("2026-11-20T17:00:00Z");
    let mut told = 0;
    let judged = (0..16).map(|_| judge(&store, 105.0, now));
    for kinds in futures_util::future::join_all(judged).await {
        told += kinds.len();
    }
    assert_eq!(told, 1);
}
