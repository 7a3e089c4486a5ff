//! Connections: whatever becomes of those who use them, they come back.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use finstage::domain::Symbol;
use finstage::store::{Known, Store};

use crate::support::database::Database;
use crate::support::values::{answer, at, bar, symbol};

const NOW: &str = "2026-11-20T22:00:00Z";

/// Waits until nobody uses a connection; what was given up gives its own back in the background.
async fn until_idle(store: &Store) -> bool {
    let busy = || -> u32 { store.connections().iter().map(|pool| pool.busy).sum() };
    let idle = async {
        while busy() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), idle)
        .await
        .is_ok()
}

/// Gives up where `future` has to wait for the time after `waits` others; whether it had to.
async fn is_cut_off<F: Future>(future: F, mut waits: u64) -> bool {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(false),
        Poll::Pending if waits == 0 => Poll::Ready(true),
        Poll::Pending => {
            waits -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_lost_by_those_who_give_up_or_fail_in_the_middle() {
    let database = Database::sqlite();
    let store = database.migrated().await;
    let bars = [bar("2026-11-19", 10.0), bar("2026-11-20", 11.0)];
    let answer = answer(&bars, None);
    let known = Known::default();
    let (mut writes_cut, mut reads_cut) = (0, 0);
    for round in 0..200_u64 {
        let name: Symbol = symbol(&format!("S{}", round % 7));
        // At another place each time, mostly within the transaction.
        let write = store.save(&name, &answer, &known, at(NOW));
        writes_cut += u32::from(is_cut_off(write, round % 12).await);
        let read = store.known(&name, 12);
        reads_cut += u32::from(is_cut_off(read, round % 3).await);
    }
    assert!(writes_cut >= 100, "{writes_cut} writes were cut off");
    assert!(reads_cut >= 50, "{reads_cut} reads were cut off");
    assert!(until_idle(&store).await, "{:?}", store.connections());
    // Nothing half done stands there, and the writer is free.
    for n in 0..7 {
        let name = symbol(&format!("S{n}"));
        let stored = store.known(&name, 12).await.unwrap();
        assert!([0, 2].contains(&stored.bars.len()), "{stored:?}");
        store.save(&name, &answer, &known, at(NOW)).await.unwrap();
        assert_eq!(store.known(&name, 12).await.unwrap().bars.len(), 2);
    }
    assert!(until_idle(&store).await, "{:?}", store.connections());
}
