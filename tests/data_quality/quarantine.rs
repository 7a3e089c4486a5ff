//! A row in quarantine, from the day it came until it is settled.

use finstage::domain::{JobKind, Rule};
use finstage::jobs::Assignment;
use finstage::store::Decision;

use super::body::{Meta, Row, body};
use super::desk::{Desk, SATURDAY};
use super::generated::series;
use crate::support::values::{at, symbol};

/// Thirty sessions at 10.
pub(super) fn flat() -> (String, Vec<Row>) {
    let series = series(11);
    let rows = series.rows.iter().rev().take(30).rev().map(|row| Row {
        open: 10.0,
        high: 10.5,
        low: 9.5,
        close: 10.0,
        adjusted: 10.0,
        ..*row
    });
    (series.name.clone(), rows.collect())
}

#[tokio::test]
async fn the_same_bad_row_again_is_one_row_seen_twice() {
    let desk = Desk::new().await;
    let (name, mut rows) = flat();
    rows[29] = rows[29].scaled(7.0);
    let none = Meta::default();
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let job = Assignment::Job(JobKind::DailyBars);
    let again = desk
        .perform(job, &name, "2026-11-22T12:00:00Z")
        .await
        .unwrap();
    assert_eq!((again.rows_written, again.rows_rejected), (0, 1));
    let found = desk.quarantine(&name).await;
    let [row] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((row.seen, row.rule.as_str()), (2, "V5"));
    assert_eq!((row.close, row.provider.as_str()), (Some(70.0), "yahoo"));
    let days = [row.first_seen, row.last_seen].map(|seen| seen.to_string()[..10].to_owned());
    assert_eq!(days, ["2026-11-21", "2026-11-22"]);
    assert!(row.reason.contains("7.0000 times"), "{}", row.reason);
}

#[tokio::test]
async fn a_released_row_is_a_final_bar_with_a_trail_and_stays() {
    let desk = Desk::new().await;
    let (name, mut rows) = flat();
    let (none, stock) = (Meta::default(), symbol(&name));
    rows[28] = rows[28].scaled(7.0);
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let id = desk.quarantine(&name).await[0].id;
    let now = at(SATURDAY);
    let decision = desk.store.release(&[id], Some("real"), now).await.unwrap();
    assert!(matches!(decision, Decision::Done { rows, .. } if rows.len() == 1));
    let bars = desk.bars(&name).await;
    assert_eq!(
        (bars.len(), bars[28].close, bars[28].is_final),
        (30, 70.0, true)
    );
    let known = desk.store.known(&stock, 1).await.unwrap();
    assert_eq!(known.high.unwrap().price, 73.5);
    let snapshots = desk.store.snapshots(&stock).await.unwrap();
    assert!(snapshots.iter().any(|one| one.close == 70.0));
    let trail = desk.store.bar_revisions(&stock).await.unwrap();
    let [entry] = trail.as_slice() else {
        panic!("{trail:?}")
    };
    assert_eq!((entry.trading_date, entry.close), (rows[28].date, None));
    let reason = entry.reason.clone().unwrap();
    assert_eq!(reason, format!("released from quarantine (V5 {id}): real"));
    let again = desk.bars_job(&name, &rows, &none).await.unwrap();
    assert_eq!((again.rows_written, again.rows_rejected), (0, 0));
    assert!(desk.told(&name).await[0].ends_with("V5 released"));
    let refused = desk.store.release(&[id], None, now).await.unwrap();
    assert!(matches!(refused, Decision::Refused(_)));
}

#[tokio::test]
async fn a_row_of_before_a_split_is_not_released_into_the_series_after_it() {
    let desk = Desk::new().await;
    let (name, mut rows) = flat();
    rows[28] = rows[28].scaled(7.0);
    let none = Meta::default();
    desk.bars_job(&name, &rows[..29], &none).await.unwrap();
    let id = desk.quarantine(&name).await[0].id;
    let split = (rows[29].date, 4.0);
    rows.remove(28);
    let after: Vec<_> = rows.iter().map(|row| row.before_split(0.25)).collect();
    let meta = Meta {
        splits: vec![split],
        ..Meta::default()
    };
    desk.put(&name, body(&name, &after, &meta));
    let job = Assignment::Job(JobKind::DailyBars);
    desk.perform(job, &name, "2026-11-22T12:00:00Z")
        .await
        .unwrap();
    let now = at("2026-11-22T13:00:00Z");
    let decision = desk.store.release(&[id], None, now).await.unwrap();
    let Decision::Refused(reasons) = decision else {
        panic!("{decision:?}")
    };
    assert!(
        reasons[0].contains("another scale (split 4:1"),
        "{reasons:?}"
    );
    assert_eq!(desk.bars(&name).await.len(), 29);
}

#[tokio::test]
async fn what_no_bar_can_be_is_dismissed_and_not_released() {
    let desk = Desk::new().await;
    let (name, mut rows) = flat();
    let none = Meta::default();
    rows[29].open = 0.0;
    rows[20] = rows[20].scaled(0.01);
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let ids: Vec<i64> = desk
        .quarantine(&name)
        .await
        .iter()
        .map(|row| row.id)
        .collect();
    let now = at(SATURDAY);
    let before = desk.bars(&name).await;
    let decision = desk.store.release(&ids, None, now).await.unwrap();
    let Decision::Refused(why) = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(why.len(), 1);
    assert!(
        why[0].contains("V1") && why[0].contains("dismiss"),
        "{why:?}"
    );
    assert_eq!(desk.bars(&name).await, before, "all or nothing");
    desk.store.dismiss(&ids, Some("bad"), now).await.unwrap();
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let states = desk.told(&name).await;
    assert!(
        states.iter().all(|row| row.ends_with("dismissed")),
        "{states:?}"
    );
    rows[29].open = 0.1;
    rows[29].low = 0.0;
    desk.bars_job(&name, &rows, &none).await.unwrap();
    assert!(
        desk.told(&name).await[2].ends_with("V1 held"),
        "another bad row"
    );
}

#[tokio::test]
async fn an_answer_of_another_instrument_is_refused_until_it_is_released() {
    let desk = Desk::new().await;
    let (name, rows) = flat();
    desk.bars_job(&name, &rows[..28], &Meta::default())
        .await
        .unwrap();
    let before = desk.bars(&name).await;
    let euros = Meta {
        currency: "EUR",
        ..Meta::default()
    };
    for _ in 0..2 {
        let fault = desk.bars_job(&name, &rows, &euros).await.unwrap_err();
        assert_eq!(fault.class.as_str(), "refused");
        assert_eq!(
            fault.message,
            "V9: currency `EUR` instead of `USD`; nothing of the answer is stored"
        );
    }
    assert_eq!(desk.bars(&name).await, before);
    let noted = desk.quarantine(&name).await;
    assert_eq!((noted.len(), noted[0].seen), (1, 2));
    let known = desk.store.known(&symbol(&name), 1).await.unwrap();
    assert_eq!(known.instrument.unwrap().currency.as_deref(), Some("USD"));
    desk.store
        .release(&[noted[0].id], None, at(SATURDAY))
        .await
        .unwrap();
    desk.bars_job(&name, &rows, &euros).await.unwrap();
    let known = desk.store.known(&symbol(&name), 1).await.unwrap();
    assert_eq!(known.instrument.unwrap().currency.as_deref(), Some("EUR"));
    let moved = Meta {
        zone: "Asia/Tokyo",
        ..euros
    };
    let fault = desk.bars_job(&name, &rows, &moved).await.unwrap_err();
    assert!(fault.message.contains("time zone `Asia/Tokyo`"), "{fault}");
}

#[tokio::test]
async fn a_bar_on_a_holiday_is_stored_and_noted_once() {
    let desk = Desk::new().await;
    let (name, rows) = flat();
    let none = Meta {
        exchange: Some("NYQ"),
        ..Meta::default()
    };
    desk.bars_job(&name, &rows[..20], &none).await.unwrap();
    let mut sunday = rows[29];
    sunday.date = sunday.date.saturating_sub(jiff::Span::new().days(5));
    assert_eq!(sunday.date.to_string(), "2026-11-15");
    let mut all = rows.clone();
    let place = all.partition_point(|row| row.date < sunday.date);
    all.insert(place, sunday);
    let done = desk.bars_job(&name, &all, &none).await.unwrap();
    assert_eq!(done.rows_rejected, 0);
    assert_eq!(desk.bars(&name).await.len(), 31);
    assert_eq!(desk.told(&name).await, ["2026-11-15 V4 noted"]);
    let before = desk.quarantine(&name).await;
    let again = desk.bars_job(&name, &all, &none).await.unwrap();
    assert_eq!(again.rows_written, 0);
    assert_eq!(desk.quarantine(&name).await, before);
}

#[tokio::test]
async fn a_live_price_that_contradicts_its_bar_is_not_stored_either() {
    let desk = Desk::new().await;
    let (name, rows) = flat();
    let stock = symbol(&name);
    let live = |price: f64| Meta {
        price: Some((price, at("2026-11-20T20:00:00Z"))),
        ..Meta::default()
    };
    desk.bars_job(&name, &rows[..29], &Meta::default())
        .await
        .unwrap();
    desk.bars_job(&name, &rows, &live(1_000.0)).await.unwrap();
    let known = desk.store.known(&stock, 1).await.unwrap();
    assert_eq!(known.quote, None);
    let rule = Rule::Live.as_str();
    assert_eq!(desk.told(&name).await, [format!("2026-11-20 {rule} held")]);
    desk.put(&name, body(&name, &rows, &live(10.0)));
    let job = Assignment::Job(JobKind::Quotes);
    desk.perform(job, &name, SATURDAY).await.unwrap();
    let known = desk.store.known(&stock, 1).await.unwrap();
    assert_eq!(known.quote.unwrap().price, 10.0);
    assert_eq!(
        desk.told(&name).await,
        [format!("2026-11-20 {rule} released")]
    );
    assert_eq!(desk.bars(&name).await.len(), 30);
}
