//! Bars, quotes and what is derived from them: read what is known, write only what changed.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};

use super::actions::{changed_actions, put_actions};
use super::answer::{Answer, Covers, Known, Quarantined, Written};
use super::changes::{Changes, changes};
use super::convert::{to_date, to_naive};
use super::derived::{Source, derive};
use super::entities::{all_time_highs, daily_bars, instruments, quarantine, quotes};
use super::price_rows::{
    bar_of, delete_bars, high_of, instrument_of, put_bars, put_instrument, put_quote, quote_of,
    within,
};
use super::quarantine::{put_flagged, quarantined, settle, unsettled};
use super::readable::{read_all, read_one};
use super::revisions::keep_trail;
use super::{Store, StoreError};
use crate::domain::{DailyBar, Symbol};

/// Dates or rows named in one statement.
const NAMED: usize = 500;

impl Store {
    /// What is stored about `symbol`: the newest `bars` bars and all single rows.
    pub async fn known(&self, symbol: &Symbol, bars: u64) -> Result<Known, StoreError> {
        self.ask("known", async {
            let (held, taken_in) = quarantined(&self.read, symbol).await?;
            let believed = bars_of(&self.read, symbol, &taken_in).await?;
            let known = known(&self.read, symbol, bars, held).await?;
            Ok(Known { believed, ..known })
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
            .filter(within(from, to))
            .order_by_asc(daily_bars::Column::TradingDate);
        let rows = self.ask("bars", read_all(&self.read, query)).await?;
        Ok(rows.iter().map(bar_of).collect())
    }

    /// The date of the oldest stored bar of `symbol`.
    pub async fn oldest_session(&self, symbol: &Symbol) -> Result<Option<Date>, StoreError> {
        let query = daily_bars::Entity::find()
            .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
            .order_by_asc(daily_bars::Column::TradingDate);
        let oldest = self.ask("oldest", read_one(&self.read, query)).await?;
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
            let held = still_unsettled(&transaction, answer, &seen.quarantine).await?;
            let stored = known(&transaction, symbol, bars, held).await?;
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

/// What is stored, with the rows of the quarantine that are known already. What was taken in by
/// hand is for judging an answer, and left empty.
async fn known<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    bars: u64,
    quarantine: Vec<Quarantined>,
) -> Result<Known, DbErr> {
    let key = symbol.as_str();
    let newest = daily_bars::Entity::find()
        .filter(daily_bars::Column::Symbol.eq(key))
        .order_by_desc(daily_bars::Column::TradingDate)
        .limit(bars);
    let mut rows = read_all(connection, newest).await?;
    rows.reverse();
    let bars = rows.iter().map(bar_of).collect();
    let sources = rows.into_iter().map(|row| row.source).collect();
    let quote = read_one(connection, quotes::Entity::find_by_id(key)).await?;
    let instrument = read_one(connection, instruments::Entity::find_by_id(key)).await?;
    let high = read_one(connection, all_time_highs::Entity::find_by_id(key)).await?;
    Ok(Known {
        bars,
        quote: quote.map(quote_of),
        instrument: instrument.map(instrument_of),
        high: high.as_ref().map(high_of),
        sources,
        quarantine,
        believed: Vec::new(),
    })
}

/// The final bars of these dates.
async fn bars_of<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    dates: &[Date],
) -> Result<Vec<DailyBar>, DbErr> {
    let mut bars = Vec::new();
    for dates in dates.chunks(NAMED) {
        let query = daily_bars::Entity::find()
            .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
            .filter(daily_bars::Column::TradingDate.is_in(dates.iter().copied().map(to_naive)))
            .filter(daily_bars::Column::IsFinal.eq(true))
            .order_by_asc(daily_bars::Column::TradingDate);
        bars.extend(read_all(connection, query).await?.iter().map(bar_of));
    }
    Ok(bars)
}

/// Of the rows in quarantine that were `seen`, those an answer is about and nobody has settled
/// meanwhile.
async fn still_unsettled<C: ConnectionTrait>(
    connection: &C,
    answer: &Answer,
    seen: &[Quarantined],
) -> Result<Vec<Quarantined>, DbErr> {
    let bars = answer.bars.iter().map(|bar| bar.trading_date);
    let flagged = answer.flagged.iter().map(|one| one.bar.trading_date);
    let dates: HashSet<Date> = bars.chain(flagged).collect();
    let about = seen
        .iter()
        .filter(|row| dates.contains(&row.bar.trading_date));
    let mut about: Vec<Quarantined> = about.copied().collect();
    let mut open = HashSet::new();
    for some in about.chunks(NAMED) {
        let query = quarantine::Entity::find()
            .select_only()
            .column(quarantine::Column::Id)
            .filter(quarantine::Column::Id.is_in(some.iter().map(|row| row.id)))
            .filter(quarantine::Column::State.is_in(unsettled()))
            .into_tuple::<i64>();
        open.extend(query.all(connection).await?);
    }
    about.retain(|row| open.contains(&row.id));
    Ok(about)
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
    Ok(read_all(connection, query)
        .await?
        .iter()
        .map(bar_of)
        .collect())
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
