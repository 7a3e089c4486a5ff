//! What of prices grows and grows is removed when it is old, and nothing that is still needed.

use std::time::Duration;

use finstage::config::HistorySettings;
use finstage::domain::{
    AlertKind, AlertRule, AlertRules, GapChanges, PriceSnapshot, Quote, SymbolHealth,
};
use finstage::store::{AlertFilter, Known, Store};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::support::database::Database;
use crate::support::values::{answer, at, bar, day, symbol};

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

/// One alert told so many hours ago, over or not.
async fn alert(store: &Store, hours: i64, is_over: bool) {
    let name = format!("S{hours}{is_over}");
    let watched = symbol(&name);
    let rules = AlertRules {
        name: "all".to_owned(),
        rules: vec![AlertRule {
            kind: AlertKind::Rise,
            threshold_pct: 3.0,
        }],
        cool_off: DAY,
        cool_off_highs: DAY,
        max_age: 100 * DAY,
    };
    let previous = PriceSnapshot {
        trading_date: day("2026-06-01"),
        close: 100.0,
        high: 100.0,
        low: 100.0,
    };
    let told = [(104.0, true), (100.0, is_over)];
    for (price, _) in told.into_iter().filter(|(_, happens)| *happens) {
        let quote = Quote {
            price,
            market_time: ago(hours),
            trading_date: day("2026-06-02"),
            currency: None,
            previous_close: None,
            day_high: None,
            day_low: None,
            day_volume: None,
        };
        let judged = store.judge_price(&watched, &rules, &quote, Some(previous), ago(hours));
        judged.await.unwrap();
    }
}

pub(super) async fn alerts_that_are_over_go_and_those_that_hold_stay(database: Database) {
    let store = database.migrated().await;
    for hours in [24 * 40, 24 * 31, 24 * 29, 1] {
        alert(&store, hours, true).await;
        alert(&store, hours, false).await;
    }
    let history = HistorySettings {
        alerts: 30 * DAY,
        ..HistorySettings::default()
    };
    assert_eq!(store.prunable(&history, now()).await.unwrap().alerts, 2);
    assert_eq!(
        store.prune(&history, now(), || true).await.unwrap().alerts,
        2
    );
    let all = AlertFilter {
        limit: 100,
        ..AlertFilter::default()
    };
    let left = store.alerts(&all).await.unwrap();
    assert_eq!(left.len(), 6);
    let old = left.iter().filter(|told| told.told_at < ago(24 * 30));
    assert!(old.clone().count() == 2 && old.clone().all(|told| told.ended_at.is_none()));
}

/// What a look at a series has found, or found there.
fn seen(found: &[Date], filled: &[Date]) -> GapChanges {
    GapChanges {
        found: found.to_vec(),
        filled: filled.to_vec(),
        ..GapChanges::default()
    }
}

/// Four symbols of a calendar lack `days`, and that was told.
async fn lacked_by_all(store: &Store, days: &[Date], at: Timestamp) {
    for name in ["A", "B", "C", "D"] {
        let (name, lacking) = (symbol(name), seen(days, &[]));
        store
            .settle_gaps(&name, "XNYS", &lacking, at)
            .await
            .unwrap();
        let health = SymbolHealth {
            calendar: Some("XNYS".to_owned()),
            ..SymbolHealth::default()
        };
        store
            .change_health(&name, at, |_| health.clone())
            .await
            .unwrap();
    }
    let told = store.take_systemic_gaps(3, 0.2, at).await.unwrap();
    assert_eq!(told.len(), days.len());
    assert_eq!(store.take_systemic_gaps(3, 0.2, at).await.unwrap(), []);
}

pub(super) async fn filled_gaps_go_but_not_what_is_still_known_by_them(database: Database) {
    let store = database.migrated().await;
    let (long_ago, lately) = (ago(24 * 400), ago(24 * 10));
    let days = [day("2025-06-02"), day("2025-06-03"), day("2025-06-04")];
    lacked_by_all(&store, &days, long_ago).await;
    let fill = async |name: &str, dates: &[Date], at| {
        let filled = seen(&[], dates);
        store
            .settle_gaps(&symbol(name), "XNYS", &filled, at)
            .await
            .unwrap();
    };
    fill("A", &days, long_ago).await;
    fill("B", &days[..1], lately).await;
    // Of the second session nobody lacks the bar any more.
    for name in ["B", "C", "D"] {
        fill(name, &days[1..2], long_ago).await;
    }
    // Asked for up the whole ladder: days without trade stay on record.
    for _ in 0..6 {
        let c = symbol("C");
        let asked = store.gaps_asked(&c, &days[..1], &[], long_ago);
        asked.await.unwrap();
    }
    let history = HistorySettings {
        gaps: 30 * DAY,
        ..HistorySettings::default()
    };
    let pruned = store.prune(&history, now(), || true).await.unwrap();
    assert_eq!(pruned.gaps, 4, "the second session's");
    let left = store.gaps(None, false).await.unwrap();
    assert_eq!(left.len(), 8);
    assert!(left.iter().any(|gap| gap.state == "confirmed_no_trade"));
    assert_eq!(
        store.take_systemic_gaps(1, 0.0, now()).await.unwrap(),
        [],
        "told already"
    );
}

pub(super) async fn replaced_bars_go_by_their_age_in_pieces(database: Database) {
    let store = database.migrated().await;
    let apple = symbol("AAPL");
    let dates = |count: usize| {
        std::iter::successors(Some(day("2010-01-01")), |date| date.tomorrow().ok()).take(count)
    };
    let bars = |close: f64| -> Vec<_> {
        dates(1_200)
            .map(|date| bar(&date.to_string(), close))
            .collect()
    };
    let mut known = Known::default();
    for (close, hours) in [(10.0, 24 * 100), (11.0, 24 * 90), (12.0, 24 * 5)] {
        store
            .save(&apple, &answer(&bars(close), None), &known, ago(hours))
            .await
            .unwrap();
        known = store.known(&apple, 2_000).await.unwrap();
    }
    assert_eq!(store.bar_revisions(&apple).await.unwrap().len(), 2_400);
    let history = HistorySettings {
        revisions: 30 * DAY,
        ..HistorySettings::default()
    };
    assert_eq!(
        store.prunable(&history, now()).await.unwrap().revisions,
        1_200
    );
    let batches = std::cell::Cell::new(1);
    let one_batch = || batches.replace(batches.get() - 1) > 0;
    assert_eq!(
        store
            .prune(&history, now(), one_batch)
            .await
            .unwrap()
            .revisions,
        1_000
    );
    assert_eq!(
        store
            .prune(&history, now(), || true)
            .await
            .unwrap()
            .revisions,
        200
    );
    let left = store.bar_revisions(&apple).await.unwrap();
    assert!(left.len() == 1_200 && left.iter().all(|row| row.close == Some(11.0)));
}
