//! Price alerts: which thresholds a symbol has, and which of them a price has just crossed.
//!
//! An alert is an excursion: it begins when its condition holds and ends when the condition does
//! not, or when what the price is compared with changes. It is told once, when it begins, and not
//! before the cool-off of the one before it has passed.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::quote::{AllTimeHigh, PriceSnapshot, Quote};
use super::symbol::Symbol;
use crate::clock::signed;

/// Prices are decimal and thresholds too; their product is not. Relative.
const TIE: f64 = 1e-9;

/// A close older than this is not what anybody calls the previous one: the longest closure of the
/// calendars we know (Shanghai 2020) had eleven days.
const PREVIOUS_WITHIN_DAYS: i64 = 14;

/// What has happened to a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertKind {
    /// It stands so many percent above the previous close.
    Rise,
    /// It stands so many percent below the previous close.
    Drop,
    /// It is above the highest high of all final bars.
    NewHigh,
    /// It stands so many percent below that high.
    DropFromHigh,
    /// It is above the high of the previous session.
    BreakHigh,
    /// It is below the low of the previous session.
    BreakLow,
}

impl AlertKind {
    /// Every kind, in the order the documentation lists them.
    pub const ALL: [Self; 6] = [
        Self::Rise,
        Self::Drop,
        Self::NewHigh,
        Self::DropFromHigh,
        Self::BreakHigh,
        Self::BreakLow,
    ];

    /// The key in schedules.toml, the name in the database and, after `alert.`, in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rise => "rise",
            Self::Drop => "drop",
            Self::NewHigh => "new_high",
            Self::DropFromHigh => "drop_from_high",
            Self::BreakHigh => "break_high",
            Self::BreakLow => "break_low",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is about the all-time high and not about the previous session.
    pub fn is_about_high(self) -> bool {
        matches!(self, Self::NewHigh | Self::DropFromHigh)
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertRule {
    /// What is watched.
    pub kind: AlertKind,
    /// Percent away from the reference; 0 for those that only cross it.
    pub threshold_pct: f64,
}

/// All that is watched of a symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRules {
    /// The table in schedules.toml, `[alerts.NAME]`.
    pub name: String,
    /// The thresholds.
    pub rules: Vec<AlertRule>,
    /// Least time between two alerts of one threshold against the previous session.
    pub cool_off: Duration,
    /// The same for those against the all-time high.
    pub cool_off_highs: Duration,
    /// Prices older than this tell nothing new.
    pub max_age: Duration,
}

/// What a price is judged by.
#[derive(Debug, Clone, Copy)]
pub struct PriceContext<'a> {
    /// The latest price.
    pub quote: &'a Quote,
    /// The last final session before the quote's.
    pub previous: Option<PriceSnapshot>,
    /// The highest high of all final bars, when they are known.
    pub high: Option<AllTimeHigh>,
}

/// An alert that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceAlert {
    /// What has happened.
    pub kind: AlertKind,
    /// The threshold, percent; 0 for those that only cross their reference.
    pub threshold_pct: f64,
    /// The price that crossed it.
    pub price: f64,
    /// When the exchange stamped that price.
    pub market_time: Timestamp,
    /// What the price was compared with.
    pub reference_price: f64,
    /// The session of the reference.
    pub reference_date: Date,
    /// How far the price is from it, percent, signed.
    pub change_pct: f64,
}

/// An alert as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldAlert {
    /// Its row.
    pub id: i64,
    /// Whose it is.
    pub symbol: Symbol,
    /// What was told.
    pub alert: PriceAlert,
    /// The table its threshold stood in.
    pub rules: String,
    /// When it was told.
    pub told_at: Timestamp,
    /// When its condition was seen not to hold any more.
    pub ended_at: Option<Timestamp>,
}

/// What follows from a price.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertVerdict {
    /// Alerts that begin.
    pub tell: Vec<PriceAlert>,
    /// Rows of alerts that are over.
    pub over: Vec<i64>,
}

impl AlertVerdict {
    /// Whether nothing follows.
    pub fn is_nothing(&self) -> bool {
        self.tell.is_empty() && self.over.is_empty()
    }
}

impl AlertRules {
    fn cool_off(&self, kind: AlertKind) -> Duration {
        if kind.is_about_high() {
            self.cool_off_highs
        } else {
            self.cool_off
        }
    }

    /// Judges a price. `earlier` are the symbol's alerts that are not over, and those told within
    /// the longest cool-off, newest first. Without what a threshold is compared with, nothing is
    /// said about it.
    pub fn judge(
        &self,
        context: &PriceContext<'_>,
        earlier: &[ToldAlert],
        now: Timestamp,
    ) -> AlertVerdict {
        let mut verdict = AlertVerdict::default();
        let age = now.duration_since(context.quote.market_time);
        if age > signed(self.max_age) {
            return verdict;
        }
        // Nobody watches these any more.
        let is_watched = |told: &ToldAlert| {
            let mut rules = self.rules.iter();
            rules.any(|rule| {
                rule.kind == told.alert.kind && rule.threshold_pct == told.alert.threshold_pct
            })
        };
        let open = earlier.iter().filter(|told| told.ended_at.is_none());
        let unwatched = open.filter(|told| !is_watched(told));
        verdict.over.extend(unwatched.map(|told| told.id));
        for rule in &self.rules {
            let Some(alert) = rule.compare(context) else {
                continue;
            };
            let is_same = |told: &&ToldAlert| {
                told.alert.kind == rule.kind && told.alert.threshold_pct == rule.threshold_pct
            };
            let last = earlier.iter().find(is_same);
            let open = last.filter(|told| told.ended_at.is_none());
            if !rule.holds(&alert) {
                verdict.over.extend(open.map(|told| told.id));
                continue;
            }
            let is_told =
                open.is_some_and(|told| told.alert.reference_date == alert.reference_date);
            let is_cooling = last.is_some_and(|told| {
                now.duration_since(told.told_at) < signed(self.cool_off(rule.kind))
            });
            if !is_told && !is_cooling {
                verdict.over.extend(open.map(|told| told.id));
                verdict.tell.push(alert);
            }
        }
        verdict
    }
}

impl AlertRule {
    /// The price beside its reference, whether or not the threshold is crossed.
    fn compare(&self, context: &PriceContext<'_>) -> Option<PriceAlert> {
        let PriceContext {
            quote,
            previous,
            high,
        } = context;
        let previous = previous.filter(|previous| {
            let since = previous.trading_date.until(quote.trading_date);
            since.is_ok_and(|span| (1..=PREVIOUS_WITHIN_DAYS).contains(&span.get_days().into()))
        });
        let (reference_price, reference_date) = match self.kind {
            AlertKind::Rise | AlertKind::Drop => previous.map(|p| (p.close, p.trading_date)),
            AlertKind::BreakHigh => previous.map(|p| (p.high, p.trading_date)),
            AlertKind::BreakLow => previous.map(|p| (p.low, p.trading_date)),
            AlertKind::NewHigh | AlertKind::DropFromHigh => high
                .filter(|high| high.trading_date < quote.trading_date)
                .map(|high| (high.price, high.trading_date)),
        }?;
        Some(PriceAlert {
            kind: self.kind,
            threshold_pct: self.threshold_pct,
            price: quote.price,
            market_time: quote.market_time,
            reference_price,
            reference_date,
            change_pct: (quote.price / reference_price - 1.0) * 100.0,
        })
    }

    /// A price exactly at a percentage has reached it; exactly at a high or low it has not broken
    /// it.
    fn holds(&self, alert: &PriceAlert) -> bool {
        let share = self.threshold_pct / 100.0;
        let (price, reference) = (alert.price, alert.reference_price);
        match self.kind {
            AlertKind::Rise => price >= reference * (1.0 + share) * (1.0 - TIE),
            AlertKind::Drop | AlertKind::DropFromHigh => {
                price <= reference * (1.0 - share) * (1.0 + TIE)
            }
            AlertKind::NewHigh | AlertKind::BreakHigh => price > reference,
            AlertKind::BreakLow => price < reference,
        }
    }
}

#[cfg(test)]
mod tests;
