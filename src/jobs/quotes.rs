//! Job `quotes`: the latest price. Symbols whose bars are kept get those brought up to date by the
//! same answer.

use jiff::tz::TimeZone;

use super::freshness::SAME_ANSWER;
use super::identity::check_identity;
use super::keep::{Judged, Keep, store};
use super::refresh::{KNOWN_BARS, Reach, refresh};
use super::splice;
use super::{Done, Services, store_fault};
use crate::domain::{FaultClass, Symbol};
use crate::upstream::{Budget, Fault, LatestRequest};

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
    if services.upstream.gives_latest(budget) {
        let told = by_batch(symbol, services, budget).await;
        let is_bad = told
            .as_ref()
            .is_err_and(|fault| fault.class == FaultClass::BadPayload);
        if is_bad {
            // Asked again, the upstream is to answer anew.
            services.upstream.forget(symbol);
        }
        if let Some(done) = told? {
            return Ok(done);
        }
    }
    refresh(symbol, Reach::LatestPrice, services, budget).await
}

/// The price alone, where the provider gives it cheaper than a chart; bars are left to other jobs.
async fn by_batch(
    symbol: &Symbol,
    services: &Services,
    budget: &Budget,
) -> Result<Option<Done>, Fault> {
    let known = services
        .store
        .known(symbol, KNOWN_BARS)
        .await
        .map_err(store_fault)?;
    let zone = known
        .instrument
        .as_ref()
        .and_then(|instrument| TimeZone::get(&instrument.timezone).ok());
    let request = LatestRequest {
        symbol: symbol.clone(),
        zone,
    };
    let Some(chart) = services.upstream.latest(&request, budget).await else {
        return Ok(None);
    };
    check_identity(symbol, &chart, &known, services).await?;
    let standing = splice::standing(&chart, budget.providers(), &known);
    let judged = Judged::new(symbol, chart, &known, &known.bars, services).standing(standing);
    if judged.has_doubtful_quote(&known) {
        // A split as a rule: the chart tells, and not one of before.
        services.upstream.forget(symbol);
        return Ok(None);
    }
    let done = store(symbol, judged, &known, Keep::Quote, services).await?;
    Ok(Some(done))
}
