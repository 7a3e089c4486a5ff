//! An upstream in memory whose answers depend on the symbol's name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use finstage::clock::Clock;
use finstage::domain::FaultClass;
use finstage::upstream::yahoo::read;
use finstage::upstream::{Budget, Chart, ChartRequest, Fault, Lane, MarketData};
use tokio::sync::{Notify, Semaphore};

use super::world::{SATURDAY, World};
use crate::support::values::at;

/// `PANIC…` panics, `HANG…` never answers, `GATED…` answers when it is let, `FLAKY…` is out of
/// order the first time, `DOWN…` always; others have one bar. `OLD…` must wait in the backfill's
/// lane, others in the live one.
pub(super) struct Moody {
    /// Told when a symbol that hangs or is gated is asked for.
    pub(super) hanging: Notify,
    /// One permit for each answer of a gated symbol.
    pub(super) gate: Semaphore,
    asked: Mutex<HashMap<String, u32>>,
}

impl Moody {
    /// How often a symbol was asked for.
    pub(super) fn asked(&self, name: &str) -> u32 {
        self.asked.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

#[async_trait::async_trait]
impl MarketData for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    async fn chart(&self, request: &ChartRequest, budget: &Budget) -> Result<Chart, Fault> {
        let name = request.symbol.as_str();
        let count = {
            let mut asked = self.asked.lock().unwrap();
            let count = asked.entry(name.to_owned()).or_default();
            *count += 1;
            *count
        };
        assert!(!name.starts_with("PANIC"), "{name} as told");
        let is_backfill = budget.lane() == Lane::Backfill;
        assert_eq!(is_backfill, name.starts_with("OLD"), "{name}'s lane");
        if name.starts_with("HANG") {
            self.hanging.notify_one();
            std::future::pending::<()>().await;
        }
        if name.starts_with("GATED") {
            self.hanging.notify_one();
            self.gate.acquire().await.unwrap().forget();
        }
        if name.starts_with("DOWN") || name.starts_with("FLAKY") && count == 1 {
            return Err(Fault::new(FaultClass::Outage, "out of order".to_owned()));
        }
        let body = format!(
            r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{name}","dataGranularity":"1d",
            "exchangeTimezoneName":"UTC"}},"timestamp":[1795132800],"indicators":{{"quote":[
            {{"open":[1],"high":[1],"low":[1],"close":[1],"volume":[1]}}]}}}}],"error":null}}}}"#
        );
        read(200, body.as_bytes(), request, request.to)
    }
}

pub(super) async fn moody() -> (Arc<Moody>, World) {
    let upstream = Arc::new(Moody {
        hanging: Notify::new(),
        gate: Semaphore::new(0),
        asked: Mutex::default(),
    });
    let clock = Clock::starting_at(at(SATURDAY));
    let world = World::new(Arc::clone(&upstream) as Arc<dyn MarketData>, clock).await;
    (upstream, world)
}
