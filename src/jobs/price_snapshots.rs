//! Job `price_snapshots`: close, high and low of the last completed session, from final bars. Asks
//! the upstream only when no other job has just done so.

use super::freshness::SAME_SESSION;
use super::refresh::{Reach, refresh};
use super::{Done, Services, store_fault};
use crate::domain::Symbol;
use crate::upstream::{Budget, Fault};

pub(super) async fn perform(
    symbol: &Symbol,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let _turn = services.freshness.turn(symbol, budget).await;
    let now = services.clock.now();
    if !services.freshness.is_fresh(symbol, SAME_SESSION, now) {
        return refresh(symbol, Reach::Incremental, services, budget).await;
    }
    let written = services
        .store
        .derive_again(symbol, now)
        .await
        .map_err(store_fault)?;
    Ok(Done {
        rows_written: written.rows(),
        rows_rejected: 0,
    })
}
