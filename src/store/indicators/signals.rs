//! Signals on record: raised once, withdrawn when a correction makes them untrue.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use serde::Serialize;

use crate::domain::Symbol;
use crate::store::chunks::Upsert;
use crate::store::convert::{to_column, to_date, to_naive, to_timestamp};
use crate::store::entities::signals::{ActiveModel, Column, Entity, Model};
use crate::store::{Store, StoreError};

/// A signal of a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalEdge {
    /// The session.
    pub trading_date: Date,
    /// The signal's name.
    pub kind: &'static str,
    /// The session's close.
    pub close: f64,
}

/// What a computation has changed in the record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SignalChanges {
    /// Signals that were never on record before.
    pub raised: Vec<SignalEdge>,
    /// Signals that no longer hold: session and name.
    pub withdrawn: Vec<(Date, String)>,
    /// Rows inserted, changed or removed, in whatever table.
    pub rows: u64,
}

/// Which signals to show.
#[derive(Debug, Clone, Default)]
pub struct SignalFilter {
    /// Only this symbol's.
    pub symbol: Option<Symbol>,
    /// Only those of this name.
    pub kind: Option<String>,
    /// Only those of sessions from this date on.
    pub since: Option<Date>,
    /// Those that were withdrawn, too.
    pub with_withdrawn: bool,
    /// The newest so many; all without a number.
    pub limit: Option<u64>,
}

/// A signal on record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct SignalRow {
    pub symbol: String,
    pub trading_date: Date,
    pub kind: String,
    pub close: f64,
    pub set_id: String,
    pub raised_at: Timestamp,
    pub withdrawn_at: Option<Timestamp>,
}

impl Store {
    /// The signals that pass `filter`, those of the newest session first.
    pub async fn signals(&self, filter: &SignalFilter) -> Result<Vec<SignalRow>, StoreError> {
        let query = Entity::find()
            .apply_if(filter.symbol.as_ref(), |q, symbol| {
                q.filter(Column::Symbol.eq(symbol.as_str()))
            })
            .apply_if(filter.kind.as_deref(), |q, kind| {
                q.filter(Column::Kind.eq(kind))
            })
            .apply_if(filter.since, |q, since| {
                q.filter(Column::TradingDate.gte(to_naive(since)))
            })
            .apply_if((!filter.with_withdrawn).then_some(()), |q, ()| {
                q.filter(Column::WithdrawnAt.is_null())
            })
            .order_by_desc(Column::TradingDate)
            .order_by_asc(Column::Symbol)
            .order_by_asc(Column::Kind)
            .limit(filter.limit);
        let rows = self.ask("signals", query.all(&self.read)).await?;
        Ok(rows.into_iter().map(told).collect())
    }
}

/// Makes the record of the sessions after a date equal to `edges`.
pub(super) async fn settle_signals<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    set_id: &str,
    (after, edges): (Option<Date>, &[SignalEdge]),
    now: Timestamp,
) -> Result<SignalChanges, DbErr> {
    let of_set = || {
        Column::Symbol
            .eq(symbol.as_str())
            .and(Column::SetId.eq(set_id))
    };
    let stored = Entity::find()
        .filter(of_set())
        .filter(Column::TradingDate.gt(to_naive(after.unwrap_or(Date::MIN))))
        .all(connection)
        .await?;
    let mut stored: BTreeMap<(Date, String), Model> = stored
        .into_iter()
        .map(|row| ((to_date(row.trading_date), row.kind.clone()), row))
        .collect();
    let mut changes = SignalChanges::default();
    let mut again = Vec::new();
    for edge in edges {
        match stored.remove(&(edge.trading_date, edge.kind.to_owned())) {
            None => changes.raised.push(edge.clone()),
            // The session's close may be another now, or it holds again.
            Some(row) if row.withdrawn_at.is_some() || row.close != edge.close => {
                again.push(edge);
            }
            Some(_) => {}
        }
    }
    let untrue = stored
        .into_iter()
        .filter(|(_, row)| row.withdrawn_at.is_none());
    changes.withdrawn = untrue.map(|(key, _)| key).collect();
    for (date, kind) in &changes.withdrawn {
        Entity::update_many()
            .col_expr(Column::WithdrawnAt, Expr::value(to_column(now)))
            .filter(of_set())
            .filter(Column::TradingDate.eq(to_naive(*date)))
            .filter(Column::Kind.eq(kind.as_str()))
            .exec(connection)
            .await?;
    }
    let written = changes.raised.iter().chain(again.iter().copied());
    let rows: Vec<ActiveModel> = written
        .map(|edge| ActiveModel {
            symbol: Set(symbol.as_str().to_owned()),
            set_id: Set(set_id.to_owned()),
            trading_date: Set(to_naive(edge.trading_date)),
            kind: Set(edge.kind.to_owned()),
            close: Set(edge.close),
            raised_at: Set(to_column(now)),
            withdrawn_at: Set(None),
        })
        .collect();
    changes.rows = (rows.len() + changes.withdrawn.len()) as u64;
    let key = [
        Column::Symbol,
        Column::SetId,
        Column::TradingDate,
        Column::Kind,
    ];
    // When it was raised first stays.
    let replace = OnConflict::columns(key)
        .update_columns([Column::Close, Column::WithdrawnAt])
        .to_owned();
    Upsert {
        name: "signals",
        on_conflict: replace,
    }
    .run(connection, rows)
    .await?;
    Ok(changes)
}

fn told(row: Model) -> SignalRow {
    SignalRow {
        symbol: row.symbol,
        trading_date: to_date(row.trading_date),
        kind: row.kind,
        close: row.close,
        set_id: row.set_id,
        raised_at: to_timestamp(row.raised_at),
        withdrawn_at: row.withdrawn_at.map(to_timestamp),
    }
}
