//! The schema and what the database is for.

use finstage::store::reports::{OutcomePart, ProcessReport, Window};
use finstage::store::{RunFilter, StoreError};
use jiff::Timestamp;

use crate::support::database::Database;
use crate::support::values::{at, day, symbol};

pub(super) async fn migrations_are_applied_once(database: Database) {
    let store = database.open().await;
    let pending = store.pending_migrations().await.unwrap();
    assert!(pending >= 11, "{pending}");
    let applied = store.migrate().await.unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), pending);
    assert_eq!(store.migrate().await.unwrap(), 0);
    let again = database.open().await;
    assert_eq!(again.migrate().await.unwrap(), 0);
    assert_eq!(again.pending_migrations().await.unwrap(), 0);
}

pub(super) async fn every_table_can_be_read_when_empty(database: Database) {
    let store = database.migrated().await;
    let apple = symbol("AAPL");
    let known = store.known(&apple, 10).await.unwrap();
    assert!(known.bars.is_empty() && known.quote.is_none());
    assert!(known.instrument.is_none() && known.high.is_none());
    let (from, to) = (day("1900-01-01"), day("2100-01-01"));
    assert!(store.bars(&apple, from, to).await.unwrap().is_empty());
    assert!(store.snapshots(&apple).await.unwrap().is_empty());
    let all = RunFilter {
        limit: 10,
        ..RunFilter::default()
    };
    assert!(store.runs(&all).await.unwrap().is_empty());
    assert!(store.run(1).await.unwrap().is_none());
    assert!(store.tasks(1).await.unwrap().is_empty());
    assert!(store.latest_runs().await.unwrap().is_empty());
    assert!(
        store
            .latest_fires(&[], Timestamp::MAX)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.origin().await.unwrap(), None);
    assert!(store.gaps(None, true).await.unwrap().is_empty());
    assert!(store.symbols().await.unwrap().is_empty());
    assert!(store.delisted().await.unwrap().is_empty());
    let since = Timestamp::UNIX_EPOCH;
    let window = Window::new(since, at("2100-01-01T00:00:00Z"), 10);
    let runs = store.run_report(&window).await.unwrap();
    assert!(runs.schedules.is_empty() && runs.durations.is_empty());
    assert_eq!(runs.outcomes, vec![OutcomePart::default(); 10]);
    let work = store.work_report(&window).await.unwrap();
    assert!(work.durations.is_empty() && work.providers.is_empty());
    let resources = store.resource_report(&window).await.unwrap();
    assert_eq!(resources.total, ProcessReport::default());
    assert_eq!(resources.parts, vec![None; 10]);
    assert!(store.slowest_symbols(since).await.unwrap().is_empty());
    assert!(store.fault_reports(since).await.unwrap().is_empty());
    assert_eq!(store.first_record_since(since).await.unwrap(), None);
}

pub(super) async fn prices_of_another_origin_are_refused(database: Database) {
    let store = database.migrated().await;
    store.claim_origin("simulated").await.unwrap();
    store.claim_origin("simulated").await.unwrap();
    let again = database.open().await;
    let error = again.claim_origin("query1.finance.yahoo.com").await;
    let Err(StoreError::Origin { found, wanted, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (found.as_str(), wanted.as_str()),
        ("simulated", "query1.finance.yahoo.com")
    );
    assert_eq!(store.origin().await.unwrap().as_deref(), Some("simulated"));
}
