//! Which market an instrument trades at, by the code its provider gives the exchange.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;

use super::market;
use crate::domain::{Hours, SessionCalendar};

/// Trades every day, around the clock: crypto.
const ALWAYS: &str = "24/7";

/// Trades around the clock from Monday to Friday: currencies.
const WEEKDAYS: &str = "24/5";

/// Yahoo's exchange codes and the market whose days they share. Left out on purpose: exchanges
/// without a table of ours, floors that close much later than the main market (Frankfurt,
/// Stuttgart …), and futures, whose bars on holidays differ by product.
const EXCHANGES: &[(&str, &[&str])] = &[
    ("BVMF", &["SAO"]),
    ("XAMS", &["AMS"]),
    ("XASX", &["ASX"]),
    ("XBOM", &["BSE", "NSI"]),
    ("XCSE", &["CPH"]),
    ("XETR", &["GER"]),
    ("XHEL", &["HEL"]),
    ("XHKG", &["HKG"]),
    ("XJSE", &["JNB"]),
    ("XKRX", &["KSC", "KOE"]),
    ("XLON", &["LSE", "IOB", "FGI"]),
    ("XMAD", &["MCE", "MAD"]),
    ("XMIL", &["MIL"]),
    (
        "XNYS",
        &[
            "NMS", "NYQ", "NGM", "NCM", "NAS", "NIM", "ASE", "PCX", "BTS", "PNK", "OQB", "OQX",
            "OEM", "SNP", "DJI", "WCB", "CXI",
        ],
    ),
    ("XOSL", &["OSL"]),
    // Euronext's markets share their trading days.
    ("XPAR", &["PAR", "BRU", "LIS"]),
    ("XSES", &["SES"]),
    ("XSHG", &["SHH", "SHZ"]),
    ("XSTO", &["STO"]),
    ("XSWX", &["EBS"]),
    ("XTAI", &["TAI", "TWO"]),
    ("XTKS", &["JPX", "OSA", "FKA", "SAP"]),
    ("XTSE", &["TOR", "VAN", "NEO", "CNQ"]),
];

/// The calendars by code: the operator's own over those kept in the program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book(BTreeMap<String, Arc<SessionCalendar>>);

impl Book {
    /// A book with calendars of the operator's own.
    pub fn new(own: BTreeMap<String, Arc<SessionCalendar>>) -> Self {
        Self(own)
    }

    /// The calendar of that code.
    pub fn get(&self, code: &str) -> Option<Arc<SessionCalendar>> {
        self.0.get(code).cloned().or_else(|| market(code))
    }

    /// The calendar of an instrument, by what its provider says of it: type (`EQUITY`,
    /// `CRYPTOCURRENCY` …), exchange code, and zone, in which its trading dates are told. `None`
    /// when the exchange is not known.
    pub fn of_instrument(
        &self,
        instrument_type: Option<&str>,
        exchange: Option<&str>,
        zone: &str,
    ) -> Option<Arc<SessionCalendar>> {
        let around_the_clock = |code: &str, weekdays: &[Weekday]| {
            let built_in = || around_the_clock(code, zone, weekdays);
            self.0.get(code).cloned().or_else(built_in)
        };
        match instrument_type {
            Some("CRYPTOCURRENCY") => around_the_clock(ALWAYS, &EVERY_DAY),
            Some("CURRENCY") => around_the_clock(WEEKDAYS, &SessionCalendar::MONDAY_TO_FRIDAY),
            _ => self.get(code_of(exchange?)?),
        }
    }
}

const EVERY_DAY: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// The code of the market an exchange shares its days with.
fn code_of(exchange: &str) -> Option<&'static str> {
    let has_it = |codes: &&[&str]| codes.contains(&exchange);
    let found = EXCHANGES.iter().find(|(_, codes)| has_it(codes));
    found.map(|(code, _)| *code)
}

/// From midnight to the last minute, as providers tell such days.
fn around_the_clock(code: &str, zone: &str, weekdays: &[Weekday]) -> Option<Arc<SessionCalendar>> {
    let zone = TimeZone::get(zone).ok()?;
    let hours = Hours {
        open: time(0, 0, 0, 0),
        close: time(23, 59, 0, 0),
    };
    let calendar = SessionCalendar::new(code, zone, weekdays.iter().copied());
    Some(Arc::new(calendar.with_regular_hours(Date::MIN, hours)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;
    use crate::domain::Day;

    fn told(instrument_type: &str, exchange: &str, zone: &str) -> Option<String> {
        let book = Book::default();
        let found = book.of_instrument(Some(instrument_type), Some(exchange), zone);
        found.map(|calendar| calendar.code().to_owned())
    }

    #[test]
    fn an_exchange_code_tells_the_market() {
        for (exchange, zone, code) in [
            ("NMS", "America/New_York", "XNYS"),
            ("NYQ", "America/New_York", "XNYS"),
            ("KSC", "Asia/Seoul", "XKRX"),
            ("KOE", "Asia/Seoul", "XKRX"),
            ("LSE", "Europe/London", "XLON"),
            ("GER", "Europe/Berlin", "XETR"),
            ("JPX", "Asia/Tokyo", "XTKS"),
            ("HKG", "Asia/Hong_Kong", "XHKG"),
            ("TOR", "America/Toronto", "XTSE"),
            ("SAO", "America/Sao_Paulo", "BVMF"),
        ] {
            assert_eq!(told("EQUITY", exchange, zone).as_deref(), Some(code));
        }
        assert_eq!(
            told("INDEX", "SNP", "America/New_York").as_deref(),
            Some("XNYS")
        );
        for unknown in ["YHD", "CMX", "FRA", "XNYS", ""] {
            assert_eq!(told("EQUITY", unknown, "UTC"), None, "{unknown}");
        }
        assert_eq!(Book::default().of_instrument(None, None, "UTC"), None);
    }

    #[test]
    fn every_market_of_the_table_is_kept_and_no_exchange_has_two() {
        let mut seen = BTreeSet::new();
        for (code, exchanges) in EXCHANGES {
            assert!(market(code).is_some(), "{code}");
            for exchange in *exchanges {
                assert!(seen.insert(exchange), "{exchange} twice");
            }
        }
    }

    #[test]
    fn crypto_trades_every_day_and_currencies_from_monday_to_friday() {
        let book = Book::default();
        let crypto = book.of_instrument(Some("CRYPTOCURRENCY"), Some("CCC"), "UTC");
        let currency = book.of_instrument(Some("CURRENCY"), Some("CCY"), "Europe/London");
        let (crypto, currency) = (crypto.unwrap(), currency.unwrap());
        for (day, is_weekday) in [(20, true), (21, false), (22, false), (23, true)] {
            let day = date(2026, 11, day);
            assert!(crypto.has_session(day));
            assert_eq!(currency.has_session(day), is_weekday, "{day}");
        }
        let session = crypto.session(date(2026, 11, 21)).unwrap();
        assert_eq!(session.open.to_string(), "2026-11-21T00:00:00Z");
        assert_eq!(session.close.to_string(), "2026-11-21T23:59:00Z");
        assert_eq!(
            book.of_instrument(Some("CURRENCY"), None, "Mars/Base"),
            None
        );
    }

    #[test]
    fn the_operators_calendar_goes_before_the_kept_one() {
        let election = date(2026, 6, 3);
        let own = SessionCalendar::clone(&market("XKRX").unwrap()).with_day(election, Day::Closed);
        let book = Book::new(BTreeMap::from([("XKRX".to_owned(), Arc::new(own))]));
        let found = book.of_instrument(Some("EQUITY"), Some("KOE"), "Asia/Seoul");
        assert!(!found.unwrap().has_session(election));
        assert!(market("XKRX").unwrap().has_session(election));
    }
}
