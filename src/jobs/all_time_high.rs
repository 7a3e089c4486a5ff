//! Job `all_time_high`: the highest final high since the first trade. Fetches the whole history
//! once, then keeps up with what is new.

use jiff::civil::Date;

use super::freshness::SAME_SESSION;
use super::refresh::{KNOWN_BARS, Reach, refresh};
use super::{Done, Services, store_fault};
use crate::domain::Symbol;
use crate::store::Known;
use crate::upstream::{Budget, Fault};

/// The first bar may come this many days after the first trade date the upstream states.
const FIRST_BAR_SLACK_DAYS: i64 = 10;

pub(super) async fn perform(
    symbol: &Symbol,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let _turn = services.freshness.turn(symbol, budget).await;
    let known = services
        .store
        .known(symbol, KNOWN_BARS)
        .await
        .map_err(store_fault)?;
    let now = services.clock.now();
    let is_complete = services.freshness.has_whole_history(symbol) || covers_everything(&known);
    if !is_complete {
        return refresh(symbol, Reach::Everything, services, budget).await;
    }
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

fn covers_everything(known: &Known) -> bool {
    let first_trade: Option<Date> = known
        .instrument
        .as_ref()
        .and_then(|instrument| instrument.first_trade_date);
    match (first_trade, known.high) {
        (Some(first), Some(high)) => {
            let slack = jiff::Span::new().days(FIRST_BAR_SLACK_DAYS);
            high.covered_from <= first.saturating_add(slack)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::AllTimeHigh;
    use crate::store::Instrument;

    #[test]
    fn ten_years_are_not_everything_unless_the_symbol_is_that_young() {
        let known = |first: Option<Date>, covered_from: Date| Known {
            instrument: Some(Instrument {
                first_trade_date: first,
                ..Instrument::default()
            }),
            high: Some(AllTimeHigh {
                price: 1.0,
                trading_date: covered_from,
                covered_from,
            }),
            ..Known::default()
        };
        let ten_years_ago = date(2016, 11, 22);
        assert!(!covers_everything(&known(
            Some(date(1980, 12, 12)),
            ten_years_ago
        )));
        assert!(covers_everything(&known(
            Some(date(2016, 11, 18)),
            ten_years_ago
        )));
        assert!(!covers_everything(&known(None, ten_years_ago)));
        assert!(!covers_everything(&Known::default()));
    }
}
