//! The calendars of 25 markets, kept in the program: `docs/calendars.md` says how far they reach.

mod instrument;
mod table;

use std::sync::{Arc, OnceLock};

pub use instrument::Book;

use crate::domain::SessionCalendar;

/// One market's table, and what it says once somebody has asked.
struct Market {
    code: &'static str,
    table: &'static str,
    parsed: OnceLock<Option<Arc<SessionCalendar>>>,
}

macro_rules! markets {
    ($($code:literal)*) => {
        [$(Market {
            code: $code,
            table: include_str!(concat!("data/", $code, ".tsv")),
            parsed: OnceLock::new(),
        }),*]
    };
}

static MARKETS: [Market; 25] = markets! {
    "BVMF" "CMES" "XAMS" "XASX" "XBOM" "XCSE" "XETR" "XHEL" "XHKG" "XJSE" "XKRX" "XLON" "XMAD"
    "XMIL" "XNYS" "XOSL" "XPAR" "XSES" "XSHG" "XSTO" "XSWX" "XTAI" "XTKS" "XTSE" "us_futures"
};

/// The calendar of a market by its code (ISO 10383, `CMES` and `us_futures` aside), read on first
/// use; `None` for another code, or where the system does not know the market's time zone.
pub fn market(code: &str) -> Option<Arc<SessionCalendar>> {
    let market = MARKETS.iter().find(|market| market.code == code)?;
    market
        .parsed
        .get_or_init(|| table::parse(market.code, market.table).ok().map(Arc::new))
        .clone()
}

/// The codes [`market`] knows, in alphabetical order.
pub fn codes() -> Vec<&'static str> {
    MARKETS.iter().map(|market| market.code).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::Day;

    #[test]
    fn every_table_kept_in_the_program_can_be_read() {
        for entry in &MARKETS {
            let calendar = table::parse(entry.code, entry.table)
                .unwrap_or_else(|error| panic!("{}: {error}", entry.code));
            assert_eq!(calendar.code(), entry.code);
            let through = match entry.code {
                "XSHG" | "XBOM" | "XSES" => date(2026, 12, 31),
                _ => date(2028, 12, 31),
            };
            assert_eq!(calendar.valid_through(), Some(through), "{}", entry.code);
            assert!(calendar.regular_hours(date(2026, 1, 1)).is_some());
            assert_eq!(market(entry.code).as_deref(), Some(&calendar));
        }
    }

    #[test]
    fn the_codes_are_in_order_without_repetition() {
        assert!(codes().is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_market_is_read_once_and_shared() {
        let (first, second) = (market("XNYS").unwrap(), market("XNYS").unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        assert!(market("xnys").is_none());
        assert!(market("").is_none());
    }

    #[test]
    fn a_calendar_of_ones_own_can_begin_with_a_market() {
        let closed = date(2026, 11, 25);
        let own = SessionCalendar::clone(&market("XNYS").unwrap())
            .with_code("desk")
            .with_day(closed, Day::Closed);
        assert_eq!(own.code(), "desk");
        assert!(!own.has_session(closed));
        assert!(market("XNYS").unwrap().has_session(closed));
    }
}
