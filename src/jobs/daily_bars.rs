//! Job `daily_bars`: ten years the first time, then what is new with a 10-session overlap.

use super::refresh::{Reach, refresh};
use super::{Done, Services};
use crate::domain::Symbol;
use crate::upstream::{Budget, Fault};

pub(super) async fn perform(
    symbol: &Symbol,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    refresh(symbol, Reach::Incremental, services, budget).await
}
