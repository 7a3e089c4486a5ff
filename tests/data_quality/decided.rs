//! What was decided about a row holds: over restatements, other bad rows and whole answers.

use finstage::domain::JobKind;
use finstage::jobs::Assignment;

use super::body::{Meta, Row, body};
use super::desk::{Desk, SATURDAY};
use super::quarantine::flat;
use crate::support::values::at;

const LATER: &str = "2026-11-22T12:00:00Z";

async fn release_first(desk: &Desk, name: &str) {
    let id = desk.quarantine(name).await[0].id;
    desk.store.release(&[id], None, at(SATURDAY)).await.unwrap();
}

#[tokio::test]
async fn a_released_row_is_still_believed_when_its_series_is_put_on_another_scale() {
    let desk = Desk::new().await;
    let (name, mut rows) = flat();
    let none = Meta::default();
    // One day's spike in the middle, and the series comes back from it.
    rows[20] = rows[20].scaled(7.0);
    desk.bars_job(&name, &rows[..29], &none).await.unwrap();
    release_first(&desk, &name).await;
    let meta = Meta {
        splits: vec![(rows[29].date, 4.0)],
        ..Meta::default()
    };
    let after: Vec<Row> = rows.iter().map(|row| row.before_split(0.25)).collect();
    desk.put(&name, body(&name, &after, &meta));
    let job = Assignment::Job(JobKind::DailyBars);
    let done = desk.perform(job, &name, LATER).await.unwrap();
    assert_eq!(done.rows_rejected, 0);
    let bars = desk.bars(&name).await;
    assert_eq!((bars.len(), bars[20].close), (30, 17.5));
    assert!(desk.told(&name).await[0].ends_with("V5 released"));
    // And by the whole history, over another split.
    let meta = Meta {
        splits: vec![(rows[29].date, 4.0), ("2026-11-23".parse().unwrap(), 2.0)],
        ..Meta::default()
    };
    let mut after: Vec<Row> = after.iter().map(|row| row.before_split(0.5)).collect();
    after.push(Row {
        date: "2026-11-23".parse().unwrap(),
        ..after[29]
    });
    desk.put(&name, body(&name, &after, &meta));
    let job = Assignment::Job(JobKind::AllTimeHigh);
    let done = desk.perform(job, &name, "2026-11-24T12:00:00Z").await;
    assert_eq!(done.unwrap().rows_rejected, 0);
    let bars = desk.bars(&name).await;
    assert_eq!((bars.len(), bars[20].close), (31, 8.75));
}

#[tokio::test]
async fn a_released_row_of_before_the_first_trade_does_not_flip_back() {
    let desk = Desk::new().await;
    let (name, rows) = flat();
    let meta = Meta {
        first_trade: Some(rows[2].date),
        ..Meta::default()
    };
    desk.bars_job(&name, &rows, &meta).await.unwrap();
    let held = desk.told(&name).await;
    assert!(held.iter().all(|row| row.ends_with("V3 held")), "{held:?}");
    assert_eq!((held.len(), desk.bars(&name).await.len()), (2, 28));
    release_first(&desk, &name).await;
    let window = Assignment::Backfill {
        from: rows[0].date,
        to: rows[29].date,
    };
    let done = desk.perform(window, &name, LATER).await.unwrap();
    assert_eq!(done.rows_rejected, 1, "the other one");
    let states: Vec<String> = desk.told(&name).await;
    assert!(states[0].ends_with("V3 released") && states[1].ends_with("V3 held"));
    assert_eq!(desk.bars(&name).await.len(), 29);
}

#[tokio::test]
async fn another_bad_row_of_the_day_leaves_what_was_decided_about_the_one_before() {
    let desk = Desk::new().await;
    let (name, mut rows) = flat();
    let none = Meta::default();
    rows[28] = rows[28].scaled(7.0);
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let first = desk.quarantine(&name).await[0].id;
    let now = at(SATURDAY);
    let bad = Some("a bad print");
    desk.store.dismiss(&[first], bad, now).await.unwrap();
    desk.bars_job(&name, &rows, &none).await.unwrap();
    assert_eq!(desk.quarantine(&name).await.len(), 1, "the same again");
    rows[28] = rows[28].scaled(2.0);
    for _ in 0..2 {
        desk.bars_job(&name, &rows, &none).await.unwrap();
    }
    let both = desk.quarantine(&name).await;
    let told: Vec<_> = both
        .iter()
        .map(|row| (row.state.as_str(), row.close, row.seen, row.note.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("dismissed", Some(70.0), 2, bad),
            ("held", Some(140.0), 2, None)
        ]
    );
    rows[28] = rows[28].scaled(0.5);
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let states = desk.told(&name).await;
    assert!(states[0].ends_with("dismissed"), "{states:?}");
}

#[tokio::test]
async fn two_reasons_to_refuse_an_answer_are_two_notes() {
    let desk = Desk::new().await;
    let (name, rows) = flat();
    desk.bars_job(&name, &rows, &Meta::default()).await.unwrap();
    let euros = Meta {
        currency: "EUR",
        ..Meta::default()
    };
    let tokyo = Meta {
        zone: "Asia/Tokyo",
        ..Meta::default()
    };
    for meta in [&euros, &tokyo, &euros] {
        desk.bars_job(&name, &rows, meta).await.unwrap_err();
    }
    let notes = desk.quarantine(&name).await;
    let told: Vec<_> = notes
        .iter()
        .map(|note| (note.reason.as_str(), note.seen))
        .collect();
    let [(currency, 2), (zone, 1)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(currency.contains("EUR") && zone.contains("Tokyo"));
}
