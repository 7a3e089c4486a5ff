//! Bars, quotes and what is derived from them: read what is known, write only what changed.

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};

use super::actions::{changed_actions, put_actions};
use super::answer::{Answer, Covers, Known, Written};
use super::changes::{Changes, changes};
use super::convert::{to_date, to_naive};
use super::derived::{Source, derive};
use super::entities::{all_time_highs, daily_bars, instruments, quotes};
use super::price_rows::{
    bar_of, delete_bars, high_of, instrument_of, put_bars, put_instrument, put_quote, quote_of,
};
use super::quarantine::{put_flagged, quarantined, settle};
use super::revisions::keep_trail;
use super::{Store, StoreError};
use crate::domain::{DailyBar, Symbol};

/// Dates named in one statement.
const NAMED_DATES: usize = 500;

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

    /// The date of the oldest stored bar of `symbol`.
    pub async fn oldest_session(&self, symbol: &Symbol) -> Result<Option<Date>, StoreError> {
        let query = daily_bars::Entity::find()
            .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
            .order_by_asc(daily_bars::Column::TradingDate);
        let oldest = self.ask("oldest", query.one(&self.read)).await?;
        Ok(oldest.map(|row| to_date(row.trading_date)))
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
        let actions = self
            .ask("actions", changed_actions(&self.read, symbol, answer))
            .await?;
        if actions.is_empty() && changes(answer, &older, seen).is_nothing() {
            return Ok(Written::default());
        }
        self.tell("save", async {
            let transaction = self.begin().await?;
            let bars = u64::try_from(seen.bars.len().max(1)).unwrap_or(u64::MAX);
            let stored = known(&transaction, symbol, bars).await?;
            let older = older_bars(&transaction, symbol, answer, &stored).await?;
            let changes = changes(answer, &older, &stored);
            let mut written = write(&transaction, symbol, answer, &stored, &changes, now).await?;
            let actions = changed_actions(&transaction, symbol, answer).await?;
            written.others +=
                put_actions(&transaction, symbol, &actions, answer.source, now).await?;
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
            Ok(Written {
                others,
                ..Written::default()
            })
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
    let (quarantine, taken_in) = quarantined(connection, symbol).await?;
    Ok(Known {
        bars,
        quote: quote.map(quote_of),
        instrument: instrument.map(instrument_of),
        high: high.as_ref().map(high_of),
        sources,
        quarantine,
        believed: bars_of(connection, symbol, &taken_in).await?,
    })
}

/// The final bars of these dates.
async fn bars_of<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    dates: &[Date],
) -> Result<Vec<DailyBar>, DbErr> {
    let mut bars = Vec::new();
    for dates in dates.chunks(NAMED_DATES) {
        let query = daily_bars::Entity::find()
            .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
            .filter(daily_bars::Column::TradingDate.is_in(dates.iter().copied().map(to_naive)))
            .filter(daily_bars::Column::IsFinal.eq(true))
            .order_by_asc(daily_bars::Column::TradingDate);
        bars.extend(query.all(connection).await?.iter().map(bar_of));
    }
    Ok(bars)
}

/// Stored bars in the answer's range that `known` does not hold (a backfill into the past); all of
/// them when the answer replaces the series.
async fn older_bars<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    answer: &Answer,
    known: &Known,
) -> Result<Vec<DailyBar>, DbErr> {
    let (Some(first), Some(held)) = (answer.bars.first(), known.bars.first()) else {
        return Ok(Vec::new());
    };
    let is_all = answer.covers == Covers::Replaced;
    if !is_all && first.trading_date >= held.trading_date {
        return Ok(Vec::new());
    }
    let from = (!is_all).then_some(first.trading_date);
    let query = daily_bars::Entity::find()
        .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
        .apply_if(from, |query, from| {
            query.filter(daily_bars::Column::TradingDate.gte(to_naive(from)))
        })
        .filter(daily_bars::Column::TradingDate.lt(to_naive(held.trading_date)))
        .order_by_asc(daily_bars::Column::TradingDate);
    Ok(query.all(connection).await?.iter().map(bar_of).collect())
}

async fn write<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    answer: &Answer,
    stored: &Known,
    changes: &Changes<'_>,
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
    keep_trail(connection, symbol, answer, changes, now).await?;
    delete_bars(connection, symbol, &changes.stale).await?;
    let corrected: Vec<DailyBar> = changes.corrected.iter().map(|both| both.new).collect();
    put_bars(connection, symbol, &changes.fresh, &corrected, source, now).await?;
    if answer.restated.is_none() {
        written.corrected = u64::try_from(corrected.len()).unwrap_or(u64::MAX);
    }
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
    written.held = put_flagged(connection, symbol, answer, &changes.flagged, now).await?;
    written.released = settle(connection, &changes.settled, now).await?;
    Ok(written)
}
