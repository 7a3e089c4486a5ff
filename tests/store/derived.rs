//! What is derived from final bars: snapshots, all-time highs, and how far back they reach.

use finstage::domain::{AllTimeHigh, DailyBar, PriceSnapshot};
use finstage::store::{Answer, Covers, Store, Written};

use super::prices::{high, now, save, save_bars, stored};
use crate::support::database::Database;
use crate::support::values::{answer, bar, day, provisional, symbol};

pub(super) async fn newest_snapshot(store: &Store) -> Option<PriceSnapshot> {
    store
        .snapshots(&symbol("AAPL"))
        .await
        .unwrap()
        .last()
        .copied()
}

pub(super) async fn the_all_time_high_follows_corrections_downwards(database: Database) {
    let store = database.migrated().await;
    let dates = ["2026-11-18", "2026-11-19", "2026-11-20"];
    let [first, spike, last] = [(dates[0], 10.0), (dates[1], 100.0), (dates[2], 10.0)]
        .map(|(date, close)| bar(date, close));
    save_bars(&store, &[first, spike, last]).await;
    assert_eq!(high(&store).await.unwrap().trading_date, day(dates[1]));
    save_bars(&store, &[bar(dates[1], 9.0)]).await;
    let expected = AllTimeHigh {
        price: 11.0,
        trading_date: day(dates[0]),
        covered_from: day(dates[0]),
    };
    assert_eq!(high(&store).await, Some(expected), "the earliest of equals");
    let again = store.derive_again(&symbol("AAPL"), now()).await.unwrap();
    assert_eq!(
        again,
        Written::default(),
        "what is right is not written again"
    );
    assert_eq!(high(&store).await, Some(expected));
}

pub(super) async fn the_snapshot_is_of_the_newest_final_bar(database: Database) {
    let store = database.migrated().await;
    save_bars(
        &store,
        &[
            bar("2026-11-19", 10.0),
            bar("2026-11-20", 11.0),
            provisional("2026-11-23", 50.0),
        ],
    )
    .await;
    let snapshot = async || newest_snapshot(&store).await.unwrap();
    let found = snapshot().await;
    assert_eq!(found.trading_date, day("2026-11-20"));
    assert_eq!((found.close, found.high, found.low), (11.0, 12.0, 10.0));
    save_bars(&store, &[bar("2026-11-23", 51.0)]).await;
    assert_eq!(snapshot().await.close, 51.0);
    save_bars(&store, &[bar("2026-11-02", 7.0)]).await;
    assert_eq!(
        snapshot().await.trading_date,
        day("2026-11-23"),
        "an older bar is no news"
    );
}

pub(super) async fn snapshots_follow_corrections_and_a_restatement_drops_what_it_made_doubtful(
    database: Database,
) {
    let store = database.migrated().await;
    let sessions = |from: i8, factor: f64| -> Vec<DailyBar> {
        (from..=30)
            .map(|d| bar(&format!("2026-10-{d:02}"), f64::from(d) * factor))
            .collect()
    };
    let closes = async || -> Vec<(i8, f64)> {
        let all = store.snapshots(&symbol("AAPL")).await.unwrap();
        all.iter()
            .map(|one| (one.trading_date.day(), one.close))
            .collect()
    };
    save_bars(&store, &sessions(1, 1.0)[..20]).await;
    save_bars(&store, &sessions(12, 1.0)).await;
    let kept = closes().await;
    assert_eq!(
        kept.first(),
        Some(&(6, 6.0)),
        "fifteen before, and all that came since"
    );
    assert_eq!(kept.len(), 25);
    save_bars(
        &store,
        &sessions(25, 1.0)
            .into_iter()
            .map(|b| DailyBar {
                close: b.close + 0.5,
                ..b
            })
            .collect::<Vec<_>>(),
    )
    .await;
    assert_eq!(
        closes().await[19..],
        [
            (25, 25.5),
            (26, 26.5),
            (27, 27.5),
            (28, 28.5),
            (29, 29.5),
            (30, 30.5)
        ]
    );
    save_bars(&store, &sessions(1, 2.0)).await;
    let restated: Vec<(i8, f64)> = (16..=30).map(|d| (d, f64::from(d) * 2.0)).collect();
    assert_eq!(closes().await, restated);
}

pub(super) async fn a_piece_beside_the_series_is_no_part_of_the_all_time_high(database: Database) {
    let store = database.migrated().await;
    let piece = Answer {
        covers: Covers::Unchanged,
        ..answer(&[bar("1990-01-02", 500.0), bar("1990-01-03", 510.0)], None)
    };
    save(&store, "AAPL", &piece).await;
    assert_eq!(high(&store).await, None, "a piece alone is no series");
    save_bars(&store, &[bar("2026-11-19", 10.0), bar("2026-11-20", 11.0)]).await;
    let series = AllTimeHigh {
        price: 12.0,
        trading_date: day("2026-11-20"),
        covered_from: day("2026-11-19"),
    };
    assert_eq!(high(&store).await, Some(series));
    save(&store, "AAPL", &piece).await;
    assert_eq!(high(&store).await, Some(series));
    let joined = answer(&[bar("2026-11-17", 20.0), bar("2026-11-18", 9.0)], None);
    save(&store, "AAPL", &joined).await;
    let longer = AllTimeHigh {
        price: 21.0,
        trading_date: day("2026-11-17"),
        covered_from: day("2026-11-17"),
    };
    assert_eq!(high(&store).await, Some(longer));
}

pub(super) async fn a_restated_series_loses_the_bars_it_no_longer_has(database: Database) {
    let store = database.migrated().await;
    let days = [
        "2026-11-16",
        "2026-11-17",
        "2026-11-18",
        "2026-11-19",
        "2026-11-20",
    ];
    let before: Vec<DailyBar> = days.iter().map(|date| bar(date, 100.0)).collect();
    save_bars(&store, &before).await;
    let mut after: Vec<DailyBar> = days.iter().map(|date| bar(date, 25.0)).collect();
    after.remove(1);
    let restated = Answer {
        covers: Covers::Replaced,
        ..answer(&after, None)
    };
    save(&store, "AAPL", &restated).await;
    assert_eq!(
        stored(&store).await,
        after,
        "a bar of the old scale would be a false high for ever"
    );
    assert_eq!(high(&store).await.unwrap().price, 26.0);
    assert_eq!(save(&store, "AAPL", &restated).await, Written::default());
}
