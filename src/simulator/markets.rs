//! The table of markets, and which one a symbol's form points to.

use std::io;
use std::sync::Arc;

use super::market::{Currency, DAY_S, Hours, Market};
use super::zone::Zone;

const HOUR_S: i64 = 3_600;
const HALF_HOUR_S: i64 = 1_800;
const MINUTE_S: i64 = 60;

/// Around the clock: 00:00 to 23:59, as Yahoo shows crypto, currencies and futures.
const ALL_DAY: Hours = Hours {
    pre_s: 0,
    open_s: 0,
    close_s: DAY_S - MINUTE_S,
    post_s: DAY_S - MINUTE_S,
};

/// Every market the simulator knows.
#[derive(Debug)]
pub(super) struct Markets {
    us: Market,
    index: Market,
    crypto: Market,
    currency: Market,
    future: Market,
    london: Market,
    xetra: Market,
    seoul: Market,
    tokyo: Market,
    sydney: Market,
}

/// Endings that make `XYZ-USD` a crypto pair and leave `BRK-B` a share.
const CRYPTO_QUOTES: [&str; 8] = ["USD", "USDT", "USDC", "EUR", "GBP", "JPY", "KRW", "BTC"];

impl Markets {
    /// Loads the zones of all markets; fails when the system has no zone database.
    pub(super) fn load() -> io::Result<Self> {
        let us = us_shares()?.with_closings();
        let london = zone("Europe/London")?;
        let (eight, nine, ten) = (8 * HOUR_S, 9 * HOUR_S, 10 * HOUR_S);
        let (half_past_three, four) = (15 * HOUR_S + HALF_HOUR_S, 16 * HOUR_S);
        let (half_past_four, half_past_five) = (four + HALF_HOUR_S, 17 * HOUR_S + HALF_HOUR_S);
        let shares = |zone, names, hours| shares(&us, zone, names, hours);
        Ok(Self {
            index: index(&us),
            crypto: crypto(&us)?,
            currency: currency(&us, Arc::clone(&london)),
            future: Market {
                instrument: "FUTURE",
                exchange: "CMX",
                full_exchange: "COMEX",
                start_prices: (20.0, 2_500.0),
                hours: ALL_DAY,
                has_pre_post: false,
                closings: Arc::default(),
                ..us.clone()
            },
            london: Market {
                start_prices: (80.0, 4_000.0),
                ..shares(london, ("LSE", "LSE", "GBp"), (eight, half_past_four))
            },
            xetra: shares(
                zone("Europe/Berlin")?,
                ("GER", "XETRA", "EUR"),
                (nine, half_past_five),
            ),
            seoul: Market {
                start_prices: (4_000.0, 90_000.0),
                ticks_per_unit: 1.0,
                ..shares(
                    zone("Asia/Seoul")?,
                    ("KSC", "KSE", "KRW"),
                    (nine, half_past_three),
                )
            },
            tokyo: Market {
                start_prices: (400.0, 9_000.0),
                ..shares(
                    zone("Asia/Tokyo")?,
                    ("JPX", "Tokyo", "JPY"),
                    (nine, half_past_three),
                )
            },
            sydney: shares(
                zone("Australia/Sydney")?,
                ("ASX", "ASX", "AUD"),
                (ten, four),
            ),
            us,
        })
    }

    /// The market a symbol's form points to.
    pub(super) fn of(&self, symbol: &str) -> &Market {
        if symbol.starts_with('^') {
            return &self.index;
        }
        if symbol.ends_with("=X") {
            return &self.currency;
        }
        if symbol.ends_with("=F") {
            return &self.future;
        }
        if let Some((_, quoted)) = symbol.rsplit_once('-')
            && CRYPTO_QUOTES.contains(&quoted)
        {
            return &self.crypto;
        }
        match symbol.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("L") => &self.london,
            Some("DE") => &self.xetra,
            Some("KS") => &self.seoul,
            Some("T") => &self.tokyo,
            Some("AX") => &self.sydney,
            _ => &self.us,
        }
    }
}

fn zone(name: &'static str) -> io::Result<Arc<Zone>> {
    Zone::load(name).map(Arc::new)
}

fn us_shares() -> io::Result<Market> {
    Ok(Market {
        zone: zone("America/New_York")?,
        instrument: "EQUITY",
        exchange: "NMS",
        full_exchange: "NasdaqGS",
        hours: Hours {
            pre_s: 4 * HOUR_S,
            open_s: 9 * HOUR_S + HALF_HOUR_S,
            close_s: 16 * HOUR_S,
            post_s: 20 * HOUR_S,
        },
        has_pre_post: true,
        start_prices: (8.0, 300.0),
        ticks_per_unit: 100.0,
        sigma: 0.015,
        has_volume: true,
        currency: Currency::Fixed("USD"),
        every_day: false,
        closings: Arc::default(),
    })
}

fn index(us: &Market) -> Market {
    Market {
        instrument: "INDEX",
        exchange: "SNP",
        full_exchange: "SNP",
        has_pre_post: false,
        start_prices: (800.0, 9_000.0),
        sigma: 0.011,
        has_volume: false,
        ..us.clone()
    }
}

fn crypto(us: &Market) -> io::Result<Market> {
    Ok(Market {
        zone: zone("UTC")?,
        instrument: "CRYPTOCURRENCY",
        exchange: "CCC",
        full_exchange: "CCC",
        hours: ALL_DAY,
        has_pre_post: false,
        start_prices: (5.0, 20_000.0),
        sigma: 0.03,
        currency: Currency::OfPair,
        every_day: true,
        closings: Arc::default(),
        ..us.clone()
    })
}

fn currency(us: &Market, zone: Arc<Zone>) -> Market {
    Market {
        zone,
        instrument: "CURRENCY",
        exchange: "CCY",
        full_exchange: "CCY",
        hours: ALL_DAY,
        has_pre_post: false,
        start_prices: (0.7, 1.9),
        ticks_per_unit: 10_000.0,
        sigma: 0.005,
        has_volume: false,
        currency: Currency::OfPair,
        closings: Arc::default(),
        ..us.clone()
    }
}

/// A stock exchange outside the US: `names` are exchange, full name and currency.
fn shares(
    us: &Market,
    zone: Arc<Zone>,
    names: (&'static str, &'static str, &'static str),
    (open_s, close_s): (i64, i64),
) -> Market {
    Market {
        zone,
        exchange: names.0,
        full_exchange: names.1,
        currency: Currency::Fixed(names.2),
        hours: Hours {
            pre_s: open_s - 45 * MINUTE_S,
            open_s,
            close_s,
            post_s: close_s + 45 * MINUTE_S,
        },
        has_pre_post: false,
        ..us.clone()
    }
    .with_closings()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbols_form_tells_its_market() {
        let markets = Markets::load().unwrap();
        for (symbol, instrument, zone, currency) in [
            ("AAPL", "EQUITY", "America/New_York", "USD"),
            ("BRK-B", "EQUITY", "America/New_York", "USD"),
            ("^GSPC", "INDEX", "America/New_York", "USD"),
            ("BTC-EUR", "CRYPTOCURRENCY", "UTC", "EUR"),
            ("EURUSD=X", "CURRENCY", "Europe/London", "USD"),
            ("INR=X", "CURRENCY", "Europe/London", "INR"),
            ("=X", "CURRENCY", "Europe/London", "USD"),
            ("GC=F", "FUTURE", "America/New_York", "USD"),
            ("OCDO.L", "EQUITY", "Europe/London", "GBp"),
            ("WSU.DE", "EQUITY", "Europe/Berlin", "EUR"),
            ("005930.KS", "EQUITY", "Asia/Seoul", "KRW"),
            ("7203.T", "EQUITY", "Asia/Tokyo", "JPY"),
            ("BHP.AX", "EQUITY", "Australia/Sydney", "AUD"),
        ] {
            let market = markets.of(symbol);
            assert_eq!(market.instrument, instrument, "{symbol}");
            assert_eq!(market.zone.name, zone, "{symbol}");
            assert_eq!(market.currency(symbol), currency, "{symbol}");
        }
    }
}
