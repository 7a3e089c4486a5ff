//! Prices as rows: each value's upsert and its way back.

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _,
    QueryFilter as _,
};

use super::answer::Instrument;
use super::chunks::Upsert;
use super::convert::{to_column, to_date, to_naive, to_timestamp};
use super::entities::{all_time_highs, daily_bars, instruments, price_snapshots, quotes};
use crate::domain::{AllTimeHigh, DailyBar, Quote, Symbol};

/// Split-adjusted, not dividend-adjusted: what Yahoo's `close` is.
const PRICE_BASIS: &str = "split_adjusted";

/// Sessions named in one DELETE.
const DELETE_ROWS: usize = 500;

/// Bars from one date to another, both included. Without an end nothing is left out: not even a
/// date nobody can read, so that it is told of.
pub(super) fn within(from: Date, to: Date) -> Condition {
    use daily_bars::Column;
    let mut within = Condition::all();
    if from > Date::MIN {
        within = within.add(Column::TradingDate.gte(to_naive(from)));
    }
    if to < Date::MAX {
        within = within.add(Column::TradingDate.lte(to_naive(to)));
    }
    within
}

/// Upserts bars; those in `corrected` replace a final bar, so their revision goes up.
pub(super) async fn put_bars<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    fresh: &[DailyBar],
    corrected: &[DailyBar],
    source: &str,
    now: Timestamp,
) -> Result<(), DbErr> {
    use daily_bars::Column;
    let key = [Column::Symbol, Column::TradingDate];
    let values = [
        Column::Open,
        Column::High,
        Column::Low,
        Column::Close,
        Column::AdjClose,
        Column::Volume,
        Column::Source,
        Column::PriceBasis,
        Column::IsFinal,
        Column::FetchedAt,
    ];
    let rows = |bars: &[DailyBar]| -> Vec<_> {
        bars.iter()
            .map(|bar| bar_row(symbol, bar, source, now))
            .collect()
    };
    let replace = OnConflict::columns(key).update_columns(values).to_owned();
    Upsert {
        name: "daily_bars",
        on_conflict: replace,
    }
    .run(connection, rows(fresh))
    .await?;
    let revise = OnConflict::columns(key)
        .update_columns(values)
        .value(
            Column::Revision,
            Expr::col((daily_bars::Entity, Column::Revision)).add(Expr::cust("1")),
        )
        .to_owned();
    Upsert {
        name: "daily_bars.corrected",
        on_conflict: revise,
    }
    .run(connection, rows(corrected))
    .await
}

/// Removes the bars of these sessions.
pub(super) async fn delete_bars<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    sessions: &[Date],
) -> Result<(), DbErr> {
    for chunk in sessions.chunks(DELETE_ROWS) {
        daily_bars::Entity::delete_many()
            .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
            .filter(daily_bars::Column::TradingDate.is_in(chunk.iter().copied().map(to_naive)))
            .exec(connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn put_instrument<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    instrument: &Instrument,
    now: Timestamp,
) -> Result<(), DbErr> {
    use instruments::Column;
    let row = instruments::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        currency: Set(instrument.currency.clone()),
        timezone: Set(instrument.timezone.clone()),
        instrument_type: Set(instrument.instrument_type.clone()),
        exchange: Set(instrument.exchange.clone()),
        first_trade_date: Set(instrument.first_trade_date.map(to_naive)),
        updated_at: Set(to_column(now)),
    };
    let replace = OnConflict::column(Column::Symbol)
        .update_columns([
            Column::Currency,
            Column::Timezone,
            Column::InstrumentType,
            Column::Exchange,
            Column::FirstTradeDate,
            Column::UpdatedAt,
        ])
        .to_owned();
    Upsert {
        name: "instruments",
        on_conflict: replace,
    }
    .run(connection, vec![row])
    .await
}

pub(super) async fn put_quote<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    quote: &Quote,
    source: &'static str,
    now: Timestamp,
) -> Result<(), DbErr> {
    use quotes::Column;
    let row = quotes::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        price: Set(quote.price),
        market_time: Set(to_column(quote.market_time)),
        trading_date: Set(to_naive(quote.trading_date)),
        currency: Set(quote.currency.clone()),
        previous_close: Set(quote.previous_close),
        day_high: Set(quote.day_high),
        day_low: Set(quote.day_low),
        day_volume: Set(quote.day_volume),
        source: Set(source.to_owned()),
        fetched_at: Set(to_column(now)),
    };
    let replace = OnConflict::column(Column::Symbol)
        .update_columns([
            Column::Price,
            Column::MarketTime,
            Column::TradingDate,
            Column::Currency,
            Column::PreviousClose,
            Column::DayHigh,
            Column::DayLow,
            Column::DayVolume,
            Column::Source,
            Column::FetchedAt,
        ])
        .to_owned();
    Upsert {
        name: "quotes",
        on_conflict: replace,
    }
    .run(connection, vec![row])
    .await
}

pub(super) async fn put_snapshots<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    bars: &[DailyBar],
    now: Timestamp,
) -> Result<(), DbErr> {
    use price_snapshots::Column;
    let rows = bars.iter().map(|bar| price_snapshots::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        trading_date: Set(to_naive(bar.trading_date)),
        close: Set(bar.close),
        high: Set(bar.high),
        low: Set(bar.low),
        updated_at: Set(to_column(now)),
    });
    let rows = rows.collect();
    let on_conflict = OnConflict::columns([Column::Symbol, Column::TradingDate])
        .update_columns([Column::Close, Column::High, Column::Low, Column::UpdatedAt])
        .to_owned();
    Upsert {
        name: "price_snapshots",
        on_conflict,
    }
    .run(connection, rows)
    .await
}

pub(super) async fn put_high<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    high: &AllTimeHigh,
    now: Timestamp,
) -> Result<(), DbErr> {
    use all_time_highs::Column;
    let row = all_time_highs::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        price: Set(high.price),
        trading_date: Set(to_naive(high.trading_date)),
        covered_from: Set(to_naive(high.covered_from)),
        updated_at: Set(to_column(now)),
    };
    let replace = OnConflict::column(Column::Symbol)
        .update_columns([
            Column::Price,
            Column::TradingDate,
            Column::CoveredFrom,
            Column::UpdatedAt,
        ])
        .to_owned();
    Upsert {
        name: "all_time_highs",
        on_conflict: replace,
    }
    .run(connection, vec![row])
    .await
}

fn bar_row(
    symbol: &Symbol,
    bar: &DailyBar,
    source: &str,
    now: Timestamp,
) -> daily_bars::ActiveModel {
    daily_bars::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        trading_date: Set(to_naive(bar.trading_date)),
        open: Set(bar.open),
        high: Set(bar.high),
        low: Set(bar.low),
        close: Set(bar.close),
        adj_close: Set(bar.adj_close),
        volume: Set(bar.volume),
        source: Set(source.to_owned()),
        price_basis: Set(PRICE_BASIS.to_owned()),
        is_final: Set(bar.is_final),
        revision: Set(0),
        fetched_at: Set(to_column(now)),
    }
}

pub(super) fn bar_of(row: &daily_bars::Model) -> DailyBar {
    DailyBar {
        trading_date: to_date(row.trading_date),
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        adj_close: row.adj_close,
        volume: row.volume,
        is_final: row.is_final,
    }
}

pub(super) fn quote_of(row: quotes::Model) -> Quote {
    Quote {
        price: row.price,
        market_time: to_timestamp(row.market_time),
        trading_date: to_date(row.trading_date),
        currency: row.currency,
        previous_close: row.previous_close,
        day_high: row.day_high,
        day_low: row.day_low,
        day_volume: row.day_volume,
    }
}

pub(super) fn instrument_of(row: instruments::Model) -> Instrument {
    Instrument {
        currency: row.currency,
        timezone: row.timezone,
        instrument_type: row.instrument_type,
        exchange: row.exchange,
        first_trade_date: row.first_trade_date.map(to_date),
    }
}

pub(super) fn high_of(row: &all_time_highs::Model) -> AllTimeHigh {
    AllTimeHigh {
        price: row.price,
        trading_date: to_date(row.trading_date),
        covered_from: to_date(row.covered_from),
    }
}
