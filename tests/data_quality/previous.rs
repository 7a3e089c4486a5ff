//! The previous close is that of the previous session, or none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use finstage::domain::{AlertKind, AlertRule, AlertRules, Flagged, GapChanges, JobKind, Rule};
use finstage::jobs::{AlertBook, Assignment};
use finstage::store::AlertFilter;

use super::body::{Meta, Row, body};
use super::desk::{Desk, SATURDAY};
use super::quarantine::flat;
use crate::support::values::{at, day, symbol};

fn friday() -> Meta {
    price_of(10.0, "2026-11-20T20:00:00Z")
}

fn price_of(price: f64, time: &str) -> Meta {
    Meta {
        price: Some((price, at(time))),
        exchange: Some("NYQ"),
        ..Meta::default()
    }
}

async fn previous_close(desk: &Desk, name: &str, rows: &[Row]) -> Option<f64> {
    desk.put(name, body(name, rows, &friday()));
    let job = Assignment::Job(JobKind::Quotes);
    desk.perform(job, name, SATURDAY).await.unwrap();
    let known = desk.store.known(&symbol(name), 1).await.unwrap();
    known.quote.unwrap().previous_close
}

#[tokio::test]
async fn an_earlier_close_is_not_taken_for_the_previous_one_when_a_session_lacks() {
    let desk = Desk::new().await;
    let (name, mut rows) = flat();
    rows[27] = rows[27].scaled(1.1);
    assert_eq!(rows[28].date, day("2026-11-19"));
    let whole = rows.clone();
    let thursday = rows.remove(28);
    assert_eq!(previous_close(&desk, &name, &rows).await, None);
    // Nobody traded on Thursday: then Wednesday's is the previous one.
    let (stock, now) = (symbol(&name), at(SATURDAY));
    let found = GapChanges {
        found: vec![thursday.date],
        ..GapChanges::default()
    };
    let store = &desk.store;
    store
        .settle_gaps(&stock, "XNYS", &found, now)
        .await
        .unwrap();
    for _ in 0..6 {
        let dates = [thursday.date];
        store.gaps_asked(&stock, &dates, &[], now).await.unwrap();
    }
    assert_eq!(previous_close(&desk, &name, &rows).await, Some(11.0));
    // And when its bar comes after all, that.
    assert_eq!(previous_close(&desk, &name, &whole).await, Some(10.0));
}

#[tokio::test]
async fn a_session_whose_row_waits_in_quarantine_is_no_day_without_a_trade() {
    let desk = Desk::new().await;
    let (name, rows) = flat();
    let (stock, now) = (symbol(&name), at(SATURDAY));
    let store = &desk.store;
    let (held, idle) = (rows[28], rows[20].date);
    let flagged = Flagged {
        bar: held.scaled(7.0).bar(),
        rule: Rule::Jump,
        reason: "far off".to_owned(),
    };
    store.hold(&stock, &[flagged], "yahoo", now).await.unwrap();
    let dates = [idle, held.date];
    let found = GapChanges {
        found: dates.to_vec(),
        ..GapChanges::default()
    };
    store
        .settle_gaps(&stock, "XNYS", &found, now)
        .await
        .unwrap();
    let mut confirmed = 0;
    for _ in 0..9 {
        confirmed += store.gaps_asked(&stock, &dates, &[], now).await.unwrap();
    }
    assert_eq!(confirmed, 1);
    let states = async || {
        let gaps = store.gaps(Some(&name), false).await.unwrap();
        let told = gaps.iter().map(|gap| {
            let days = gap
                .next_ask_at
                .map(|at| at.duration_since(now).as_hours() / 24);
            (gap.state.clone(), days)
        });
        told.collect::<Vec<_>>()
    };
    let no_trade = ("confirmed_no_trade".to_owned(), None);
    let waits = ("open".to_owned(), Some(30));
    assert_eq!(states().await, [waits, no_trade.clone()]);
    let id = desk.quarantine(&name).await[0].id;
    store.release(&[id], None, now).await.unwrap();
    assert_eq!(states().await, [("filled".to_owned(), None), no_trade]);
}

#[tokio::test]
async fn a_price_older_than_the_one_on_record_is_no_news() {
    let mut desk = Desk::new().await;
    let (name, rows) = flat();
    let rise = AlertRules {
        name: "rises".to_owned(),
        rules: vec![AlertRule {
            kind: AlertKind::Rise,
            threshold_pct: 5.0,
        }],
        cool_off: Duration::ZERO,
        cool_off_highs: Duration::ZERO,
        max_age: Duration::from_hours(48),
    };
    let book = HashMap::from([(symbol(&name), Arc::new(rise))]);
    desk.alerts = AlertBook::new(Arc::new(book));
    let filter = AlertFilter {
        limit: 10,
        ..AlertFilter::default()
    };
    for (price, time, told) in [
        (10.0, "2026-11-20T20:00:00Z", 0),
        (12.0, "2026-11-20T19:00:00Z", 0),
        (12.0, "2026-11-20T20:30:00Z", 1),
    ] {
        let meta = price_of(price, time);
        desk.bars_job(&name, &rows, &meta).await.unwrap();
        let alerts = desk.store.alerts(&filter).await.unwrap();
        assert_eq!(alerts.len(), told, "{price} at {time}");
    }
}
