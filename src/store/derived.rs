//! What is derived from final bars: snapshots of the newest sessions, and the all-time high.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::convert::{to_date, to_naive};
use super::entities::{all_time_highs, daily_bars, price_snapshots};
use super::price_rows::{bar_of, high_of, put_high, put_snapshots};
use super::readable::{read_all, read_one};
use super::{Store, StoreError};
use crate::domain::{AllTimeHigh, DailyBar, PriceSnapshot, Symbol};

/// Sessions whose snapshots are kept exact: what an overlap can correct, and some more for sessions
/// nobody was there for.
const SNAPSHOT_SESSIONS: u64 = 15;

impl Store {
    /// The completed sessions on record, oldest first.
    pub async fn snapshots(&self, symbol: &Symbol) -> Result<Vec<PriceSnapshot>, StoreError> {
        let query = price_snapshots::Entity::find()
            .filter(price_snapshots::Column::Symbol.eq(symbol.as_str()))
            .order_by_asc(price_snapshots::Column::TradingDate);
        let rows = self.ask("snapshots", read_all(&self.read, query)).await?;
        Ok(rows
            .into_iter()
            .map(|row| PriceSnapshot {
                trading_date: to_date(row.trading_date),
                close: row.close,
                high: row.high,
                low: row.low,
            })
            .collect())
    }
}

/// What the derivation starts from.
#[derive(Default)]
pub(super) struct Source<'a> {
    /// The symbol's bars when all of them are at hand; else they are looked up.
    pub(super) all: Option<&'a [DailyBar]>,
    /// From this session on nothing is missing; absent when that has not changed.
    pub(super) covered_from: Option<Date>,
    /// The oldest session whose close, high or low has changed after it was final.
    pub(super) oldest_repriced: Option<Date>,
}

/// Brings snapshots and all-time high up to date; gives the number of rows changed. Of a symbol
/// whose bars are only pieces (a backfill, no series) there is no all-time high.
pub(super) async fn derive<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    source: &Source<'_>,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let newest = match source.all {
        Some(bars) => newest_of(bars),
        None => newest_stored(connection, symbol).await?,
    };
    let changed = snapshots(connection, symbol, &newest, source.oldest_repriced, now).await?;
    let stored = all_time_highs::Entity::find_by_id(symbol.as_str().to_owned());
    let stored = read_one(connection, stored).await?.as_ref().map(high_of);
    let before = stored.map(|high| high.covered_from);
    let Some(covered_from) = before.into_iter().chain(source.covered_from).min() else {
        return Ok(changed);
    };
    let high = match source.all {
        Some(bars) => highest_of(bars, covered_from),
        None => highest_stored(connection, symbol, covered_from).await?,
    };
    match high {
        Some(high) if stored != Some(high) => {
            put_high(connection, symbol, &high, now).await?;
            Ok(changed + 1)
        }
        _ => Ok(changed),
    }
}

/// Writes the snapshots of `bars` that are missing or different. A correction further back makes
/// the older snapshots doubtful: they are dropped.
async fn snapshots<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    bars: &[DailyBar],
    oldest_repriced: Option<Date>,
    now: Timestamp,
) -> Result<u64, DbErr> {
    use price_snapshots::{Column, Entity};
    let Some(first) = bars.iter().map(|bar| bar.trading_date).min() else {
        return Ok(0);
    };
    let mut changed = 0;
    if oldest_repriced.is_some_and(|date| date < first) {
        let older = Entity::delete_many()
            .filter(Column::Symbol.eq(symbol.as_str()))
            .filter(Column::TradingDate.lt(to_naive(first)));
        changed += older.exec(connection).await?.rows_affected;
    }
    let stored = Entity::find()
        .filter(Column::Symbol.eq(symbol.as_str()))
        .filter(Column::TradingDate.gte(to_naive(first)));
    let stored: HashMap<Date, (f64, f64, f64)> = read_all(connection, stored)
        .await?
        .into_iter()
        .map(|row| (to_date(row.trading_date), (row.close, row.high, row.low)))
        .collect();
    let differs =
        |bar: &&DailyBar| stored.get(&bar.trading_date) != Some(&(bar.close, bar.high, bar.low));
    let news: Vec<DailyBar> = bars.iter().filter(differs).copied().collect();
    changed += u64::try_from(news.len()).unwrap_or(u64::MAX);
    put_snapshots(connection, symbol, &news, now).await?;
    Ok(changed)
}

fn newest_of(bars: &[DailyBar]) -> Vec<DailyBar> {
    let sessions = usize::try_from(SNAPSHOT_SESSIONS).unwrap_or(usize::MAX);
    bars.iter()
        .rev()
        .filter(|bar| bar.is_final)
        .take(sessions)
        .copied()
        .collect()
}

async fn newest_stored<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
) -> Result<Vec<DailyBar>, DbErr> {
    let newest = final_bars(symbol)
        .order_by_desc(daily_bars::Column::TradingDate)
        .limit(SNAPSHOT_SESSIONS);
    Ok(read_all(connection, newest)
        .await?
        .iter()
        .map(bar_of)
        .collect())
}

fn highest_of(bars: &[DailyBar], covered_from: Date) -> Option<AllTimeHigh> {
    let covered = bars
        .iter()
        .filter(|bar| bar.is_final && bar.trading_date >= covered_from);
    let highest = covered.reduce(|best, bar| if bar.high > best.high { bar } else { best })?;
    let (price, trading_date) = (highest.high, highest.trading_date);
    Some(AllTimeHigh {
        price,
        trading_date,
        covered_from,
    })
}

fn final_bars(symbol: &Symbol) -> sea_orm::Select<daily_bars::Entity> {
    daily_bars::Entity::find()
        .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
        .filter(daily_bars::Column::IsFinal.eq(true))
}

async fn highest_stored<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    covered_from: Date,
) -> Result<Option<AllTimeHigh>, DbErr> {
    let highest = final_bars(symbol)
        .filter(daily_bars::Column::TradingDate.gte(to_naive(covered_from)))
        .order_by_desc(daily_bars::Column::High)
        .order_by_asc(daily_bars::Column::TradingDate);
    let highest = read_one(connection, highest).await?.as_ref().map(bar_of);
    Ok(highest.map(|bar| AllTimeHigh {
        price: bar.high,
        trading_date: bar.trading_date,
        covered_from,
    }))
}
