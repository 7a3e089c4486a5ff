//! Is an answer to be believed? The rules V1 to V9 of the data contract (docs/data.md): pure
//! functions of the answer and what is stored.

mod identity;
mod jump;
mod levels;

use jiff::Timestamp;
use jiff::civil::Date;

pub(super) use identity::other_instrument;

use crate::domain::{BarFlaw, DailyBar, Flagged, Rule, SessionCalendar};
use crate::store::Instrument;
use crate::upstream::Chart;

/// The live close may be this far off the live price, relative (rule V8).
const LIVE_TOLERANCE: f64 = 0.25;

/// A quote is held against the newest good close when that is at most so old.
const QUOTE_REFERENCE_DAYS: i32 = 10;

/// Before this date no closed day of any market is known (docs/calendars.md).
const CALENDARS_BEGIN: Date = jiff::civil::date(2015, 1, 1);

/// A row this near to one that was taken in from quarantine is that one, relative.
const BELIEVED_TOLERANCE: f64 = 0.01;

/// What an answer is held against.
#[derive(Clone, Copy)]
pub(super) struct Against<'a> {
    /// Stored bars on the answer's scale, oldest first: those before, within and after its window,
    /// as far as they are at hand.
    pub(super) stored: &'a [DailyBar],
    /// Bars on the answer's scale that were taken in from quarantine: what was decided about them
    /// holds while they come as they are.
    pub(super) believed: &'a [DailyBar],
    /// The instrument on record.
    pub(super) instrument: Option<&'a Instrument>,
    /// The days its market trades on, when they are known.
    pub(super) sessions: Option<&'a SessionCalendar>,
    /// The time.
    pub(super) now: Timestamp,
}

/// What became of an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Judgement {
    /// Rows for the quarantine; those of rule V4 are still among the bars.
    pub(super) flagged: Vec<Flagged>,
    /// Why the latest price is not to be believed either.
    pub(super) doubtful_quote: Option<String>,
}

impl Judgement {
    /// Rows that are kept out of the prices.
    pub(super) fn kept_out(&self) -> impl Iterator<Item = &Flagged> {
        self.flagged
            .iter()
            .filter(|one| one.rule != Rule::NoSession)
    }
}

/// Takes out of `chart` every row that breaks a rule, and says which and why. The rules of a bar by
/// itself (V1, V2, V7) have been applied when the answer was read.
pub(super) fn judge(chart: &mut Chart, against: &Against<'_>) -> Judgement {
    let mut flagged: Vec<Flagged> = std::mem::take(&mut chart.rejected)
        .into_iter()
        .map(|(bar, flaw)| Flagged {
            rule: flaw.rule(),
            reason: flaw.reason(&bar),
            bar,
        })
        .collect();
    let impossible = impossible_dates(chart, against);
    flagged.extend(take_out(&mut chart.bars, impossible));
    let doubts = levels::doubts(chart, against);
    flagged.extend(take_out(&mut chart.bars, doubts));
    if let Some(reason) = live_close(chart, against)
        && let Some(bar) = chart.bars.pop()
    {
        let rule = Rule::Live;
        flagged.push(Flagged { bar, rule, reason });
    }
    let doubtful_quote = doubtful_quote(chart, against.stored, &flagged);
    flagged.extend(days_without_session(chart, against.sessions));
    Judgement {
        flagged,
        doubtful_quote,
    }
}

impl Against<'_> {
    /// Whether a row is one that was taken in from quarantine.
    fn is_believed(&self, bar: &DailyBar) -> bool {
        let mut believed = self.believed.iter();
        let held = believed.find(|held| held.trading_date == bar.trading_date);
        let prices = |bar: &DailyBar| [bar.open, bar.high, bar.low, bar.close];
        held.is_some_and(|held| {
            let mut pairs = prices(bar).into_iter().zip(prices(held));
            pairs.all(|(sent, held)| (sent / held - 1.0).abs() <= BELIEVED_TOLERANCE)
        })
    }
}

/// A row of the answer that is to be taken out, by its place.
struct Doubt {
    index: usize,
    rule: Rule,
    reason: String,
}

/// Takes the doubtful rows out, which come in any order.
fn take_out(bars: &mut Vec<DailyBar>, mut doubts: Vec<Doubt>) -> Vec<Flagged> {
    doubts.sort_by_key(|doubt| doubt.index);
    let mut is_out = vec![false; if doubts.is_empty() { 0 } else { bars.len() }];
    let flagged = doubts.into_iter().filter_map(|doubt| {
        *is_out.get_mut(doubt.index)? = true;
        Some(Flagged {
            bar: *bars.get(doubt.index)?,
            rule: doubt.rule,
            reason: doubt.reason,
        })
    });
    let flagged: Vec<Flagged> = flagged.collect();
    if !flagged.is_empty() {
        let mut out = is_out.into_iter();
        bars.retain(|_| !out.next().unwrap_or_default());
    }
    flagged
}

/// V3: dates that have not come yet at the exchange, and those before the first trade.
fn impossible_dates(chart: &Chart, against: &Against<'_>) -> Vec<Doubt> {
    let today = chart.zone.to_datetime(against.now).date();
    let recorded = against.instrument.and_then(|one| one.first_trade_date);
    // What the answer itself says counts: the upstream sometimes finds older prices.
    let first_trade = chart.first_trade_date.or(recorded);
    let bars = chart.bars.iter().enumerate();
    let doubted = bars.filter(|(_, bar)| !against.is_believed(bar));
    let doubts = doubted.filter_map(|(index, bar)| {
        let reason = if bar.trading_date > today {
            BarFlaw::Date.reason(bar)
        } else {
            let first = first_trade.filter(|first| bar.trading_date < *first)?;
            format!("{} is before the first trade on {first}", bar.trading_date)
        };
        Some(Doubt {
            index,
            rule: Rule::Date,
            reason,
        })
    });
    doubts.collect()
}

/// V8: the close of the session now going on (or just over) against the live price.
fn live_close(chart: &Chart, against: &Against<'_>) -> Option<String> {
    let latest = chart.price?;
    let live = chart.zone.to_datetime(latest.market_time).date();
    let is_live = |bar: &&DailyBar| bar.trading_date == live && !against.is_believed(bar);
    let bar = chart.bars.last().filter(is_live)?;
    let off = bar.close / latest.price - 1.0;
    (off.abs() > LIVE_TOLERANCE).then(|| {
        let (close, price) = (bar.close, latest.price);
        format!(
            "close {close} is {:+.1} % off the live price {price}",
            off * 100.0
        )
    })
}

/// A latest price is as doubtful as the bar of its session; without one it is held against the
/// newest good close.
fn doubtful_quote(chart: &Chart, stored: &[DailyBar], flagged: &[Flagged]) -> Option<String> {
    let latest = chart.price?;
    let date = chart.zone.to_datetime(latest.market_time).date();
    let held = flagged
        .iter()
        .find(|one| one.bar.trading_date == date && one.rule.is_doubt());
    if let Some(held) = held {
        return Some(format!("{}: {}", held.rule, held.reason));
    }
    let newest = [stored.last(), chart.bars.last()].into_iter().flatten();
    let newest = newest.max_by_key(|bar| bar.trading_date)?;
    let age = date.since(newest.trading_date).ok()?.get_days();
    if age > QUOTE_REFERENCE_DAYS || !(chart.splits.is_empty() || age == 0) {
        return None;
    }
    jump::is_jump(latest.price / newest.close).then(|| {
        let (price, close) = (latest.price, newest.close);
        format!(
            "V5: price {price} is {:.4} times the close {close} of {}",
            price / close,
            newest.trading_date
        )
    })
}

/// V4: bars on days without a session. They are stored all the same: the tables may be wrong.
fn days_without_session(chart: &Chart, sessions: Option<&SessionCalendar>) -> Vec<Flagged> {
    let Some(sessions) = sessions else {
        return Vec::new();
    };
    let known = chart
        .bars
        .iter()
        .filter(|bar| bar.trading_date >= CALENDARS_BEGIN);
    let strays = known.filter(|bar| !sessions.has_session(bar.trading_date));
    strays
        .map(|bar| Flagged {
            bar: *bar,
            rule: Rule::NoSession,
            reason: format!(
                "{} {:?} is no session of {}",
                bar.trading_date,
                bar.trading_date.weekday(),
                sessions.code()
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests;
