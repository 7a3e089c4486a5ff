//! Sessions a whole market lacks: each is told once.

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::prelude::Date as Day;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};

use super::convert::{to_column, to_date, to_i64, to_naive};
use super::entities::gaps::{Column, Entity};
use super::entities::{all_time_highs, symbol_health};
use super::readable::fault;
use super::{Store, StoreError};
use crate::domain::GapState;

/// A session many symbols of a calendar lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemicGap {
    /// The calendar.
    pub calendar: String,
    /// The session.
    pub trading_date: Date,
    /// Symbols that lack it.
    pub missing: u64,
    /// Symbols of that calendar whose series begins at it or before.
    pub watched: u64,
}

impl Store {
    /// Sessions that at least `least` symbols and more than `share` (0 to 1) of those of a calendar
    /// lack, and that nobody was told of yet: each is given once, also when several processes ask.
    pub async fn take_systemic_gaps(
        &self,
        least: u64,
        share: f64,
        now: Timestamp,
    ) -> Result<Vec<SystemicGap>, StoreError> {
        let mut found = self.ask("systemic", candidates(&self.read, least)).await?;
        #[allow(clippy::cast_precision_loss, reason = "numbers of symbols")]
        found.retain(|gap| gap.missing as f64 > share * gap.watched as f64);
        if found.is_empty() {
            return Ok(found);
        }
        // Inside only what makes each be given once: looking all gaps over takes long.
        self.tell("systemic", async {
            let transaction = self.begin().await?;
            let mut taken = Vec::with_capacity(found.len());
            for gap in found {
                if !is_told(&transaction, &gap.calendar, to_naive(gap.trading_date)).await? {
                    tell_of(&transaction, &gap, now).await?;
                    taken.push(gap);
                }
            }
            transaction.commit().await?;
            Ok(taken)
        })
        .await
    }
}

/// Sessions that at least `least` symbols lack and nobody was told of.
async fn candidates<C: ConnectionTrait>(
    connection: &C,
    least: u64,
) -> Result<Vec<SystemicGap>, DbErr> {
    let query = Entity::find()
        .select_only()
        .column(Column::Calendar)
        .column(Column::TradingDate)
        .column_as(Column::Symbol.count(), "missing")
        .filter(Column::State.eq(GapState::Open.as_str()))
        .group_by(Column::Calendar)
        .group_by(Column::TradingDate)
        .having(Column::Symbol.count().gte(to_i64(least)))
        .order_by_desc(Column::TradingDate);
    let statement = query.build(connection.get_database_backend());
    let mut found = Vec::new();
    for row in connection.query_all_raw(statement).await? {
        let (calendar, date, missing) = match row.try_get_many_by_index::<Lacking>() {
            Ok(lacking) => lacking,
            // Each of these rows is named where its symbol's gaps are read.
            Err(error) if fault(&row, &error).is_some() => continue,
            Err(error) => return Err(error),
        };
        if is_told(connection, &calendar, date).await? {
            continue;
        }
        let trading_date = to_date(date);
        found.push(SystemicGap {
            watched: count_watched(connection, &calendar, trading_date).await?,
            missing: missing.unsigned_abs(),
            calendar,
            trading_date,
        });
    }
    Ok(found)
}

/// Calendar, session, symbols that lack it.
type Lacking = (String, Day, i64);

/// Whether somebody was told of that session.
async fn is_told<C: ConnectionTrait>(
    connection: &C,
    calendar: &str,
    session: Day,
) -> Result<bool, DbErr> {
    let told = Entity::find()
        .filter(Column::Calendar.eq(calendar))
        .filter(Column::TradingDate.eq(session))
        .filter(Column::SystemicAt.is_not_null());
    Ok(told.count(connection).await? > 0)
}

/// Symbols of a calendar whose series begins at `date` or before.
async fn count_watched<C: ConnectionTrait>(
    connection: &C,
    calendar: &str,
    date: Date,
) -> Result<u64, DbErr> {
    let covered = all_time_highs::Entity::find()
        .select_only()
        .column(all_time_highs::Column::Symbol)
        .filter(all_time_highs::Column::CoveredFrom.lte(to_naive(date)));
    symbol_health::Entity::find()
        .filter(symbol_health::Column::Calendar.eq(calendar))
        .filter(symbol_health::Column::DelistedAt.is_null())
        .filter(symbol_health::Column::Symbol.in_subquery(covered.into_query()))
        .count(connection)
        .await
}

async fn tell_of<C: ConnectionTrait>(
    connection: &C,
    gap: &SystemicGap,
    now: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::SystemicAt, Expr::value(to_column(now)))
        .filter(Column::Calendar.eq(gap.calendar.as_str()))
        .filter(Column::TradingDate.eq(to_naive(gap.trading_date)))
        .filter(Column::State.eq(GapState::Open.as_str()))
        .exec(connection)
        .await
        .map(drop)
}
