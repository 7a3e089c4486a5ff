//! Bars, quotes and what is derived from them: read what is known, write only what changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::convert::to_naive;
use super::derived::derive;
use super::entities::{all_time_highs, daily_bars, instruments, quotes};
use super::price_rows::{
    bar_of, high_of, instrument_of, put_bars, put_instrument, put_quote, quote_of,
};
use super::{Store, StoreError};
use crate::domain::{AllTimeHigh, DailyBar, Quote, Symbol};

/// What the upstream says a symbol is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instrument {
    /// Quoted unit, sub-units kept (`GBp`).
    pub currency: Option<String>,
    /// IANA name of the exchange's zone.
    pub timezone: String,
    /// `EQUITY`, `INDEX`, `CURRENCY` …, as sent.
    pub instrument_type: Option<String>,
    /// The exchange's code, as sent.
    pub exchange: Option<String>,
    /// Local date of the first trade.
    pub first_trade_date: Option<Date>,
}

/// What is stored about a symbol before an answer is looked at.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The newest stored bars, oldest first.
    pub bars: Vec<DailyBar>,
    /// The stored quote.
    pub quote: Option<Quote>,
    /// The stored instrument.
    pub instrument: Option<Instrument>,
    /// The stored all-time high.
    pub high: Option<AllTimeHigh>,
}

/// A validated answer, ready to be stored.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Bars, oldest first, one per date.
    pub bars: Vec<DailyBar>,
    /// The quote, when the upstream sent a price.
    pub quote: Option<Quote>,
    /// The instrument.
    pub instrument: Instrument,
    /// Provider's name.
    pub source: &'static str,
}

/// How much of an answer was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Bars inserted or changed.
    pub bars: u64,
    /// Other rows inserted or changed.
    pub others: u64,
}

impl Written {
    /// All rows inserted or changed.
    pub fn rows(self) -> u64 {
        self.bars + self.others
    }
}

/// Bars of an answer, sorted by what has to be done with them.
#[derive(Default)]
struct Changes {
    /// Not stored yet, or stored while the session was still going.
    fresh: Vec<DailyBar>,
    /// Final bars the upstream has corrected: their revision goes up.
    corrected: Vec<DailyBar>,
}

impl Store {
    /// What is stored about `symbol`: the newest `bars` bars and all single rows.
    pub async fn known(&self, symbol: &Symbol, bars: u64) -> Result<Known, StoreError> {
        let key = symbol.as_str();
        let newest = daily_bars::Entity::find()
            .filter(daily_bars::Column::Symbol.eq(key))
            .order_by_desc(daily_bars::Column::TradingDate)
            .limit(bars);
        self.ask("known", async {
            let mut bars: Vec<DailyBar> =
                newest.all(&self.read).await?.iter().map(bar_of).collect();
            bars.reverse();
            let quote = quotes::Entity::find_by_id(key.to_owned())
                .one(&self.read)
                .await?;
            let instrument = instruments::Entity::find_by_id(key.to_owned())
                .one(&self.read)
                .await?;
            let high = all_time_highs::Entity::find_by_id(key.to_owned())
                .one(&self.read)
                .await?;
            Ok(Known {
                bars,
                quote: quote.map(quote_of),
                instrument: instrument.map(instrument_of),
                high: high.as_ref().map(high_of),
            })
        })
        .await
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

    /// Stores what `answer` changes against `known`, in one transaction; nothing new costs none.
    pub async fn save(
        &self,
        symbol: &Symbol,
        answer: &Answer,
        known: &Known,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let older = self.older_than_known(symbol, answer, known).await?;
        let changes = changes(&answer.bars, older.iter().chain(&known.bars));
        let quote = answer
            .quote
            .as_ref()
            .filter(|quote| is_news(quote, known.quote.as_ref()));
        let instrument = merged(&answer.instrument, known.instrument.as_ref());
        let instrument = (known.instrument.as_ref() != Some(&instrument)).then_some(instrument);
        let bars = changes.fresh.len() + changes.corrected.len();
        let mut written = Written {
            bars: u64::try_from(bars).unwrap_or(u64::MAX),
            others: 0,
        };
        if bars == 0 && quote.is_none() && instrument.is_none() {
            return Ok(written);
        }
        let is_first = known.bars.is_empty();
        self.ask("save", async {
            let transaction = self.begin().await?;
            if let Some(instrument) = &instrument {
                put_instrument(&transaction, symbol, instrument, now).await?;
                written.others += 1;
            }
            if let Some(quote) = quote {
                put_quote(&transaction, symbol, quote, answer.source, now).await?;
                written.others += 1;
            }
            put_bars(
                &transaction,
                symbol,
                &changes.fresh,
                &changes.corrected,
                answer.source,
                now,
            )
            .await?;
            let touched = || changes.fresh.iter().chain(&changes.corrected);
            if touched().any(|bar| bar.is_final) {
                let all = if is_first {
                    Some(changes.fresh.as_slice())
                } else {
                    None
                };
                let corrected = changes.corrected.iter().map(|bar| bar.trading_date).min();
                written.others += derive(&transaction, symbol, all, corrected, now).await?;
            }
            transaction.commit().await?;
            Ok(written)
        })
        .await
    }

    /// Derives snapshot and all-time high anew from the stored bars, whatever is stored of them.
    pub async fn derive_again(
        &self,
        symbol: &Symbol,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        self.ask("derive", async {
            let transaction = self.begin().await?;
            let others = derive(&transaction, symbol, None, None, now).await?;
            transaction.commit().await?;
            Ok(Written { bars: 0, others })
        })
        .await
    }

    /// Stored bars in the answer's range that `known` does not hold (a backfill into the past).
    async fn older_than_known(
        &self,
        symbol: &Symbol,
        answer: &Answer,
        known: &Known,
    ) -> Result<Vec<DailyBar>, StoreError> {
        match (answer.bars.first(), known.bars.first()) {
            (Some(first), Some(held)) if first.trading_date < held.trading_date => {
                let until = held.trading_date.yesterday().unwrap_or(held.trading_date);
                self.bars(symbol, first.trading_date, until).await
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Sorts an answer's bars; a good stored value is never replaced by an absent one, and a final
/// bar never by a provisional one.
fn changes<'a>(bars: &[DailyBar], stored: impl Iterator<Item = &'a DailyBar>) -> Changes {
    let stored: BTreeMap<Date, &DailyBar> = stored.map(|bar| (bar.trading_date, bar)).collect();
    let mut changes = Changes::default();
    for bar in bars {
        let Some(old) = stored.get(&bar.trading_date) else {
            changes.fresh.push(*bar);
            continue;
        };
        let new = DailyBar {
            adj_close: bar.adj_close.or(old.adj_close),
            volume: bar.volume.or(old.volume),
            ..*bar
        };
        if new == **old || (old.is_final && !new.is_final) {
            continue;
        }
        if old.is_final {
            changes.corrected.push(new);
        } else {
            changes.fresh.push(new);
        }
    }
    changes
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
