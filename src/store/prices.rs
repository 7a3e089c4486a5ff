//! Bars, quotes and what is derived from them: read what is known, write only what changed.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::answer::{Answer, Covers, Instrument, Known, Written};
use super::convert::to_naive;
use super::derived::{Source, derive};
use super::entities::{all_time_highs, daily_bars, instruments, quotes};
use super::price_rows::{
    bar_of, delete_bars, high_of, instrument_of, put_bars, put_instrument, put_quote, quote_of,
};
use super::{Store, StoreError};
use crate::domain::{DailyBar, Quote, Symbol};

/// An answer, sorted by what has to be done.
#[derive(Default)]
struct Changes {
    /// Bars not stored yet, or stored while the session was still going.
    fresh: Vec<DailyBar>,
    /// Final bars the upstream has corrected: their revision goes up.
    corrected: Vec<DailyBar>,
    /// Stored bars that no longer hold.
    stale: Vec<Date>,
    /// The oldest stored session whose close, high or low changes or goes.
    oldest_repriced: Option<Date>,
    /// The answer reaches further back, without a gap, than what was stored.
    widen_coverage: bool,
    quote: Option<Quote>,
    instrument: Option<Instrument>,
}

impl Store {
    /// What is stored about `symbol`: the newest `bars` bars and all single rows.
    pub async fn known(&self, symbol: &Symbol, bars: u64) -> Result<Known, StoreError> {
        self.ask("known", known(&self.read, symbol, bars)).await
    }

    /// Bars of `symbol` from `from` until `to`, both included, oldest first.
    pub async fn bars(
        &self,
        symbol: &Symbol,
        from: Date,
        to: Date,
    ) -> Result<Vec<DailyBar>, StoreError> {
        let query = daily_bars::Entity::find()
            .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
            .filter(daily_bars::Column::TradingDate.between(to_naive(from), to_naive(to)))
            .order_by_asc(daily_bars::Column::TradingDate);
        let rows = self.ask("bars", query.all(&self.read)).await?;
        Ok(rows.iter().map(bar_of).collect())
    }

    /// Stores what `answer` changes, in one transaction. `seen` is what the caller knows: when the
    /// answer changes nothing against it, no transaction is begun; else what is stored is read
    /// again inside, because somebody else may have written meanwhile.
    pub async fn save(
        &self,
        symbol: &Symbol,
        answer: &Answer,
        seen: &Known,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let older = self
            .ask("older", older_bars(&self.read, symbol, answer, seen))
            .await?;
        if changes(answer, &older, seen).is_nothing() {
            return Ok(Written::default());
        }
        self.tell("save", async {
            let transaction = self.begin().await?;
            let bars = u64::try_from(seen.bars.len().max(1)).unwrap_or(u64::MAX);
            let stored = known(&transaction, symbol, bars).await?;
            let older = older_bars(&transaction, symbol, answer, &stored).await?;
            let changes = changes(answer, &older, &stored);
            let written = write(&transaction, symbol, answer, &stored, &changes, now).await?;
            transaction.commit().await?;
            Ok(written)
        })
        .await
    }

    /// Derives snapshots and all-time high anew from the stored bars, whatever is stored of them.
    pub async fn derive_again(
        &self,
        symbol: &Symbol,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        self.tell("derive", async {
            let transaction = self.begin().await?;
            let others = derive(&transaction, symbol, &Source::default(), now).await?;
            transaction.commit().await?;
            Ok(Written { bars: 0, others })
        })
        .await
    }
}

async fn known<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    bars: u64,
) -> Result<Known, DbErr> {
    let key = symbol.as_str();
    let newest = daily_bars::Entity::find()
        .filter(daily_bars::Column::Symbol.eq(key))
        .order_by_desc(daily_bars::Column::TradingDate)
        .limit(bars);
    let mut rows = newest.all(connection).await?;
    rows.reverse();
    let bars = rows.iter().map(bar_of).collect();
    let sources = rows.into_iter().map(|row| row.source).collect();
    let quote = quotes::Entity::find_by_id(key.to_owned())
        .one(connection)
        .await?;
    let instrument = instruments::Entity::find_by_id(key.to_owned())
        .one(connection)
        .await?;
    let high = all_time_highs::Entity::find_by_id(key.to_owned())
        .one(connection)
        .await?;
    Ok(Known {
        bars,
        quote: quote.map(quote_of),
        instrument: instrument.map(instrument_of),
        high: high.as_ref().map(high_of),
        sources,
    })
}

/// Stored bars in the answer's range that `known` does not hold (a backfill into the past).
async fn older_bars<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    answer: &Answer,
    known: &Known,
) -> Result<Vec<DailyBar>, DbErr> {
    let (Some(first), Some(held)) = (answer.bars.first(), known.bars.first()) else {
        return Ok(Vec::new());
    };
    if first.trading_date >= held.trading_date {
        return Ok(Vec::new());
    }
    let query = daily_bars::Entity::find()
        .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
        .filter(daily_bars::Column::TradingDate.gte(to_naive(first.trading_date)))
        .filter(daily_bars::Column::TradingDate.lt(to_naive(held.trading_date)))
        .order_by_asc(daily_bars::Column::TradingDate);
    Ok(query.all(connection).await?.iter().map(bar_of).collect())
}

async fn write<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    answer: &Answer,
    stored: &Known,
    changes: &Changes,
    now: Timestamp,
) -> Result<Written, DbErr> {
    let source = answer.source;
    let mut written = Written::default();
    if let Some(instrument) = &changes.instrument {
        put_instrument(connection, symbol, instrument, now).await?;
        written.others += 1;
    }
    if let Some(quote) = &changes.quote {
        put_quote(connection, symbol, quote, source, now).await?;
        written.others += 1;
    }
    delete_bars(connection, symbol, &changes.stale).await?;
    put_bars(
        connection,
        symbol,
        &changes.fresh,
        &changes.corrected,
        source,
        now,
    )
    .await?;
    let bars = changes.fresh.len() + changes.corrected.len() + changes.stale.len();
    written.bars = u64::try_from(bars).unwrap_or(u64::MAX);
    if changes.touch_final_bars() || changes.widen_coverage {
        let is_first = stored.bars.is_empty();
        let covers = answer.covers != Covers::Unchanged;
        let source = Source {
            all: is_first.then_some(changes.fresh.as_slice()),
            covered_from: answer
                .bars
                .first()
                .map(|bar| bar.trading_date)
                .filter(|_| covers),
            oldest_repriced: changes.oldest_repriced,
        };
        written.others += derive(connection, symbol, &source, now).await?;
    }
    Ok(written)
}

/// Sorts an answer into what has to be done; a good stored value is never replaced by an absent
/// one, and a final bar never by a provisional one.
fn changes(answer: &Answer, older: &[DailyBar], known: &Known) -> Changes {
    let stored: BTreeMap<Date, &DailyBar> = older
        .iter()
        .chain(&known.bars)
        .map(|bar| (bar.trading_date, bar))
        .collect();
    let others = of_others(answer, known);
    let mut changes = Changes::default();
    for bar in &answer.bars {
        let Some(old) = stored.get(&bar.trading_date) else {
            changes.fresh.push(*bar);
            continue;
        };
        let new = DailyBar {
            adj_close: bar.adj_close.or(old.adj_close),
            volume: bar.volume.or(old.volume),
            ..*bar
        };
        if new == **old {
            // Another provider's bar that this one confirms becomes its own.
            if others.contains(&bar.trading_date) {
                changes.fresh.push(new);
            }
            continue;
        }
        if old.is_final && !new.is_final {
            continue;
        }
        if !old.is_final {
            changes.fresh.push(new);
            continue;
        }
        if answer.fills_only {
            continue;
        }
        if (new.close, new.high, new.low) != (old.close, old.high, old.low) {
            changes.repriced(new.trading_date);
        }
        changes.corrected.push(new);
    }
    let (first, last) = (answer.bars.first(), answer.bars.last());
    if let (Covers::Replaced, Some(first), Some(last)) = (answer.covers, first, last) {
        let sent: HashSet<Date> = answer.bars.iter().map(|bar| bar.trading_date).collect();
        let range = first.trading_date..=last.trading_date;
        changes.stale = stored
            .range(range)
            .map(|(date, _)| *date)
            .filter(|date| !sent.contains(date))
            .collect();
        changes
            .stale
            .iter()
            .copied()
            .min()
            .into_iter()
            .for_each(|date| changes.repriced(date));
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
    changes
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

impl Changes {
    fn is_nothing(&self) -> bool {
        self.fresh.is_empty()
            && self.corrected.is_empty()
            && self.stale.is_empty()
            && self.quote.is_none()
            && self.instrument.is_none()
            && !self.widen_coverage
    }

    fn touch_final_bars(&self) -> bool {
        !self.stale.is_empty()
            || self
                .fresh
                .iter()
                .chain(&self.corrected)
                .any(|bar| bar.is_final)
    }

    fn repriced(&mut self, date: Date) {
        self.oldest_repriced = Some(self.oldest_repriced.map_or(date, |oldest| oldest.min(date)));
    }
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
