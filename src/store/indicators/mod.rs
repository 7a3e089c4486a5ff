//! Indicators on record: of which series they are, what goes on with the next bar, and their values.

mod series;
mod signals;
mod text;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::chunks::Upsert;
use super::convert::{to_column, to_date, to_i64, to_naive, to_timestamp};
use super::entities::{indicator_bars, indicator_latest};
use super::{Store, StoreError};
use crate::domain::Symbol;
pub use series::{Replaced, SeriesVersion, Stretch, VersionedBar};
use signals::settle_signals;
pub use signals::{SignalChanges, SignalEdge, SignalFilter, SignalRow};
use text::{base_of, text_of, text_of_base, values_of};

/// What goes on from a bar that is not the newest: for corrections.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// The series up to that bar.
    pub version: SeriesVersion,
    /// The state there, as text.
    pub anchors: String,
}

/// Where the indicators of a symbol stand.
#[derive(Debug, Clone, PartialEq)]
pub struct IndicatorState {
    /// The series they were computed from.
    pub version: SeriesVersion,
    /// The state at its newest bar, as text.
    pub anchors: String,
    /// The same some bars before.
    pub base: Option<Base>,
    /// Whether every bar's values are kept.
    pub has_history: bool,
}

/// The values of one bar.
#[derive(Debug, Clone, PartialEq)]
pub struct IndicatorRow {
    /// The session.
    pub trading_date: Date,
    /// Its close.
    pub close: f64,
    /// Name and value in the order of the set.
    pub values: Vec<(String, Option<f64>)>,
}

/// The newest values of a symbol with one set.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestIndicators {
    /// The set's key.
    pub set_id: String,
    /// The set in words.
    pub set_text: String,
    /// The values.
    pub row: IndicatorRow,
    /// Whether every bar's values are kept.
    pub has_history: bool,
    /// When they were computed.
    pub computed_at: Timestamp,
}

/// What a computation has come to.
#[derive(Debug, Clone)]
pub struct NewIndicators {
    /// The set's key.
    pub set_id: String,
    /// The set in words.
    pub set_text: String,
    /// Computed are the bars after this session; all at all without one.
    pub after: Option<Date>,
    /// The newest bar's values.
    pub latest: IndicatorRow,
    /// Where it stands now.
    pub state: IndicatorState,
    /// The signals of the computed bars.
    pub signals: Vec<SignalEdge>,
    /// The values of the computed bars, when they are kept.
    pub history: Vec<IndicatorRow>,
}

impl Store {
    /// Where the indicators of `symbol` with a set stand; `None` when there are none.
    pub async fn indicator_state(
        &self,
        symbol: &Symbol,
        set_id: &str,
    ) -> Result<Option<IndicatorState>, StoreError> {
        let found = latest_of(&self.read, symbol, set_id);
        let row = self.ask("indicator_state", found).await?;
        Ok(row.as_ref().map(state_of))
    }

    /// Writes a computation in one transaction, if `seen` is still what is stored; else `None`: another
    /// process was faster.
    pub async fn save_indicators(
        &self,
        symbol: &Symbol,
        new: &NewIndicators,
        seen: Option<&IndicatorState>,
        now: Timestamp,
    ) -> Result<Option<SignalChanges>, StoreError> {
        self.tell("save_indicators", async {
            let transaction = self.begin().await?;
            let stored = latest_of(&transaction, symbol, &new.set_id).await?;
            if stored.as_ref().map(state_of).as_ref() != seen {
                transaction.rollback().await?;
                return Ok(None);
            }
            let mut changes = settle_signals(
                &transaction,
                symbol,
                &new.set_id,
                (new.after, &new.signals),
                now,
            )
            .await?;
            if new.state.has_history {
                changes.rows += put_history(&transaction, symbol, new).await?;
            }
            put_latest(&transaction, symbol, new, now).await?;
            changes.rows += 1;
            transaction.commit().await?;
            Ok(Some(changes))
        })
        .await
    }

    /// The newest values of `symbol` with each set, the last computed first.
    pub async fn latest_indicators(
        &self,
        symbol: &Symbol,
    ) -> Result<Vec<LatestIndicators>, StoreError> {
        use indicator_latest::Column;
        let query = indicator_latest::Entity::find()
            .filter(Column::Symbol.eq(symbol.as_str()))
            .order_by_desc(Column::ComputedAt);
        let rows = self.ask("indicators", query.all(&self.read)).await?;
        let told = rows.into_iter().map(|row| LatestIndicators {
            row: IndicatorRow {
                trading_date: to_date(row.trading_date),
                close: row.close,
                values: values_of(&row.indicator_values),
            },
            set_id: row.set_id,
            set_text: row.set_text,
            has_history: row.has_history,
            computed_at: to_timestamp(row.computed_at),
        });
        Ok(told.collect())
    }

    /// The kept values of the newest `limit` bars, oldest first.
    pub async fn indicator_rows(
        &self,
        symbol: &Symbol,
        set_id: &str,
        limit: Option<u64>,
    ) -> Result<Vec<IndicatorRow>, StoreError> {
        use indicator_bars::Column;
        let query = indicator_bars::Entity::find()
            .filter(Column::Symbol.eq(symbol.as_str()))
            .filter(Column::SetId.eq(set_id))
            .order_by_desc(Column::TradingDate)
            .limit(limit);
        let rows = self.ask("indicators", query.all(&self.read)).await?;
        let rows = rows.into_iter().rev().map(|row| IndicatorRow {
            trading_date: to_date(row.trading_date),
            close: row.close,
            values: values_of(&row.indicator_values),
        });
        Ok(rows.collect())
    }
}

async fn latest_of<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    set_id: &str,
) -> Result<Option<indicator_latest::Model>, DbErr> {
    let key = (symbol.as_str().to_owned(), set_id.to_owned());
    indicator_latest::Entity::find_by_id(key)
        .one(connection)
        .await
}

async fn put_latest<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    new: &NewIndicators,
    now: Timestamp,
) -> Result<(), DbErr> {
    use indicator_latest::Column;
    let version = &new.state.version;
    let row = indicator_latest::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        set_id: Set(new.set_id.clone()),
        set_text: Set(new.set_text.clone()),
        trading_date: Set(to_naive(new.latest.trading_date)),
        close: Set(new.latest.close),
        indicator_values: Set(text_of(&new.latest.values)),
        first_date: Set(to_naive(version.first)),
        last_date: Set(to_naive(version.last)),
        bars: Set(to_i64(version.bars)),
        revisions: Set(to_i64(version.revisions)),
        replaced: Set(to_i64(version.replaced)),
        anchors: Set(new.state.anchors.clone()),
        base: Set(new.state.base.as_ref().map(text_of_base)),
        has_history: Set(new.state.has_history),
        computed_at: Set(to_column(now)),
    };
    let replace = OnConflict::columns([Column::Symbol, Column::SetId])
        .update_columns([
            Column::SetText,
            Column::TradingDate,
            Column::Close,
            Column::IndicatorValues,
            Column::FirstDate,
            Column::LastDate,
            Column::Bars,
            Column::Revisions,
            Column::Replaced,
            Column::Anchors,
            Column::Base,
            Column::HasHistory,
            Column::ComputedAt,
        ])
        .to_owned();
    Upsert {
        name: "indicator_latest",
        on_conflict: replace,
    }
    .run(connection, vec![row])
    .await
}

/// Writes the rows whose bits changed, and removes those of bars that are gone; gives how many.
async fn put_history<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    new: &NewIndicators,
) -> Result<u64, DbErr> {
    use indicator_bars::{Column, Entity};
    let after = to_naive(new.after.unwrap_or(Date::MIN));
    let stored = Entity::find()
        .filter(Column::Symbol.eq(symbol.as_str()))
        .filter(Column::SetId.eq(new.set_id.as_str()))
        .filter(Column::TradingDate.gt(after))
        .all(connection)
        .await?;
    let mut stored: BTreeMap<Date, (f64, String)> = stored
        .into_iter()
        .map(|row| (to_date(row.trading_date), (row.close, row.indicator_values)))
        .collect();
    let mut rows = Vec::new();
    for one in &new.history {
        let wanted = (one.close, text_of(&one.values));
        if stored.remove(&one.trading_date).as_ref() != Some(&wanted) {
            rows.push(indicator_bars::ActiveModel {
                symbol: Set(symbol.as_str().to_owned()),
                set_id: Set(new.set_id.clone()),
                trading_date: Set(to_naive(one.trading_date)),
                close: Set(wanted.0),
                indicator_values: Set(wanted.1),
            });
        }
    }
    let changed = (rows.len() + stored.len()) as u64;
    for gone in stored.into_keys() {
        let key = (
            symbol.as_str().to_owned(),
            new.set_id.clone(),
            to_naive(gone),
        );
        Entity::delete_by_id(key).exec(connection).await?;
    }
    let replace = OnConflict::columns([Column::Symbol, Column::SetId, Column::TradingDate])
        .update_columns([Column::Close, Column::IndicatorValues])
        .to_owned();
    Upsert {
        name: "indicator_bars",
        on_conflict: replace,
    }
    .run(connection, rows)
    .await?;
    Ok(changed)
}

fn state_of(row: &indicator_latest::Model) -> IndicatorState {
    IndicatorState {
        version: SeriesVersion {
            first: to_date(row.first_date),
            last: to_date(row.last_date),
            bars: row.bars.unsigned_abs(),
            revisions: row.revisions.unsigned_abs(),
            replaced: row.replaced.unsigned_abs(),
        },
        anchors: row.anchors.clone(),
        base: row.base.as_deref().and_then(base_of),
        has_history: row.has_history,
    }
}
