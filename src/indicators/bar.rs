//! What an indicator is fed with, and why it refuses to be.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;

use super::sum::{GREATEST_PRICE, LEAST_PRICE};
use crate::domain::DailyBar;

/// One bar of any interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// When it began; for a daily bar midnight UTC of the trading date. Strictly increasing.
    pub at: Timestamp,
    /// The exchange's local date of its session; anchors the VWAP.
    pub session: Date,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Units traded; absent counts as none.
    pub volume: Option<i64>,
}

impl From<&DailyBar> for Bar {
    /// The split-adjusted close, not the dividend-adjusted one: high and low have no such.
    fn from(bar: &DailyBar) -> Self {
        Self::daily(bar.trading_date, (bar.high, bar.low, bar.close), bar.volume)
    }
}

/// Why a bar was refused; the state is then untouched.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// A price is not finite or not above zero.
    #[error("a price is zero, negative or not a number; correct or leave out the bar")]
    Price,
    /// A price is too small or too large to be summed exactly.
    #[error("the price {0} is outside 1e-15 to 1e18; correct or leave out the bar")]
    Size(f64),
    /// High below low.
    #[error("the high lies below the low; correct or leave out the bar")]
    Range,
    /// Negative volume.
    #[error("the volume is negative; correct or leave out the bar")]
    Volume,
    /// Not later than the bar before it.
    #[error("the bar is not later than the last one, {last}; replay from before it to correct it")]
    Order {
        /// When the last accepted bar began.
        last: Timestamp,
    },
}

impl Bar {
    /// A session's bar of high, low and split-adjusted close.
    pub fn daily(session: Date, (high, low, close): (f64, f64, f64), volume: Option<i64>) -> Self {
        let midnight = session.to_datetime(Time::midnight());
        Self {
            at: Offset::UTC.to_timestamp(midnight).unwrap_or(Timestamp::MIN),
            session,
            high,
            low,
            close,
            volume,
        }
    }

    /// Whether the indicators take it, after whatever earlier bar.
    pub fn is_sound(&self) -> bool {
        self.check(None).is_ok()
    }

    /// Whether it can follow a bar that began at `last`.
    #[inline]
    pub(super) fn check(&self, last: Option<Timestamp>) -> Result<(), Rejected> {
        for price in [self.high, self.low, self.close] {
            if !(LEAST_PRICE..=GREATEST_PRICE).contains(&price) {
                let sound = price.is_finite() && price > 0.0;
                return Err(if sound {
                    Rejected::Size(price)
                } else {
                    Rejected::Price
                });
            }
        }
        if self.high < self.low {
            return Err(Rejected::Range);
        }
        if self.volume.is_some_and(|volume| volume < 0) {
            return Err(Rejected::Volume);
        }
        match last {
            Some(last) if self.at <= last => Err(Rejected::Order { last }),
            _ => Ok(()),
        }
    }

    /// Units traded.
    pub(super) fn traded(&self) -> u64 {
        self.volume
            .map_or(0, |volume| u64::try_from(volume).unwrap_or_default())
    }
}
