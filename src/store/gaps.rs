//! Gaps on record: found, filled, asked for again.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use serde::Serialize;

use super::chunks::Upsert;
use super::convert::{to_column, to_date, to_naive, to_timestamp};
use super::entities::gaps::{Column, Entity};
use super::entities::{all_time_highs, daily_bars, gaps, instruments, symbol_health};
use super::price_rows::instrument_of;
use super::quarantine::held_on;
use super::readable::{note_unknown, read_all, read_columns, read_one};
use super::{Instrument, Store, StoreError};
use crate::domain::{GapChanges, GapState, Symbol, SymbolHealth, last_ask_again, next_ask};

/// Dates named in one statement.
const NAMED_DATES: usize = 500;

/// Gaps told at most: more than a person reads.
const MOST_GAPS: u64 = 100_000;

/// A gap on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct Gap {
    pub symbol: String,
    pub trading_date: Date,
    pub state: String,
    pub calendar: String,
    pub first_seen: Timestamp,
    /// Requests sent for it that brought no bar.
    pub asked: i32,
    pub last_asked_at: Option<Timestamp>,
    pub next_ask_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    /// When it was told of as one of many of its market.
    pub systemic_at: Option<Timestamp>,
}

/// What is known of a symbol whose series is looked over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watched {
    /// What the upstream says it is.
    pub instrument: Option<Instrument>,
    /// Since when its series is kept; absent when it has none.
    pub covered_from: Option<Date>,
    /// Its calendar, and whether it is there.
    pub health: SymbolHealth,
}

impl Store {
    /// What is known of `symbol` before its series is looked over.
    pub async fn watched(&self, symbol: &Symbol) -> Result<Watched, StoreError> {
        let key = || symbol.as_str().to_owned();
        self.ask("watched", async {
            let read = &self.read;
            let instrument = read_one(read, instruments::Entity::find_by_id(key())).await?;
            let high = read_one(read, all_time_highs::Entity::find_by_id(key())).await?;
            let health = read_one(read, symbol_health::Entity::find_by_id(key())).await?;
            Ok(Watched {
                instrument: instrument.map(instrument_of),
                covered_from: high.map(|high| to_date(high.covered_from)),
                health: health.map(super::symbols::health_of).unwrap_or_default(),
            })
        })
        .await
    }

    /// The dates of the final bars of `symbol` from `from` to `to`, both included.
    pub async fn final_sessions(
        &self,
        symbol: &Symbol,
        from: Date,
        to: Date,
    ) -> Result<Vec<Date>, StoreError> {
        let query = daily_bars::Entity::find()
            .select_only()
            .column(daily_bars::Column::TradingDate)
            .filter(daily_bars::Column::Symbol.eq(symbol.as_str()))
            .filter(daily_bars::Column::TradingDate.between(to_naive(from), to_naive(to)))
            .filter(daily_bars::Column::IsFinal.eq(true));
        let dates = read_columns::<sea_orm::prelude::Date, _, _>(&self.read, query);
        let dates = self.ask("final_sessions", dates).await?;
        Ok(dates.into_iter().map(to_date).collect())
    }

    /// The gaps of `symbol` on record from `from` to `to`, both included, in whatever state.
    pub async fn gap_states(
        &self,
        symbol: &Symbol,
        from: Date,
        to: Date,
    ) -> Result<BTreeMap<Date, GapState>, StoreError> {
        let query = Entity::find()
            .filter(Column::Symbol.eq(symbol.as_str()))
            .filter(Column::TradingDate.between(to_naive(from), to_naive(to)));
        let rows = self.ask("gaps", read_all(&self.read, query)).await?;
        let known = rows
            .into_iter()
            .filter_map(|row| Some((to_date(row.trading_date), known_state(&row)?)));
        Ok(known.collect())
    }

    /// Writes what a look at the series of `symbol` has found, in one transaction.
    pub async fn settle_gaps(
        &self,
        symbol: &Symbol,
        calendar: &str,
        changes: &GapChanges,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.tell("gaps", async {
            let transaction = self.begin().await?;
            put_found(&transaction, symbol, calendar, &changes.found, now).await?;
            close(&transaction, symbol, &changes.filled, GapState::Filled, now).await?;
            for dates in changes.dropped.chunks(NAMED_DATES) {
                Entity::delete_many()
                    .filter(of(symbol, dates))
                    .exec(&transaction)
                    .await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Notes that `dates` were asked for and did not come, and that `filled` did: those that have
    /// climbed the whole ladder are closed. Gives how many were.
    pub async fn gaps_asked(
        &self,
        symbol: &Symbol,
        dates: &[Date],
        filled: &[Date],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.tell("gaps", async {
            let transaction = self.begin().await?;
            close(&transaction, symbol, filled, GapState::Filled, now).await?;
            let mut confirmed = 0;
            for dates in dates.chunks(NAMED_DATES) {
                confirmed += climb(&transaction, symbol, dates, now).await?;
            }
            transaction.commit().await?;
            Ok(confirmed)
        })
        .await
    }

    /// The sessions of `symbol` that are to be asked for, oldest first.
    pub async fn due_gaps(&self, symbol: &Symbol, now: Timestamp) -> Result<Vec<Date>, StoreError> {
        let query = Entity::find()
            .filter(Column::Symbol.eq(symbol.as_str()))
            .filter(is_due(now))
            .order_by_asc(Column::TradingDate);
        let rows = self.ask("due_gaps", read_all(&self.read, query)).await?;
        Ok(rows.iter().map(|row| to_date(row.trading_date)).collect())
    }

    /// The symbols with a session that is to be asked for.
    pub async fn symbols_with_due_gaps(
        &self,
        now: Timestamp,
    ) -> Result<HashSet<String>, StoreError> {
        let query = Entity::find()
            .select_only()
            .column(Column::Symbol)
            .distinct()
            .filter(is_due(now))
            .into_tuple::<String>();
        let symbols = self.ask("due_gaps", query.all(&self.read)).await?;
        Ok(symbols.into_iter().collect())
    }

    /// Gaps on record, newest session first: of one symbol or all, only open ones or all. A gap
    /// whose bar has come since is not open any more, though nobody has looked yet.
    pub async fn gaps(
        &self,
        symbol: Option<&str>,
        only_open: bool,
    ) -> Result<Vec<Gap>, StoreError> {
        let query = Entity::find()
            .apply_if(symbol, |query, symbol| {
                query.filter(Column::Symbol.eq(symbol))
            })
            .apply_if(only_open.then_some(()), |query, ()| {
                query
                    .filter(Column::State.eq(GapState::Open.as_str()))
                    .filter(super::symbols::lacks_its_bar())
            })
            .order_by_desc(Column::TradingDate)
            .order_by_asc(Column::Symbol)
            .limit(MOST_GAPS);
        let rows = self.ask("gaps", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().map(gap_of).collect())
    }
}

fn of(symbol: &Symbol, dates: &[Date]) -> Expr {
    let dates = dates.iter().copied().map(to_naive);
    Column::Symbol
        .eq(symbol.as_str())
        .and(Column::TradingDate.is_in(dates))
}

fn is_due(now: Timestamp) -> Expr {
    Column::State
        .eq(GapState::Open.as_str())
        .and(Column::NextAskAt.lte(to_column(now)))
}

/// New gaps, and gaps that were filled and lack their bar again.
async fn put_found<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    calendar: &str,
    dates: &[Date],
    now: Timestamp,
) -> Result<(), DbErr> {
    let rows = dates.iter().map(|date| gaps::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        trading_date: Set(to_naive(*date)),
        state: Set(GapState::Open.as_str().to_owned()),
        calendar: Set(calendar.to_owned()),
        first_seen: Set(to_column(now)),
        asked: Set(0),
        last_asked_at: Set(None),
        next_ask_at: Set(next_ask(0, now).map(to_column)),
        closed_at: Set(None),
        systemic_at: Set(None),
    });
    let on_conflict = OnConflict::columns([Column::Symbol, Column::TradingDate])
        .update_columns([
            Column::State,
            Column::Calendar,
            Column::FirstSeen,
            Column::Asked,
            Column::LastAskedAt,
            Column::NextAskAt,
            Column::ClosedAt,
        ])
        .to_owned();
    Upsert {
        name: "gaps",
        on_conflict,
    }
    .run(connection, rows.collect())
    .await
}

/// Ends gaps, whatever state they are in.
pub(super) async fn close<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    dates: &[Date],
    state: GapState,
    now: Timestamp,
) -> Result<(), DbErr> {
    for dates in dates.chunks(NAMED_DATES) {
        Entity::update_many()
            .col_expr(Column::State, Expr::value(state.as_str()))
            .col_expr(
                Column::NextAskAt,
                Expr::value(Option::<sea_orm::prelude::DateTimeUtc>::None),
            )
            .col_expr(Column::ClosedAt, Expr::value(to_column(now)))
            .filter(of(symbol, dates))
            .exec(connection)
            .await?;
    }
    Ok(())
}

async fn ask_at<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    dates: &[Date],
    at: Timestamp,
) -> Result<(), DbErr> {
    if dates.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::NextAskAt, Expr::value(to_column(at)))
        .filter(of(symbol, dates))
        .exec(connection)
        .await
        .map(drop)
}

/// One rung up for open gaps; those on the last one are closed. Gives how many of these.
async fn climb<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    dates: &[Date],
    now: Timestamp,
) -> Result<u64, DbErr> {
    let open = of(symbol, dates).and(Column::State.eq(GapState::Open.as_str()));
    let rows = read_all(connection, Entity::find().filter(open)).await?;
    let mut rungs: BTreeMap<i32, Vec<Date>> = BTreeMap::new();
    for row in rows {
        let rung = rungs.entry(row.asked).or_default();
        rung.push(to_date(row.trading_date));
    }
    let mut confirmed = 0;
    for (asked, dates) in rungs {
        let asked = asked.saturating_add(1);
        let next = next_ask(asked.unsigned_abs(), now);
        Entity::update_many()
            .col_expr(Column::Asked, Expr::value(asked))
            .col_expr(Column::LastAskedAt, Expr::value(to_column(now)))
            .col_expr(Column::NextAskAt, Expr::value(next.map(to_column)))
            .filter(of(symbol, &dates))
            .exec(connection)
            .await?;
        if next.is_none() {
            // A row came that nobody has decided about: that is no day without a trade.
            let held = held_on(connection, symbol, &dates).await?;
            let (open, over): (Vec<Date>, Vec<Date>) =
                dates.iter().partition(|date| held.contains(date));
            close(connection, symbol, &over, GapState::ConfirmedNoTrade, now).await?;
            ask_at(connection, symbol, &open, last_ask_again(now)).await?;
            confirmed += over.len() as u64;
        }
    }
    Ok(confirmed)
}

/// The state of a gap; one that is not known here is told of.
fn known_state(row: &gaps::Model) -> Option<GapState> {
    let state = GapState::from_name(&row.state);
    if state.is_none() {
        let key = format!("{} {}", row.symbol, row.trading_date);
        note_unknown("gaps", &key, "state", &row.state);
    }
    state
}

fn gap_of(row: gaps::Model) -> Gap {
    Gap {
        symbol: row.symbol,
        trading_date: to_date(row.trading_date),
        state: row.state,
        calendar: row.calendar,
        first_seen: to_timestamp(row.first_seen),
        asked: row.asked,
        last_asked_at: row.last_asked_at.map(to_timestamp),
        next_ask_at: row.next_ask_at.map(to_timestamp),
        closed_at: row.closed_at.map(to_timestamp),
        systemic_at: row.systemic_at.map(to_timestamp),
    }
}
