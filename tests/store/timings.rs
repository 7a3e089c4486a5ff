//! Since when schedules fire as they do.

use finstage::store::{KnownTiming, Timing};

use crate::support::database::Database;
use crate::support::values::{at, schedule};

pub(super) async fn what_was_known_of_a_timing_is_told_once_it_changes(database: Database) {
    let store = database.migrated().await;
    let [before, first, second, third] =
        ["09:00", "10:00", "11:00", "12:00"].map(|time| at(&format!("2026-11-23T{time}:00Z")));
    let timings = |of_b: &str| {
        let timing = |name: &str, words: &str| Timing {
            schedule: schedule(name),
            words: words.to_owned(),
            since: before,
        };
        [timing("a", "every 1h"), timing("b", of_b)]
    };
    let note = async |of_b: &str, now| store.note_timings(&timings(of_b), now).await.unwrap();
    assert!(note("every 2h", first).await.is_empty(), "all are new");
    let known = note("every 3h", second).await;
    assert_eq!(known[&schedule("a")], KnownTiming::Since(before));
    assert_eq!(known[&schedule("b")], KnownTiming::Changed);
    let known = note("every 3h", third).await;
    assert_eq!(known[&schedule("a")], KnownTiming::Since(before));
    assert_eq!(known[&schedule("b")], KnownTiming::Since(second));
    assert!(store.note_timings(&[], third).await.unwrap().is_empty());
}
