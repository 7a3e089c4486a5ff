//! Restatements: the recorded pairs, splits, dividends, single corrections, another unit.

use finstage::domain::JobKind;
use finstage::jobs::Assignment;

use super::body::{Meta, Row};
use super::desk::{Desk, SATURDAY};
use super::generated::series;
use crate::support::recordings::recordings;
use crate::support::values::{day, symbol};

fn recorded(file: &str) -> Vec<u8> {
    let all = recordings().into_iter();
    let mut found = all.filter(|recording| recording.file == file);
    found.next().unwrap().body
}

/// The job with a recorded answer.
async fn answer(desk: &Desk, name: &str, file: &str, now: &str) -> u64 {
    desk.put(name, recorded(file));
    let job = Assignment::Job(JobKind::AllTimeHigh);
    desk.perform(job, name, now).await.unwrap().rows_written
}

#[tokio::test]
async fn the_recorded_split_gives_the_later_series_and_one_revision() {
    let desk = Desk::new().await;
    let (name, amazon) = ("AMZN", symbol("AMZN"));
    let earlier = "restated_AMZN_2021_before_split.json";
    let later = "restated_AMZN_2025_after_20to1_split.json";
    answer(&desk, name, earlier, "2021-11-21T13:42:00Z").await;
    let high = desk.store.known(&amazon, 5).await.unwrap().high.unwrap();
    assert_eq!(high.price, 1_898.01);
    let written = answer(&desk, name, later, "2025-02-20T11:48:00Z").await;
    assert!(written > 0);
    let look = async || {
        let known = desk.store.known(&amazon, 5).await.unwrap();
        let bars = desk.store.bar_revisions(&amazon).await.unwrap();
        let series = desk.store.series_revisions(&amazon).await.unwrap();
        let snapshots = desk.store.snapshots(&amazon).await.unwrap();
        (known.bars, known.quote, known.high, bars, series, snapshots)
    };
    let (bars, quote, high, single, restated, snapshots) = look().await;
    let [bar] = bars.as_slice() else {
        panic!("{bars:?}")
    };
    assert_eq!(bar.trading_date, day("2020-01-02"));
    let prices = [bar.open, bar.high, bar.low, bar.close];
    assert_eq!(prices, [93.75, 94.9005, 93.2075, 94.9005]);
    assert_eq!(bar.volume, Some(80_580_000));
    // The one stored session is of five years before.
    assert_eq!(quote.unwrap().previous_close, None);
    assert_eq!(high.unwrap().price, 94.9005);
    assert_eq!(snapshots[0].high, 94.9005);
    assert_eq!(single, [], "it follows from the factor");
    let [revision] = restated.as_slice() else {
        panic!("{restated:?}")
    };
    assert_eq!((revision.revision, revision.bars), (1, 1));
    assert!((revision.price_factor.unwrap() * 20.0 - 1.0).abs() < 1e-9);
    assert!(desk.quarantine(name).await.is_empty());
    // The same once more: nothing.
    let before = look().await;
    assert_eq!(answer(&desk, name, later, "2025-02-21T11:48:00Z").await, 0);
    assert_eq!(look().await, before);
}

#[tokio::test]
async fn the_recorded_null_row_is_filled_and_the_adjusted_closes_follow() {
    let desk = Desk::new().await;
    let (name, washtec) = ("WSU.DE", symbol("WSU.DE"));
    let later = "restated_WSU.DE_2025-02_backfilled.json";
    answer(
        &desk,
        name,
        "restated_WSU.DE_first_null_row.json",
        "2023-09-04T07:33:00Z",
    )
    .await;
    assert_eq!(desk.bars(name).await.len(), 2);
    answer(&desk, name, later, "2025-02-20T11:48:00Z").await;
    let bars = desk.bars(name).await;
    let dates = bars.iter().map(|bar| bar.trading_date.to_string());
    assert!(dates.eq(["2023-08-04", "2023-08-07", "2023-08-08"]));
    let closes: Vec<(f64, Option<f64>)> = bars.iter().map(|b| (b.close, b.adj_close)).collect();
    let expected = [
        (34.45, Some(32.632_496)),
        (34.0, Some(32.206_234)),
        (33.2, Some(31.448_442)),
    ];
    assert_eq!(closes, expected);
    let look = async || {
        let single = desk.store.bar_revisions(&washtec).await.unwrap();
        let restated = desk.store.series_revisions(&washtec).await.unwrap();
        (single, restated)
    };
    let (single, restated) = look().await;
    assert_eq!(single, []);
    let [revision] = restated.as_slice() else {
        panic!("{restated:?}")
    };
    assert_eq!((revision.bars, revision.price_factor), (2, None));
    assert!((revision.adjusted_factor.unwrap() - 0.947_242).abs() < 1e-6);
    assert_eq!(answer(&desk, name, later, "2025-02-21T11:48:00Z").await, 0);
    assert_eq!(look().await, (single, restated));
    assert!(desk.quarantine(name).await.is_empty());
}

/// A quiet series without events.
fn quiet() -> (String, Vec<Row>) {
    let series = series(7);
    let rows = (0_u8..).zip(&series.rows[..100]).map(|(n, row)| {
        let close = 100.0 + f64::from(n % 9);
        Row {
            open: close,
            high: close + 1.0,
            low: close - 1.0,
            close,
            adjusted: close,
            ..*row
        }
    });
    (series.name, rows.collect())
}

#[tokio::test]
async fn a_split_is_one_revision_of_the_series_and_its_actions_are_kept() {
    let desk = Desk::new().await;
    let (name, rows) = quiet();
    let paid = (rows[40].date, 0.8);
    let meta = |splits: Vec<_>, dividend: f64| Meta {
        splits,
        dividends: vec![(paid.0, dividend)],
        ..Meta::default()
    };
    desk.bars_job(&name, &rows[..95], &meta(vec![], paid.1))
        .await
        .unwrap();
    let split = (rows[95].date, 4.0);
    let after: Vec<Row> = rows.iter().map(|row| row.before_split(0.25)).collect();
    let mut odd = after.clone();
    odd[10].low -= 1.0;
    desk.bars_job(&name, &odd, &meta(vec![split], 0.2))
        .await
        .unwrap();
    let stock = symbol(&name);
    let restated = desk.store.series_revisions(&stock).await.unwrap();
    assert_eq!(restated.len(), 1);
    let revision = &restated[0];
    assert_eq!((revision.bars, revision.exceptions), (95, 1));
    assert_eq!(revision.price_factor, Some(0.25));
    assert_eq!(
        revision.reason.as_deref(),
        Some(format!("split 4:1 on {}", split.0).as_str())
    );
    let single = desk.store.bar_revisions(&stock).await.unwrap();
    assert_eq!(single.len(), 1, "what does not follow from the factor");
    assert_eq!(single[0].trading_date, rows[10].date);
    assert_eq!(single[0].low, Some(rows[10].low));
    let actions = desk.store.actions(&stock).await.unwrap();
    let told: Vec<_> = actions
        .iter()
        .map(|one| {
            (
                one.kind.as_str(),
                one.value,
                one.previous_value,
                one.revision,
            )
        })
        .collect();
    assert_eq!(
        told,
        [("dividend", 0.2, Some(0.8), 1), ("split", 4.0, None, 0)]
    );
    let bars = desk.bars(&name).await;
    assert_eq!(bars.len(), 100);
    let high = desk.store.known(&stock, 1).await.unwrap().high.unwrap();
    assert_eq!(high.price, 109.0 / 4.0);
    let again = desk
        .bars_job(&name, &odd, &meta(vec![split], 0.2))
        .await
        .unwrap();
    assert_eq!(again.rows_written, 0);
    assert_eq!(desk.asked(), 4, "the third answer restates nothing");
}

#[tokio::test]
async fn a_single_correction_keeps_the_old_bar() {
    let desk = Desk::new().await;
    let (name, mut rows) = quiet();
    let none = Meta::default();
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let old = rows[95];
    rows[95].high += 2.5;
    let done = desk.bars_job(&name, &rows, &none).await.unwrap();
    assert_eq!(done.rows_rejected, 0);
    let kept = desk.store.bar_revisions(&symbol(&name)).await.unwrap();
    let [revision] = kept.as_slice() else {
        panic!("{kept:?}")
    };
    assert_eq!((revision.trading_date, revision.revision), (old.date, 0));
    assert_eq!(
        (revision.high, revision.close),
        (Some(old.high), Some(old.close))
    );
    assert_eq!(revision.source.as_deref(), Some("yahoo"));
    assert_eq!(
        desk.bars_job(&name, &rows, &none)
            .await
            .unwrap()
            .rows_written,
        0
    );
    rows[95].high += 0.5;
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let kept = desk.store.bar_revisions(&symbol(&name)).await.unwrap();
    assert_eq!(
        kept.iter().map(|row| row.revision).collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(kept[1].high, Some(old.high + 2.5));
}

#[tokio::test]
async fn an_answer_in_another_unit_is_held_whole_and_a_good_one_settles_it() {
    let desk = Desk::new().await;
    let (name, rows) = quiet();
    let none = Meta::default();
    desk.bars_job(&name, &rows[..98], &none).await.unwrap();
    let stored = desk.bars(&name).await;
    let pence: Vec<Row> = rows[80..].iter().map(|row| row.scaled(100.0)).collect();
    let fault = desk.bars_job(&name, &pence, &none).await.unwrap_err();
    assert_eq!(fault.class.as_str(), "bad_payload");
    assert!(fault.message.contains("unit mix-up"), "{fault}");
    assert_eq!(desk.bars(&name).await, stored);
    let held = desk.told(&name).await;
    assert!(
        held.len() >= 12,
        "ten of the overlap and two new ones: {held:?}"
    );
    assert!(held.iter().all(|row| row.ends_with("V5 held")), "{held:?}");
    desk.bars_job(&name, &rows, &none).await.unwrap();
    let settled = desk.told(&name).await;
    assert!(
        settled.iter().all(|row| row.ends_with("V5 superseded")),
        "{settled:?}"
    );
    assert_eq!(desk.bars(&name).await.len(), 100);
}

#[tokio::test]
async fn a_backfill_is_judged_by_what_is_stored_beside_it() {
    let desk = Desk::new().await;
    let (name, rows) = quiet();
    let none = Meta::default();
    desk.bars_job(&name, &rows[60..], &none).await.unwrap();
    let window = Assignment::Backfill {
        from: rows[20].date,
        to: rows[59].date,
    };
    let pence: Vec<Row> = rows.iter().map(|row| row.scaled(100.0)).collect();
    desk.put(&name, super::body::body(&name, &pence[20..60], &none));
    let fault = desk.perform(window, &name, SATURDAY).await.unwrap_err();
    assert!(fault.message.contains("all 40 rows"), "{fault}");
    let mut mixed = rows[20..60].to_vec();
    mixed[5] = pence[25];
    desk.put(&name, super::body::body(&name, &mixed, &none));
    let done = desk.perform(window, &name, SATURDAY).await.unwrap();
    assert_eq!(done.rows_rejected, 1);
    assert_eq!(desk.bars(&name).await.len(), 79);
    let held = desk.told(&name).await;
    assert_eq!(held.iter().filter(|row| row.ends_with("held")).count(), 1);
    assert_eq!(held.len(), 40);
}

#[tokio::test]
async fn a_backfill_over_a_fresh_split_puts_the_whole_series_on_the_new_scale() {
    let desk = Desk::new().await;
    let (name, rows) = quiet();
    desk.bars_job(&name, &rows[..95], &Meta::default())
        .await
        .unwrap();
    let after: Vec<Row> = rows.iter().map(|row| row.before_split(0.25)).collect();
    let meta = Meta {
        splits: vec![(rows[95].date, 4.0)],
        ..Meta::default()
    };
    desk.put(&name, super::body::body(&name, &after, &meta));
    let window = Assignment::Backfill {
        from: rows[80].date,
        to: rows[99].date,
    };
    desk.perform(window, &name, SATURDAY).await.unwrap();
    let bars = desk.bars(&name).await;
    assert_eq!(bars.len(), 100);
    for (bar, row) in bars.iter().zip(&after) {
        assert_eq!((bar.trading_date, bar.close), (row.date, row.close));
    }
    let stock = symbol(&name);
    assert_eq!(desk.store.series_revisions(&stock).await.unwrap().len(), 1);
}

/// A series from its 40th row until before its 95th, and of the rows before it the 5th to the 9th.
async fn beside_a_piece() -> (Desk, String, Vec<Row>) {
    let desk = Desk::new().await;
    let (name, rows) = quiet();
    let none = Meta::default();
    desk.bars_job(&name, &rows[40..95], &none).await.unwrap();
    let window = Assignment::Backfill {
        from: rows[5].date,
        to: rows[9].date,
    };
    desk.put(&name, super::body::body(&name, &rows[5..10], &none));
    desk.perform(window, &name, SATURDAY).await.unwrap();
    (desk, name, rows)
}

#[tokio::test]
async fn a_piece_before_the_series_goes_to_the_new_scale_or_into_the_trail() {
    for is_sent in [true, false] {
        let (desk, name, rows) = beside_a_piece().await;
        assert_eq!(desk.bars(&name).await.len(), 60);
        let after: Vec<Row> = rows.iter().map(|row| row.before_split(0.25)).collect();
        let after = &after[if is_sent { 5 } else { 40 }..];
        let meta = Meta {
            splits: vec![(rows[95].date, 4.0)],
            ..Meta::default()
        };
        desk.bars_job(&name, after, &meta).await.unwrap();
        let bars = desk.bars(&name).await;
        let stored: Vec<_> = bars
            .iter()
            .map(|bar| (bar.trading_date, bar.close))
            .collect();
        let sent: Vec<_> = after.iter().map(|row| (row.date, row.close)).collect();
        assert_eq!(stored, sent);
        let trail = desk.store.bar_revisions(&symbol(&name)).await.unwrap();
        let gone: Vec<_> = trail
            .iter()
            .map(|old| (old.trading_date, old.close))
            .collect();
        let lost = if is_sent { &rows[..0] } else { &rows[5..10] };
        let lost: Vec<_> = lost.iter().map(|row| (row.date, Some(row.close))).collect();
        assert_eq!(gone, lost);
    }
}

#[tokio::test]
async fn a_dividend_reaches_the_adjusted_closes_of_a_piece_before_the_series() {
    let (desk, name, rows) = beside_a_piece().await;
    let mut after = rows.clone();
    for row in &mut after[..95] {
        row.adjusted *= 0.98;
    }
    let meta = Meta {
        dividends: vec![(rows[95].date, 2.0)],
        ..Meta::default()
    };
    desk.bars_job(&name, &after[5..], &meta).await.unwrap();
    let bars = desk.bars(&name).await;
    assert_eq!(bars.len(), 95);
    for (bar, row) in bars.iter().zip(&after[5..]) {
        assert_eq!(bar.adj_close, row.bar().adj_close, "{}", row.date);
    }
}

#[tokio::test]
async fn no_recorded_answer_is_doubted() {
    let mut seen = 0;
    for recording in recordings() {
        let expected = &recording.expected;
        if expected.outcome != "bars" || expected.granularity != "1d" {
            continue;
        }
        let desk = Desk::new().await;
        let (file, name) = (&recording.file, expected.symbol.as_str());
        desk.put(name, recording.body.clone());
        let job = Assignment::Job(JobKind::AllTimeHigh);
        let done = desk.perform(job, name, SATURDAY).await.unwrap();
        assert_eq!(done.rows_rejected, expected.invalid_rows as u64, "{file}");
        assert_eq!(desk.bars(name).await.len(), expected.valid_rows, "{file}");
        let flagged = desk.quarantine(name).await;
        assert!(
            flagged
                .iter()
                .all(|row| row.rule == "V1" || row.state == "noted"),
            "{file}: {flagged:?}"
        );
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}
