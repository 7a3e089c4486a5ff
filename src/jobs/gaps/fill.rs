//! Job `fill_gaps`: one request for the window that spans a symbol's due gaps. Of the answer only
//! those sessions are kept: nothing that is stored is touched.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::super::identity::check_identity;
use super::super::keep::{Judged, Keep, store};
use super::super::refresh::{KNOWN_BARS, Reach, refresh, start_of_date};
use super::super::splice::{self, Standing};
use super::super::{Done, Services, store_fault};
use crate::domain::{FaultClass, Symbol};
use crate::store::Covers;
use crate::telemetry::events;
use crate::upstream::{Budget, Chart, ChartRequest, Fault};

/// Longest window of one request: ten years. What is due beyond is asked for by the next run.
const WINDOW_DAYS: i64 = 3_660;

/// Days asked for on each side: their stored bars tell whether the answer has the stored scale.
const MARGIN_DAYS: i64 = 7;

/// From the start of a date in the easternmost zone to its end in the westernmost.
const WORLD_DAY: SignedDuration = SignedDuration::from_hours(14 + 24 + 12);

pub(in crate::jobs) async fn perform(
    symbol: &Symbol,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let _turn = services.freshness.turn(symbol, budget).await;
    let now = services.clock.now();
    let due = services.store.due_gaps(symbol, now).await;
    let mut due = due.map_err(store_fault)?;
    let Some(oldest) = due.first().copied() else {
        return Ok(Done::default());
    };
    due.retain(|date| days_between(oldest, *date) <= WINDOW_DAYS);
    let newest = due.last().copied().unwrap_or(oldest);
    let margin = jiff::Span::new().days(MARGIN_DAYS);
    let window = (oldest.saturating_sub(margin), newest.saturating_add(margin));
    let end = start_of_date(window.1)
        .saturating_add(WORLD_DAY)
        .unwrap_or(now);
    let request = ChartRequest {
        symbol: symbol.clone(),
        from: start_of_date(window.0),
        to: end.min(now),
    };
    let done = match services.upstream.chart(&request, budget).await {
        Ok(chart) => keep(symbol, chart, &due, window, services, budget).await,
        // It knows the symbol and has nothing there: that is an answer, too.
        Err(fault) if fault.class == FaultClass::NoData => Ok(Done::default()),
        Err(fault) => Err(fault),
    };
    // An answer that cannot be used is one: asked again and again it stays what it is.
    let is_answer = |fault: &Fault| {
        use FaultClass::{BadPayload, NotFound, Refused};
        matches!(fault.class, BadPayload | NotFound | Refused)
    };
    if done.as_ref().err().is_none_or(is_answer) {
        settle(symbol, &due, services).await?;
    }
    done
}

/// Stores the due sessions of an answer. When all it repeats differs from what is stored, the
/// series was restated: then the ordinary way is gone, which fetches it whole.
async fn keep(
    symbol: &Symbol,
    mut chart: Chart,
    due: &[Date],
    (from, to): (Date, Date),
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let known = services.store.known(symbol, KNOWN_BARS).await;
    let known = known.map_err(store_fault)?;
    let standing = splice::standing(&chart, budget.providers(), &known);
    let stored = services.store.bars(symbol, from, to).await;
    let stored = stored.map_err(store_fault)?;
    if standing == Standing::Fills {
        splice::fits_window(&chart, &known, &stored)?;
    } else if splice::is_on_another_scale(&chart.bars, &stored) {
        return Box::pin(refresh(symbol, Reach::Incremental, services, budget)).await;
    }
    check_identity(symbol, &chart, &known, services).await?;
    chart.bars.retain(|bar| bar.is_final);
    let judged = Judged::new(symbol, chart, &known, &stored, services)
        .standing(standing)
        .only(|date| due.binary_search(&date).is_ok());
    let rows_rejected = judged.rows_kept_out();
    let has_bars = judged.has_bars();
    if !has_bars && rows_rejected == 0 {
        return Ok(Done::default());
    }
    let keep = Keep::Piece(Covers::Unchanged);
    match store(symbol, judged, &known, keep, services).await {
        // It came and cannot be stored: no fault of this request's, and not a bar.
        Err(fault) if fault.class == FaultClass::BadPayload && !has_bars => Ok(Done {
            rows_written: 0,
            rows_rejected,
        }),
        done => done,
    }
}

/// Notes which of the sessions are there now, and that the others were asked for.
async fn settle(symbol: &Symbol, due: &[Date], services: &Services) -> Result<(), Fault> {
    let (Some(first), Some(last)) = (due.first(), due.last()) else {
        return Ok(());
    };
    let stored = services.store.final_sessions(symbol, *first, *last).await;
    let stored = stored.map_err(store_fault)?;
    let (filled, missing): (Vec<Date>, Vec<Date>) =
        due.iter().partition(|date| stored.contains(date));
    let now = services.clock.now();
    let noted = services
        .store
        .gaps_asked(symbol, &missing, &filled, now)
        .await;
    let confirmed = noted.map_err(store_fault)?;
    if confirmed > 0 {
        events::DataNoTradeConfirmed {
            symbol: symbol.as_str(),
            sessions: confirmed,
        }
        .emit();
    }
    Ok(())
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_counted_over_months() {
        assert_eq!(days_between(date(2026, 2, 27), date(2026, 3, 2)), 3);
        assert_eq!(days_between(date(2016, 1, 1), date(2026, 1, 1)), 3_653);
    }
}
