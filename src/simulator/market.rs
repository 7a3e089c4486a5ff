//! Where a symbol trades, read from its form: zone, hours, currency and trading days.

use std::sync::Arc;

use jiff::civil::Date;

use super::closings::Closings;
use super::zone::Zone;

/// Seconds of a calendar day.
pub(super) const DAY_S: i64 = 86_400;

/// The unit a price is quoted in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Currency {
    /// The same for all symbols.
    Fixed(&'static str),
    /// The last letters of the pair: `EURUSD=X` and `BTC-USD` are quoted in `USD`.
    OfPair,
}

/// Seconds after local midnight of the day's four bells.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_field_names, reason = "a name ends with its unit")]
pub(super) struct Hours {
    /// Start of trading before the open.
    pub(super) pre_s: i64,
    /// Open of the session: the stamp of a daily bar.
    pub(super) open_s: i64,
    /// Close of the session.
    pub(super) close_s: i64,
    /// End of trading after the close.
    pub(super) post_s: i64,
}

/// A market: everything about a symbol that its form tells.
#[derive(Clone, Debug)]
pub(super) struct Market {
    /// Zone of the trading dates.
    pub(super) zone: Arc<Zone>,
    /// Yahoo's `instrumentType`.
    pub(super) instrument: &'static str,
    /// Yahoo's `exchangeName`.
    pub(super) exchange: &'static str,
    /// Yahoo's `fullExchangeName`.
    pub(super) full_exchange: &'static str,
    /// The day's bells.
    pub(super) hours: Hours,
    /// Whether trades outside the session are reported.
    pub(super) has_pre_post: bool,
    /// Lowest and highest starting price.
    pub(super) start_prices: (f64, f64),
    /// Prices are multiples of one divided by this.
    pub(super) ticks_per_unit: f64,
    /// Standard deviation of a day's return.
    pub(super) sigma: f64,
    /// Whether a volume is reported.
    pub(super) has_volume: bool,
    /// How the unit of prices is told.
    pub(super) currency: Currency,
    /// Whether weekends are trading days.
    pub(super) every_day: bool,
    /// Holidays and early closes of its exchange.
    pub(super) closings: Arc<Closings>,
}

impl Market {
    /// Currency of a symbol of this market.
    pub(super) fn currency<'s>(&self, symbol: &'s str) -> &'s str {
        match self.currency {
            Currency::Fixed(name) => name,
            Currency::OfPair => {
                let pair = symbol.strip_suffix("=X").unwrap_or(symbol);
                let dashed = pair.rsplit_once('-').map(|(_, quoted)| quoted);
                dashed
                    .or_else(|| pair.get(pair.len().checked_sub(3)?..))
                    .unwrap_or("USD")
            }
        }
    }

    /// Whether shares of it pay dividends and are split.
    pub(super) fn is_equity(&self) -> bool {
        self.instrument == "EQUITY"
    }

    /// Number of the first session on or after a day (days and sessions both count from 1970).
    pub(super) fn session_from(&self, day: i32) -> i32 {
        if self.every_day {
            return day;
        }
        self.closings.session_from(day)
    }

    /// Number of the last session on or before a day.
    pub(super) fn session_until(&self, day: i32) -> i32 {
        self.session_from(day + 1) - 1
    }

    /// The day a session is held on.
    pub(super) fn day_of(&self, session: i32) -> i32 {
        if self.every_day {
            return session;
        }
        self.closings.day_of(session)
    }

    /// When a session opens, in epoch seconds.
    pub(super) fn open_utc_s(&self, session: i32) -> i64 {
        self.bell_utc_s(self.day_of(session), self.hours.open_s)
    }

    /// When the session of a day closes, in seconds after local midnight.
    pub(super) fn close_s(&self, day: i32) -> i64 {
        self.closings
            .early_close_s(day)
            .unwrap_or(self.hours.close_s)
    }

    /// The same market with the holidays and early closes of its exchange.
    #[must_use]
    pub(super) fn with_closings(self) -> Self {
        let closings = Closings::of(self.instrument, self.exchange, self.zone.name);
        Self {
            closings: Arc::new(closings),
            ..self
        }
    }

    /// When a bell rings on a day, in epoch seconds.
    pub(super) fn bell_utc_s(&self, day: i32, bell_s: i64) -> i64 {
        self.zone.to_utc_s(i64::from(day) * DAY_S + bell_s)
    }

    /// The first session that opens at or after an instant.
    pub(super) fn session_opening_from(&self, utc_s: i64) -> i32 {
        let mut session = self.session_from(self.local_day(utc_s) - 1);
        while self.open_utc_s(session) < utc_s {
            session += 1;
        }
        session
    }

    /// The last session that opens at or before an instant.
    pub(super) fn session_opening_until(&self, utc_s: i64) -> i32 {
        let mut session = self.session_until(self.local_day(utc_s) + 1);
        while self.open_utc_s(session) > utc_s {
            session -= 1;
        }
        session
    }

    /// The local day of an instant.
    pub(super) fn local_day(&self, utc_s: i64) -> i32 {
        let local_s = utc_s.saturating_add(self.zone.offset_s(utc_s));
        i32::try_from(local_s.div_euclid(DAY_S)).unwrap_or(i32::MAX / 8)
    }

    /// How the market stands at an instant.
    pub(super) fn at(&self, now_s: i64) -> Moment {
        let today = self.local_day(now_s);
        let newest = self.session_opening_until(now_s);
        let opened_s = self.open_utc_s(newest);
        let day = self.day_of(newest);
        let close_s = self.bell_utc_s(day, self.close_s(day));
        let in_session = now_s < close_s;
        Moment {
            now_s,
            today,
            newest,
            is_live: day == today,
            market_time_s: if in_session { now_s } else { close_s + 1 },
            elapsed: if in_session {
                small(now_s - opened_s) / small(close_s - opened_s)
            } else {
                1.0
            },
        }
    }
}

/// A market's state at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The instant, in epoch seconds.
    pub(super) now_s: i64,
    /// The local day.
    pub(super) today: i32,
    /// The newest session that has opened.
    pub(super) newest: i32,
    /// Whether that session is today's, so that its bar is stamped with the market's time.
    pub(super) is_live: bool,
    /// When the last price was made: now, or one second after the close.
    pub(super) market_time_s: i64,
    /// How much of the newest session is over, 0 to 1.
    pub(super) elapsed: f64,
}

/// A count of seconds within a day as a float.
fn small(seconds: i64) -> f64 {
    i32::try_from(seconds).map_or(1.0, f64::from)
}

/// Days from 1970-01-01 to a date.
pub(super) fn day_number(date: Date) -> i32 {
    let hours = date.duration_since(Date::constant(1970, 1, 1)).as_hours();
    i32::try_from(hours.div_euclid(24)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::markets::Markets;
    use jiff::Timestamp;

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn sessions_are_weekdays_but_for_holidays_in_order_without_holes() {
        let markets = Markets::load().unwrap();
        let market = markets.of("AAPL");
        let monday = day_number(Date::constant(2026, 11, 23));
        let first = market.session_from(monday);
        let days: Vec<i32> = (first - 1..first + 6)
            .map(|s| market.day_of(s) - monday)
            .collect();
        // Thursday is Thanksgiving.
        assert_eq!(days, [-3, 0, 1, 2, 4, 7, 8]);
        assert_eq!(market.session_from(monday - 1), first);
        assert_eq!(market.session_until(monday - 1), first - 1);
        assert_eq!(market.session_until(monday + 6), first + 3);
    }

    #[test]
    fn a_short_session_is_over_at_its_early_close() {
        let markets = Markets::load().unwrap();
        let us = markets.of("AAPL");
        // The day after Thanksgiving: 13:00 in New York.
        let before = us.at(second("2026-11-27T17:59:00Z"));
        assert!(before.is_live && before.elapsed < 1.0);
        let after = us.at(second("2026-11-27T18:30:00Z"));
        assert!(after.is_live && after.elapsed == 1.0);
        assert_eq!(after.market_time_s, second("2026-11-27T18:00:01Z"));
        let holiday = us.at(second("2026-11-26T17:00:00Z"));
        assert!(!holiday.is_live && holiday.newest == before.newest - 1);
    }

    #[test]
    fn the_open_keeps_its_local_hour_across_a_clock_change() {
        let markets = Markets::load().unwrap();
        let us = markets.of("AAPL");
        let before = us.session_opening_from(second("2026-03-06T00:00:00Z"));
        assert_eq!(us.open_utc_s(before), second("2026-03-06T14:30:00Z"));
        assert_eq!(us.open_utc_s(before + 1), second("2026-03-09T13:30:00Z"));
        let fx = markets.of("EURUSD=X");
        let summer = fx.session_opening_from(second("2026-07-13T12:00:00Z"));
        assert_eq!(fx.open_utc_s(summer), second("2026-07-13T23:00:00Z"));
    }

    #[test]
    fn the_markets_time_is_now_in_session_and_one_second_after_the_close_later() {
        let markets = Markets::load().unwrap();
        let us = markets.of("AAPL");
        let closed = second("2026-11-20T21:00:01Z");
        let noon = us.at(second("2026-11-20T17:45:00Z"));
        assert!(noon.is_live && noon.market_time_s == noon.now_s && noon.elapsed == 0.5);
        let evening = us.at(second("2026-11-20T23:00:00Z"));
        assert!(evening.is_live && evening.market_time_s == closed && evening.elapsed == 1.0);
        let sunday = us.at(second("2026-11-22T17:00:00Z"));
        assert!(!sunday.is_live && sunday.market_time_s == closed);
        let monday_early = us.at(second("2026-11-23T14:29:59Z"));
        assert!(!monday_early.is_live && monday_early.newest == noon.newest);
        let bitcoin = markets.of("BTC-USD").at(second("2026-11-22T17:00:00Z"));
        assert!(bitcoin.is_live);
    }
}
