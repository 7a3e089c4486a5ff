//! The session before that of the latest price: what the price is compared with.

use jiff::civil::Date;

use super::{Services, store_fault};
use crate::domain::{DailyBar, GapState, PriceSnapshot, SessionCalendar, Symbol};
use crate::store::Known;
use crate::upstream::{Chart, Fault};

/// Two statements of the same close differ by less, relative.
const SAME_CLOSE: f64 = 1e-4;

/// The session before that of the answer's price. None when a session in between lacks its bar: an
/// earlier close is not the previous one, except where that session is known to be without trade.
pub(super) async fn previous_session(
    symbol: &Symbol,
    chart: &Chart,
    known: &Known,
    calendar: Option<&SessionCalendar>,
    services: &Services,
) -> Result<Option<PriceSnapshot>, Fault> {
    let (Some(date), Some(previous)) = (date_of_price(chart), newest_before(chart, known)) else {
        return Ok(None);
    };
    let lacking = calendar.map_or_else(Vec::new, |calendar| {
        sessions_between(calendar, previous.trading_date, date)
    });
    let (Some(first), Some(last)) = (lacking.first(), lacking.last()) else {
        return Ok(Some(previous));
    };
    let states = services.store.gap_states(symbol, *first, *last).await;
    let states = states.map_err(store_fault)?;
    let is_idle = |date| states.get(date) == Some(&GapState::ConfirmedNoTrade);
    Ok(lacking.iter().all(is_idle).then_some(previous))
}

/// Sessions after `from` and before `to`, as far as the calendar knows the days.
fn sessions_between(calendar: &SessionCalendar, from: Date, to: Date) -> Vec<Date> {
    let known = calendar.valid_through().unwrap_or(Date::MAX);
    let days = std::iter::successors(from.tomorrow().ok(), |date| date.tomorrow().ok());
    days.take_while(|date| *date < to && *date <= known)
        .filter(|date| calendar.has_session(*date))
        .collect()
}

fn date_of_price(chart: &Chart) -> Option<Date> {
    let latest = chart.price?;
    Some(chart.zone.to_datetime(latest.market_time).date())
}

/// The newest completed session before that of the answer's price, of those at hand.
pub(super) fn newest_before(chart: &Chart, known: &Known) -> Option<PriceSnapshot> {
    let date = date_of_price(chart)?;
    let bar = last_final_before(&chart.bars, &known.bars, date)?;
    // An answer without bars says what the session before closed at: is the stored one that one?
    let stated = chart.price.and_then(|latest| latest.previous_close);
    if stated.is_some_and(|close| (close / bar.close - 1.0).abs() > SAME_CLOSE) {
        return None;
    }
    Some(PriceSnapshot {
        trading_date: bar.trading_date,
        close: bar.close,
        high: bar.high,
        low: bar.low,
    })
}

/// The last final bar before `date`, of those just sent or those stored; what was just sent wins
/// for the same session, because the upstream may have corrected it.
fn last_final_before(sent: &[DailyBar], stored: &[DailyBar], date: Date) -> Option<DailyBar> {
    let last = |bars: &[DailyBar]| {
        bars.iter()
            .rev()
            .find(|bar| bar.is_final && bar.trading_date < date)
            .copied()
    };
    // Of equal dates `max_by_key` takes the last.
    let newest = [last(stored), last(sent)].into_iter().flatten();
    newest.max_by_key(|bar| bar.trading_date)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::calendar;
    use crate::jobs::restatement::tests::{bar, known};

    #[test]
    fn the_previous_close_is_the_last_final_one_before_the_quotes_session() {
        let forming = DailyBar {
            is_final: false,
            ..bar(8, 130.0)
        };
        let previous_close = |sent: &[DailyBar], stored: &[DailyBar], date| {
            last_final_before(sent, stored, date).map(|bar| bar.close)
        };
        let sent = [bar(7, 120.0), forming];
        assert_eq!(previous_close(&sent, &[], date(2026, 1, 8)), Some(120.0));
        assert_eq!(
            previous_close(&[forming], &known().bars, date(2026, 1, 8)),
            Some(120.0)
        );
        assert_eq!(previous_close(&[], &[], date(2026, 1, 8)), None);
        let split = [bar(7, 30.0)];
        let after = previous_close(&split, &known().bars, date(2026, 1, 8));
        assert_eq!(
            after,
            Some(30.0),
            "what was just sent is newer than what is stored"
        );
    }

    #[test]
    fn sessions_of_which_no_bar_is_there_lie_between() {
        let nyse = calendar::market("XNYS").unwrap();
        let between = |from, to| sessions_between(&nyse, from, to);
        assert_eq!(between(date(2026, 1, 6), date(2026, 1, 7)), []);
        assert_eq!(
            between(date(2026, 1, 6), date(2026, 1, 12)),
            [7, 8, 9].map(|day| date(2026, 1, day))
        );
        // A weekend and Martin Luther King's day.
        assert_eq!(between(date(2026, 1, 16), date(2026, 1, 20)), []);
        assert_eq!(between(date(2026, 1, 6), date(2026, 1, 6)), []);
        let ended = (*nyse).clone().with_valid_through(date(2026, 1, 8));
        let known = sessions_between(&ended, date(2026, 1, 6), date(2026, 1, 12));
        assert_eq!(known, [7, 8].map(|day| date(2026, 1, day)));
    }
}
