//! Signals in the log: only news, once, and taken back.

use super::desk::{Desk, NOW, bar_of, everything, walk};
use crate::faults::log::Heard;
use crate::support::values::day;

/// A bar that breaks out of everything on much volume.
fn outbreak(date: &str, close: f64) -> finstage::domain::DailyBar {
    bar_of(day(date), close * 1.6, 9_000_000)
}

#[tokio::test]
async fn a_first_load_is_one_line_and_new_signals_are_told_once() {
    let heard = Heard::from_now_on();
    let desk = Desk::new(&everything()).await;
    let bars = walk(11, 700);
    desk.save(&bars[..699]).await;
    desk.compute().await;
    let count = desk.signals().await.len();
    assert!(count > 300, "{count}");
    assert_eq!(heard.lines("FS5201").len(), 0, "history is no news");
    let loaded = heard.lines("FS5203");
    assert_eq!(loaded.len(), 1, "{loaded:?}");
    let tallied = format!("symbols_new=1 symbols_corrected=0 signals_raised={count} ");
    assert!(loaded[0].contains(&tallied), "{loaded:?}");
    let before = desk.signals().await;
    desk.save(&[outbreak("2026-11-20", bars[698].close)]).await;
    desk.compute().await;
    let after = desk.signals().await;
    let new: Vec<_> = after.difference(&before).collect();
    assert!(!new.is_empty());
    let told = heard.lines("FS5201");
    assert_eq!(told.len(), new.len(), "{told:?}");
    for (date, kind) in new {
        let words = format!("kind={kind} trading_date={date} ");
        assert!(told.iter().any(|line| line.contains(&words)), "{words}");
    }
    desk.compute().await;
    assert_eq!(heard.lines("FS5201").len(), told.len(), "told again");
    assert_eq!(heard.lines("FS5203").len(), 1, "an everyday run is silent");
    // The bar was wrong.
    desk.save(&bars[699..]).await;
    desk.compute().await;
    let gone = after.difference(&desk.signals().await).count();
    assert_eq!(heard.lines("FS5202").len(), gone);
    assert!(heard.lines("FS5203")[1].contains("symbols_corrected=1"));
    desk.check("in the end").await;
}

#[tokio::test]
async fn signals_of_bars_that_come_weeks_late_are_stored_and_no_news() {
    let heard = Heard::from_now_on();
    let desk = Desk::new(&everything()).await;
    let bars = walk(12, 400);
    desk.save(&bars[..380]).await;
    desk.compute().await;
    desk.save(&bars[380..]).await;
    desk.compute_at("2027-01-15T12:00:00Z").await;
    desk.check("weeks late").await;
    assert_eq!(heard.lines("FS5201").len(), 0);
}

#[tokio::test]
async fn only_the_kinds_a_schedule_wants_told_are() {
    let heard = Heard::from_now_on();
    let mut choice = everything();
    choice.tell = vec!["golden_cross"];
    let desk = Desk::new(&choice).await;
    let bars = walk(13, 400);
    desk.save(&bars[..399]).await;
    desk.compute().await;
    let before = desk.signals().await.len();
    desk.save(&[outbreak("2026-11-20", bars[398].close)]).await;
    desk.compute_at(NOW).await;
    assert!(desk.signals().await.len() > before);
    let told = heard.lines("FS5201");
    assert!(
        told.iter().all(|line| line.contains("kind=golden_cross ")),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_gone_on_from_and_bars_that_are_refused_are_told() {
    let heard = Heard::from_now_on();
    let desk = Desk::new(&everything()).await;
    let mut bars = walk(14, 400);
    bars[200] = bar_of(bars[200].trading_date, 1e19, 5);
    desk.save(&bars[..399]).await;
    desk.compute().await;
    let refused = heard.lines("FS5205");
    assert_eq!(refused.len(), 1);
    let date = bars[200].trading_date;
    assert!(
        refused[0].contains(&format!("bars=1 first_date={date} ")),
        "{refused:?}"
    );
    desk.spoil("UPDATE indicator_latest SET anchors = 'gone'")
        .await;
    desk.save(&bars[399..]).await;
    desk.compute().await;
    assert_eq!(heard.lines("FS5204").len(), 1);
    desk.check("told").await;
}
