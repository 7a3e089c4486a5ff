//! Job `daily_bars`: ten years the first time, then what is new with a 10-session overlap.

use super::freshness::SAME_ANSWER;
use super::refresh::{Reach, refresh};
use super::{Done, Services};
use crate::domain::Symbol;
use crate::upstream::{Budget, Fault};

pub(super) async fn perform(
    symbol: &Symbol,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let _turn = services.freshness.turn(symbol, budget).await;
    if services
        .freshness
        .is_fresh(symbol, SAME_ANSWER, services.clock.now())
    {
        return Ok(Done::default());
    }
    refresh(symbol, Reach::Incremental, services, budget).await
}
