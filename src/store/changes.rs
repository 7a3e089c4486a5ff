//! An answer against what is stored: what has to be written.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;

use super::answer::{Answer, Covers, Instrument, Known};
use super::quarantine::Settled;
use crate::domain::{DailyBar, Flagged, QuarantineState, Quote, Rule};

/// An answer, sorted by what has to be done.
#[derive(Default)]
pub(super) struct Changes<'a> {
    /// Bars not stored yet, or stored while the session was still going.
    pub(super) fresh: Vec<DailyBar>,
    /// Final bars the upstream has corrected: their revision goes up.
    pub(super) corrected: Vec<Correction>,
    /// Stored bars that no longer hold.
    pub(super) stale: Vec<Date>,
    /// The oldest stored session whose close, high or low changes or goes.
    pub(super) oldest_repriced: Option<Date>,
    /// The answer reaches further back, without a gap, than what was stored.
    pub(super) widen_coverage: bool,
    pub(super) quote: Option<Quote>,
    pub(super) instrument: Option<Instrument>,
    /// Rows for the quarantine.
    pub(super) flagged: Vec<&'a Flagged>,
    /// Held rows whose question this answer settles.
    pub(super) settled: Vec<Settled>,
}

/// A final bar before and after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Correction {
    pub(super) old: DailyBar,
    pub(super) new: DailyBar,
}

/// Sorts an answer into what has to be done; a good stored value is never replaced by an absent
/// one, and a final bar never by a provisional one.
pub(super) fn changes<'a>(answer: &'a Answer, older: &[DailyBar], known: &Known) -> Changes<'a> {
    let stored: BTreeMap<Date, &DailyBar> = older
        .iter()
        .chain(&known.bars)
        .map(|bar| (bar.trading_date, bar))
        .collect();
    let others = of_others(answer, known);
    let mut changes = Changes::default();
    for bar in &answer.bars {
        let stored = stored.get(&bar.trading_date).copied();
        let old = stored.map(|bar| Stored {
            bar,
            is_confirmed: others.contains(&bar.trading_date),
            is_fixed: answer.fills_only && bar.is_final,
        });
        changes.sort(bar, old.as_ref());
    }
    let (first, last) = (answer.bars.first(), answer.bars.last());
    if let (Covers::Replaced, Some(last)) = (answer.covers, last) {
        let sent: HashSet<Date> = answer.bars.iter().map(|bar| bar.trading_date).collect();
        changes.stale = stored
            .range(..=last.trading_date)
            .map(|(date, _)| *date)
            .filter(|date| !sent.contains(date))
            .collect();
        if let Some(oldest) = changes.stale.iter().copied().min() {
            changes.repriced(oldest);
        }
    }
    let reaches = first
        .map(|bar| bar.trading_date)
        .filter(|_| answer.covers != Covers::Unchanged);
    let covered_from = known.high.map(|high| high.covered_from);
    changes.widen_coverage =
        reaches.is_some_and(|date| covered_from.is_none_or(|from| date < from));
    changes.quote = answer
        .quote
        .clone()
        .filter(|quote| is_news(quote, known.quote.as_ref()));
    let instrument = merged(&answer.instrument, known.instrument.as_ref());
    changes.instrument = (known.instrument.as_ref() != Some(&instrument)).then_some(instrument);
    changes.flagged = answer
        .flagged
        .iter()
        .filter(|flagged| !is_noted(flagged, known))
        .collect();
    changes.settled = settled(answer, known);
    changes
}

/// A stored bar, seen from an answer that has one of the same date.
struct Stored<'b> {
    bar: &'b DailyBar,
    /// It is another provider's: the same again makes it the answer's own.
    is_confirmed: bool,
    /// It stays as it is: the answer only fills.
    is_fixed: bool,
}

/// Sessions whose newest stored bars came from another provider than the answer, where it may
/// take them over.
fn of_others(answer: &Answer, known: &Known) -> HashSet<Date> {
    let sources = known.bars.iter().zip(&known.sources);
    sources
        .filter(|(_, source)| *source != answer.source && !answer.fills_only)
        .map(|(bar, _)| bar.trading_date)
        .collect()
}

impl Changes<'_> {
    fn sort(&mut self, bar: &DailyBar, stored: Option<&Stored<'_>>) {
        let Some(&Stored {
            bar: old,
            is_confirmed,
            is_fixed,
        }) = stored
        else {
            self.fresh.push(*bar);
            return;
        };
        let new = DailyBar {
            adj_close: bar.adj_close.or(old.adj_close),
            volume: bar.volume.or(old.volume),
            ..*bar
        };
        if new == *old {
            if is_confirmed {
                self.fresh.push(new);
            }
            return;
        }
        if is_fixed || (old.is_final && !new.is_final) {
            return;
        }
        if !old.is_final {
            self.fresh.push(new);
            return;
        }
        if (new.close, new.high, new.low) != (old.close, old.high, old.low) {
            self.repriced(new.trading_date);
        }
        self.corrected.push(Correction { old: *old, new });
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.fresh.is_empty()
            && self.corrected.is_empty()
            && self.stale.is_empty()
            && self.quote.is_none()
            && self.instrument.is_none()
            && self.flagged.is_empty()
            && self.settled.is_empty()
            && !self.widen_coverage
    }

    pub(super) fn touch_final_bars(&self) -> bool {
        !self.stale.is_empty()
            || !self.corrected.is_empty()
            || self.fresh.iter().any(|bar| bar.is_final)
    }

    fn repriced(&mut self, date: Date) {
        self.oldest_repriced = Some(self.oldest_repriced.map_or(date, |oldest| oldest.min(date)));
    }
}

/// A note is made once; that the same row comes again is no news.
fn is_noted(flagged: &Flagged, known: &Known) -> bool {
    flagged.rule == Rule::NoSession
        && known.quarantine.iter().any(|row| {
            row.state == QuarantineState::Noted && row.bar.trading_date == flagged.bar.trading_date
        })
}

/// Held rows for whose date a good row has come: the same one, confirmed by what came after it, or
/// a better one.
fn settled(answer: &Answer, known: &Known) -> Vec<Settled> {
    let held = known
        .quarantine
        .iter()
        .filter(|row| row.state == QuarantineState::Held);
    held.filter_map(|row| {
        let at = answer
            .bars
            .binary_search_by_key(&row.bar.trading_date, |bar| bar.trading_date)
            .ok()?;
        let good = answer.bars.get(at)?;
        let is_same = prices(good) == prices(&row.bar);
        Some(Settled {
            id: row.id,
            state: if is_same {
                QuarantineState::Released
            } else {
                QuarantineState::Superseded
            },
        })
    })
    .collect()
}

fn prices(bar: &DailyBar) -> [f64; 4] {
    [bar.open, bar.high, bar.low, bar.close]
}

fn is_news(quote: &Quote, known: Option<&Quote>) -> bool {
    known.is_none_or(|known| quote.market_time >= known.market_time && quote != known)
}

fn merged(new: &Instrument, known: Option<&Instrument>) -> Instrument {
    let Some(known) = known else {
        return new.clone();
    };
    Instrument {
        currency: new.currency.clone().or_else(|| known.currency.clone()),
        timezone: new.timezone.clone(),
        instrument_type: new
            .instrument_type
            .clone()
            .or_else(|| known.instrument_type.clone()),
        exchange: new.exchange.clone().or_else(|| known.exchange.clone()),
        first_trade_date: new.first_trade_date.or(known.first_trade_date),
    }
}
