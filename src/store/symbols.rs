//! Symbols as people look at them, and whether they are still there.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};
use serde::Serialize;

use super::convert::{to_column, to_date, to_i32, to_naive, to_timestamp};
use super::entities::{daily_bars, gaps, instruments, quarantine, quotes, symbol_health};
use super::price_rows::within;
use super::readable::{read_all, read_columns, read_one};
use super::{Store, StoreError};
use crate::domain::{GapState, Symbol, SymbolHealth};

/// Everything the database knows of one symbol, summed up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SymbolRow {
    /// The symbol.
    pub symbol: String,
    /// Quoted unit.
    pub currency: Option<String>,
    /// IANA name of the exchange's zone.
    pub timezone: Option<String>,
    /// `EQUITY`, `INDEX` …, as sent.
    pub instrument_type: Option<String>,
    /// The exchange's code, as sent.
    pub exchange: Option<String>,
    /// Stored bars.
    pub bars: u64,
    /// The oldest of them.
    pub first_bar: Option<Date>,
    /// The newest of them.
    pub last_bar: Option<Date>,
    /// Sessions that lack their bar and are asked for again.
    pub gaps_open: u64,
    /// Rows in quarantine that nobody has decided about.
    pub rows_held: u64,
    /// When the exchange stamped the latest price.
    pub quoted_at: Option<Timestamp>,
    /// Its calendar, and whether it is still there.
    pub health: SymbolHealth,
}

/// A stored bar with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct BarRow {
    pub trading_date: Date,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub adj_close: Option<f64>,
    pub volume: Option<i64>,
    pub is_final: bool,
    /// How often it was corrected after it was final.
    pub revision: i32,
    pub source: String,
    pub fetched_at: Timestamp,
}

impl Store {
    /// What is remembered of a symbol's being there.
    pub async fn health(&self, symbol: &Symbol) -> Result<SymbolHealth, StoreError> {
        let find = symbol_health::Entity::find_by_id(symbol.as_str().to_owned());
        let row = self
            .ask("symbol_health", read_one(&self.read, find))
            .await?;
        Ok(row.map(health_of).unwrap_or_default())
    }

    /// Changes what is remembered of a symbol, in one transaction, so that of two changes at once
    /// neither is lost. Gives what was remembered, and what is now.
    pub async fn change_health(
        &self,
        symbol: &Symbol,
        now: Timestamp,
        change: impl Fn(&SymbolHealth) -> SymbolHealth + Send,
    ) -> Result<(SymbolHealth, SymbolHealth), StoreError> {
        self.tell("symbol_health", async {
            let transaction = self.begin().await?;
            // The row is there before it is locked: a lock on nothing holds back nobody.
            let nothing = row_of(symbol, &SymbolHealth::default(), now);
            let keep = OnConflict::column(symbol_health::Column::Symbol)
                .do_nothing_on([symbol_health::Column::Symbol])
                .to_owned();
            symbol_health::Entity::insert(nothing)
                .on_conflict(keep)
                .exec_without_returning(&transaction)
                .await?;
            let find = symbol_health::Entity::find_by_id(symbol.as_str().to_owned());
            let row = read_one(&transaction, find.lock_exclusive()).await?;
            let before = row.map(health_of).unwrap_or_default();
            let after = change(&before);
            symbol_health::Entity::update(row_of(symbol, &after, now))
                .exec(&transaction)
                .await?;
            transaction.commit().await?;
            Ok((before, after))
        })
        .await
    }

    /// The symbols that are called delisted, with what is remembered of them.
    pub async fn delisted(&self) -> Result<Vec<(String, SymbolHealth)>, StoreError> {
        let query =
            symbol_health::Entity::find().filter(symbol_health::Column::DelistedAt.is_not_null());
        let rows = self.ask("delisted", read_all(&self.read, query)).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.symbol.clone(), health_of(row)))
            .collect())
    }

    /// Every symbol the database knows, in order of name. Counts all bars: about a second for a
    /// few million of them.
    pub async fn symbols(&self) -> Result<Vec<SymbolRow>, StoreError> {
        let mut all: BTreeMap<String, SymbolRow> = BTreeMap::new();
        let mut row = |symbol: String, fill: &mut dyn FnMut(&mut SymbolRow)| {
            let row = all.entry(symbol.clone()).or_default();
            row.symbol = symbol;
            fill(row);
        };
        let found = self.ask("symbols", read_all(&self.read, instruments::Entity::find()));
        for instrument in found.await? {
            row(instrument.symbol.clone(), &mut |row| {
                row.currency.clone_from(&instrument.currency);
                row.timezone = Some(instrument.timezone.clone());
                row.instrument_type.clone_from(&instrument.instrument_type);
                row.exchange.clone_from(&instrument.exchange);
            });
        }
        for (symbol, at) in self.quote_times().await? {
            row(symbol, &mut |row| row.quoted_at = Some(to_timestamp(at)));
        }
        for (symbol, count, first, last) in self.bar_counts().await? {
            row(symbol, &mut |row| {
                row.bars = count.unsigned_abs();
                row.first_bar = first.map(to_date);
                row.last_bar = last.map(to_date);
            });
        }
        for (symbol, count) in self.held_rows().await? {
            row(symbol, &mut |row| row.rows_held = count.unsigned_abs());
        }
        for (symbol, count) in self.open_gaps().await? {
            row(symbol, &mut |row| row.gaps_open = count.unsigned_abs());
        }
        let found = self.ask(
            "symbols",
            read_all(&self.read, symbol_health::Entity::find()),
        );
        for health in found.await? {
            row(health.symbol.clone(), &mut |row| {
                row.health = health_of(health.clone());
            });
        }
        Ok(all.into_values().collect())
    }

    /// The names of all symbols something is stored of.
    pub async fn symbol_names(&self) -> Result<HashSet<String>, StoreError> {
        let mut names = HashSet::new();
        let known = instruments::Entity::find()
            .select_only()
            .column(instruments::Column::Symbol)
            .into_tuple::<String>();
        names.extend(self.ask("symbols", known.all(&self.read)).await?);
        let watched = symbol_health::Entity::find()
            .select_only()
            .column(symbol_health::Column::Symbol)
            .into_tuple::<String>();
        names.extend(self.ask("symbols", watched.all(&self.read)).await?);
        // Of a first answer everything may have been held.
        let held = quarantine::Entity::find()
            .select_only()
            .column(quarantine::Column::Symbol)
            .distinct()
            .into_tuple::<String>();
        names.extend(self.ask("symbols", held.all(&self.read)).await?);
        Ok(names)
    }

    /// Bars of `symbol` between two dates, both included, the newest `limit` of them, oldest first.
    pub async fn bar_rows(
        &self,
        symbol: &Symbol,
        (from, to): (Date, Date),
        limit: Option<u64>,
    ) -> Result<Vec<BarRow>, StoreError> {
        use daily_bars::Column;
        let query = daily_bars::Entity::find()
            .filter(Column::Symbol.eq(symbol.as_str()))
            .filter(within(from, to))
            .order_by_desc(Column::TradingDate)
            .limit(limit);
        let rows = self.ask("bars", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().rev().map(bar_row).collect())
    }

    async fn quote_times(&self) -> Result<Vec<(String, DateTimeUtc)>, StoreError> {
        let query = quotes::Entity::find()
            .select_only()
            .columns([quotes::Column::Symbol, quotes::Column::MarketTime]);
        self.ask("symbols", read_columns(&self.read, query)).await
    }

    async fn open_gaps(&self) -> Result<Vec<(String, i64)>, StoreError> {
        use gaps::Column;
        let query = gaps::Entity::find()
            .select_only()
            .column(Column::Symbol)
            .column_as(Column::TradingDate.count(), "gaps_open")
            .filter(Column::State.eq(GapState::Open.as_str()))
            .filter(lacks_its_bar())
            .group_by(Column::Symbol)
            .into_tuple();
        self.ask("symbols", query.all(&self.read)).await
    }
}

/// Whether a gap's final bar is still not there.
pub(super) fn lacks_its_bar() -> Expr {
    let bar = daily_bars::Entity::find()
        .select_only()
        .column(daily_bars::Column::Symbol)
        .filter(
            Expr::col((daily_bars::Entity, daily_bars::Column::Symbol))
                .equals((gaps::Entity, gaps::Column::Symbol)),
        )
        .filter(
            Expr::col((daily_bars::Entity, daily_bars::Column::TradingDate))
                .equals((gaps::Entity, gaps::Column::TradingDate)),
        )
        .filter(daily_bars::Column::IsFinal.eq(true));
    Expr::exists(bar.into_query()).not()
}

fn row_of(symbol: &Symbol, health: &SymbolHealth, now: Timestamp) -> symbol_health::ActiveModel {
    symbol_health::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        calendar: Set(health.calendar.clone()),
        not_found_count: Set(to_i32(health.not_found_count)),
        not_found_days: Set(to_i32(health.not_found_days)),
        not_found_on: Set(health.not_found_on.map(to_naive)),
        not_found_since: Set(health.not_found_since.map(to_column)),
        delisted_at: Set(health.delisted_at.map(to_column)),
        asked_at: Set(health.asked_at.map(to_column)),
        updated_at: Set(to_column(now)),
    }
}

pub(super) fn health_of(row: symbol_health::Model) -> SymbolHealth {
    SymbolHealth {
        calendar: row.calendar,
        not_found_count: row.not_found_count.unsigned_abs(),
        not_found_days: row.not_found_days.unsigned_abs(),
        not_found_on: row.not_found_on.map(to_date),
        not_found_since: row.not_found_since.map(to_timestamp),
        delisted_at: row.delisted_at.map(to_timestamp),
        asked_at: row.asked_at.map(to_timestamp),
    }
}

fn bar_row(row: daily_bars::Model) -> BarRow {
    BarRow {
        trading_date: to_date(row.trading_date),
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        adj_close: row.adj_close,
        volume: row.volume,
        is_final: row.is_final,
        revision: row.revision,
        source: row.source,
        fetched_at: to_timestamp(row.fetched_at),
    }
}
