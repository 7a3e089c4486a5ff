//! What can happen to a series.

use std::time::Duration;

use finstage::domain::IndicatorChoice;
use finstage::jobs::Perform as _;
use finstage::store::SignalFilter;
use finstage::upstream::Budget;

use super::desk::{Desk, bar_of, everything, walk};
use crate::support::values::{provisional, symbol};

#[tokio::test]
async fn however_the_bars_come_and_the_process_restarts_every_bit_is_that_of_one_pass() {
    let desk = Desk::new(&everything()).await;
    let bars = walk(1, 1_250);
    let mut before = 0;
    // Short of every window, a bar at a time, over the base's age, and much at once.
    for until in [12, 13, 290, 291, 292, 420, 421, 1_000, 1_001, 1_002, 1_250] {
        desk.save(&bars[before..until]).await;
        let done = desk.compute().await;
        assert!(done.rows_written > 0, "{until}");
        desk.check(&format!("{until} bars")).await;
        let again = desk.compute().await;
        assert_eq!(again.rows_written, 0, "{until}: nothing is new");
        before = until;
    }
}

#[tokio::test]
async fn a_new_bar_writes_its_own_rows_and_a_provisional_one_none() {
    let desk = Desk::new(&everything()).await;
    let bars = walk(2, 800);
    desk.save(&bars[..799]).await;
    desk.compute().await;
    let forming = provisional("2026-11-20", bars[798].close);
    desk.save(&[forming]).await;
    assert_eq!(desk.compute().await.rows_written, 0);
    desk.check("while it is forming").await;
    let before = desk.signals().await.len() as u64;
    desk.save(&bars[799..]).await;
    let done = desk.compute().await;
    let raised = desk.signals().await.len() as u64 - before;
    assert_eq!(done.rows_written, raised + 2, "its values, and the newest");
    desk.check("once it is final").await;
}

#[tokio::test]
async fn a_corrected_bar_changes_what_a_rebuild_would_and_signals_come_and_go_with_it() {
    let desk = Desk::new(&everything()).await;
    let bars = walk(3, 900);
    desk.save(&bars).await;
    desk.compute().await;
    // Young, older than the base, and in the first windows.
    for place in [895, 899, 700, 20] {
        let before = desk.signals().await;
        let mut wrong = bars[place];
        wrong.close *= 1.4;
        wrong.high *= 1.4;
        desk.save(&[wrong]).await;
        let done = desk.compute().await;
        desk.check(&format!("bar {place} corrected")).await;
        let after = desk.signals().await;
        assert_ne!(
            before, after,
            "bar {place}: a jump of 40 % raises something"
        );
        if place >= 895 {
            assert!(done.rows_written < 100, "only what the correction touched");
        }
        let all = SignalFilter {
            with_withdrawn: true,
            ..SignalFilter::default()
        };
        let withdrawn = desk.store.signals(&all).await.unwrap();
        let withdrawn = withdrawn.iter().filter(|row| row.withdrawn_at.is_some());
        let gone = before.difference(&after).count();
        assert!(withdrawn.count() >= gone, "nothing is lost");
        desk.save(&[bars[place]]).await;
        desk.compute().await;
        desk.check(&format!("bar {place} as it was")).await;
        assert_eq!(desk.signals().await, before, "bar {place}");
    }
}

#[tokio::test]
async fn bars_that_go_or_come_in_the_middle_are_noticed() {
    let desk = Desk::new(&everything()).await;
    let bars = walk(4, 700);
    let mut gappy = bars.clone();
    gappy.remove(300);
    desk.save(&gappy).await;
    desk.compute().await;
    desk.save(&bars[300..301]).await;
    desk.compute().await;
    desk.check("a gap filled").await;
    let mut fewer = bars.clone();
    fewer.remove(680);
    desk.replace(&fewer).await;
    desk.compute().await;
    desk.check("a bar gone").await;
    // One goes and another comes: as many bars as before, none corrected.
    let mut others = fewer.clone();
    others[690] = bar_of(bars[680].trading_date, 50.0, 10);
    others.sort_by_key(|bar| bar.trading_date);
    desk.replace(&others).await;
    desk.compute().await;
    desk.check("a bar changed places").await;
    let halved: Vec<_> = others
        .iter()
        .map(|bar| bar_of(bar.trading_date, bar.close / 2.0, 7))
        .collect();
    desk.replace(&halved).await;
    desk.compute().await;
    desk.check("a split").await;
}

#[tokio::test]
async fn a_bar_no_indicator_takes_leaves_the_state_as_it_was() {
    let desk = Desk::new(&everything()).await;
    let mut bars = walk(5, 500);
    // More than can be summed exactly.
    for place in [120, 498] {
        bars[place] = bar_of(bars[place].trading_date, 1e19, 5);
    }
    desk.save(&bars[..498]).await;
    assert_eq!(desk.compute().await.rows_rejected, 1);
    desk.check("one within").await;
    desk.save(&bars[498..499]).await;
    assert_eq!(desk.compute().await.rows_rejected, 2, "from the first bar");
    desk.check("one at the end").await;
    desk.save(&bars[499..]).await;
    assert_eq!(desk.compute().await.rows_rejected, 0);
    desk.check("a good one after it").await;
}

#[tokio::test]
async fn history_that_is_wanted_later_is_filled_and_kept_up_by_whoever_computes() {
    let newest_only = IndicatorChoice::default();
    let mut desk = Desk::new(&newest_only).await;
    let bars = walk(6, 600);
    desk.save(&bars[..590]).await;
    desk.compute().await;
    let rows = async |desk: &Desk| {
        let latest = desk.store.latest_indicators(&symbol("AAPL")).await.unwrap();
        let id = latest[0].set_id.clone();
        let kept = desk.store.indicator_rows(&symbol("AAPL"), &id, None).await;
        kept.unwrap().len()
    };
    assert_eq!(rows(&desk).await, 0);
    desk.want(&everything());
    desk.compute().await;
    desk.check("wanted").await;
    assert_eq!(rows(&desk).await, 590);
    desk.want(&newest_only);
    desk.save(&bars[590..]).await;
    desk.compute().await;
    assert_eq!(rows(&desk).await, 600, "a hole would be worse");
    desk.check("kept up").await;
}

#[tokio::test]
async fn processes_that_compute_one_symbol_at_once_leave_what_one_leaves() {
    let desk = Desk::new(&everything()).await;
    desk.save(&walk(7, 450)).await;
    let twins = [desk.twin().await, desk.twin().await, desk.twin().await];
    let apple = symbol("AAPL");
    let runs = twins.iter().map(|(services, job)| {
        let apple = apple.clone();
        async move {
            let budget = Budget::starting_now(Duration::from_mins(1), std::sync::Arc::default());
            services.perform(*job, &apple, &budget).await.unwrap()
        }
    });
    let done = futures_util::future::join_all(runs).await;
    let who_wrote = done.iter().filter(|done| done.rows_written > 0).count();
    assert_eq!(who_wrote, 1, "{done:?}");
    desk.check("three at once").await;
}

#[tokio::test]
async fn a_state_that_does_not_fit_its_bars_is_not_gone_on_from() {
    let desk = Desk::new(&everything()).await;
    let bars = walk(8, 500);
    desk.save(&bars[..499]).await;
    desk.compute().await;
    // Without a revision: nothing but the bars themselves tells of it.
    desk.spoil("UPDATE daily_bars SET close = close + 1 WHERE trading_date = '2026-11-10'")
        .await;
    desk.save(&bars[499..]).await;
    desk.compute().await;
    desk.check("changed behind its back").await;
    desk.spoil("UPDATE indicator_latest SET anchors = 'anchors0 ff', last_date = '2026-11-19'")
        .await;
    desk.compute().await;
    desk.check("an unreadable state").await;
}
