//! One session's prices of one symbol, and what makes them unfit to store.

use jiff::civil::Date;

use super::Rule;

/// How far the low or high may lie inside the open–close range before it is a flaw, relative.
const RANGE_TOLERANCE: f64 = 1e-6;

/// Open, high, low, close and volume of one trading date (the exchange's local date).
///
/// Prices are split-adjusted as the upstream sends them, `adj_close` is dividend-adjusted too, all
/// in the instrument's quoted currency, rounded by [`super::shortest_decimal`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DailyBar {
    /// The exchange's local date of the session.
    pub trading_date: Date,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Close adjusted for dividends; absent when the upstream sent none.
    pub adj_close: Option<f64>,
    /// Units traded; absent when the upstream sent none, 0 for indices and currencies.
    pub volume: Option<i64>,
    /// Whether the session had ended (plus half an hour) when this bar was fetched.
    pub is_final: bool,
}

/// Why a bar must not be stored: the rules of the data contract a bar breaks by itself. What it
/// says with its numbers is [`BarFlaw::reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BarFlaw {
    /// V1: a price is not finite or not above zero.
    #[error("V1: a price is zero, negative or not a number")]
    Price,
    /// V2: low above, or high below, the open or close.
    #[error("V2: the low or high does not enclose open and close")]
    Range,
    /// V3: a date that has not come yet at the exchange.
    #[error("V3: the date lies in the future")]
    Date,
    /// V7: negative volume.
    #[error("V7: negative volume")]
    Volume,
}

impl BarFlaw {
    /// The rule that was broken.
    pub fn rule(self) -> Rule {
        match self {
            Self::Price => Rule::Price,
            Self::Range => Rule::Range,
            Self::Date => Rule::Date,
            Self::Volume => Rule::Volume,
        }
    }

    /// What is wrong with `bar`, in words with its numbers.
    pub fn reason(self, bar: &DailyBar) -> String {
        match self {
            Self::Price => bar.bad_price(),
            Self::Range => format!(
                "low {} and high {} do not enclose open {} and close {}",
                bar.low, bar.high, bar.open, bar.close
            ),
            Self::Date => format!("{} has not come yet at the exchange", bar.trading_date),
            Self::Volume => format!("volume {}", bar.volume.unwrap_or_default()),
        }
    }
}

impl DailyBar {
    /// Checks the rules one bar can be judged by alone.
    pub fn check(&self) -> Result<(), BarFlaw> {
        let prices = [self.open, self.high, self.low, self.close];
        if prices.iter().any(|p| !p.is_finite() || *p <= 0.0) {
            return Err(BarFlaw::Price);
        }
        if self.adj_close.is_some_and(|p| !p.is_finite()) {
            return Err(BarFlaw::Price);
        }
        let (least, most) = (self.open.min(self.close), self.open.max(self.close));
        if self.low > least * (1.0 + RANGE_TOLERANCE) || self.high < most * (1.0 - RANGE_TOLERANCE)
        {
            return Err(BarFlaw::Range);
        }
        if self.volume.is_some_and(|v| v < 0) {
            return Err(BarFlaw::Volume);
        }
        Ok(())
    }

    fn bad_price(&self) -> String {
        let prices = [
            ("open", self.open),
            ("high", self.high),
            ("low", self.low),
            ("close", self.close),
        ];
        let bad = prices.iter().find(|(_, p)| !p.is_finite() || *p <= 0.0);
        let (name, price) = bad.copied().unwrap_or(("adjusted close", f64::NAN));
        if price.is_finite() {
            format!("{name} is {price}")
        } else {
            format!("{name} is absent or not a number")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(open: f64, high: f64, low: f64, close: f64) -> DailyBar {
        DailyBar {
            trading_date: jiff::civil::date(2026, 1, 2),
            open,
            high,
            low,
            close,
            adj_close: None,
            volume: Some(1),
            is_final: true,
        }
    }

    #[test]
    fn an_ordinary_bar_passes() {
        assert_eq!(bar(10.0, 11.0, 9.0, 10.5).check(), Ok(()));
        assert_eq!(bar(10.0, 10.0, 10.0, 10.0).check(), Ok(()));
    }

    #[test]
    fn each_flaw_is_named() {
        assert_eq!(bar(0.0, 11.0, 9.0, 10.0).check(), Err(BarFlaw::Price));
        assert_eq!(bar(f64::NAN, 11.0, 9.0, 10.0).check(), Err(BarFlaw::Price));
        assert_eq!(bar(10.0, 11.0, 10.2, 10.5).check(), Err(BarFlaw::Range));
        assert_eq!(bar(10.0, 10.1, 9.0, 10.5).check(), Err(BarFlaw::Range));
        let negative = DailyBar {
            volume: Some(-1),
            ..bar(1.0, 1.0, 1.0, 1.0)
        };
        assert_eq!(negative.check(), Err(BarFlaw::Volume));
    }

    #[test]
    fn each_reason_has_its_number() {
        let said = |bar: DailyBar| bar.check().unwrap_err().reason(&bar);
        assert_eq!(said(bar(10.0, 11.0, -9.5, 10.0)), "low is -9.5");
        assert_eq!(
            said(bar(10.0, 11.0, 9.0, f64::NAN)),
            "close is absent or not a number"
        );
        assert_eq!(
            said(bar(10.0, 11.0, 10.2, 10.5)),
            "low 10.2 and high 11 do not enclose open 10 and close 10.5"
        );
        let negative = DailyBar {
            volume: Some(-7),
            ..bar(1.0, 1.0, 1.0, 1.0)
        };
        assert_eq!(said(negative), "volume -7");
        let early = bar(1.0, 1.0, 1.0, 1.0);
        let future = BarFlaw::Date.reason(&early);
        assert_eq!(future, "2026-01-02 has not come yet at the exchange");
    }
}
