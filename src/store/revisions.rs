//! The trail of final bars that were replaced: one by one, or all of a series by its factors.
//!
//! A restated series of ten years is one row in `series_revisions`; a bar has a row of its own in
//! `bar_revisions` only when its old values do not follow from the factors (docs/adr/0010).

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};
use serde::Serialize;

use super::answer::Answer;
use super::changes::{Changes, Correction};
use super::convert::{to_column, to_date, to_naive, to_timestamp};
use super::entities::{bar_revisions, daily_bars, series_revisions};
use super::readable::read_all;
use super::{Store, StoreError};
use crate::domain::{DailyBar, Symbol};

/// Sessions named in one statement.
const COPY_ROWS: usize = 500;

/// Prices follow from a factor when they differ from it by no more than float32 rounds twice;
/// relative.
const FOLLOWS: f64 = 2e-6;

/// Volumes of split shares are rounded to whole ones.
const VOLUME_SLACK: f64 = 1.0;

/// A final bar as it was before it was replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct BarRevision {
    pub trading_date: Date,
    pub revision: i32,
    pub open: Option<f64>,
    pub high: Option<f64>,
    pub low: Option<f64>,
    pub close: Option<f64>,
    pub adj_close: Option<f64>,
    pub volume: Option<i64>,
    pub source: Option<String>,
    pub reason: Option<String>,
    pub replaced_at: Timestamp,
}

/// A restatement of a whole series: old prices times the factor are the new ones, old volumes
/// divided by it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the columns, named as in the database")]
pub struct SeriesRevision {
    pub revision: i32,
    pub first_date: Date,
    pub last_date: Date,
    pub bars: i32,
    pub exceptions: i32,
    pub price_factor: Option<f64>,
    pub adjusted_factor: Option<f64>,
    pub reason: Option<String>,
    pub replaced_at: Timestamp,
}

impl Store {
    /// The bars of `symbol` that were replaced one by one, oldest replacement first.
    pub async fn bar_revisions(&self, symbol: &Symbol) -> Result<Vec<BarRevision>, StoreError> {
        let query = bar_revisions::Entity::find()
            .filter(bar_revisions::Column::Symbol.eq(symbol.as_str()))
            .order_by_asc(bar_revisions::Column::Id);
        let rows = self.ask("revisions", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().map(bar_revision).collect())
    }

    /// The restatements of the series of `symbol`, oldest first.
    pub async fn series_revisions(
        &self,
        symbol: &Symbol,
    ) -> Result<Vec<SeriesRevision>, StoreError> {
        let query = series_revisions::Entity::find()
            .filter(series_revisions::Column::Symbol.eq(symbol.as_str()))
            .order_by_asc(series_revisions::Column::Revision);
        let rows = self.ask("revisions", read_all(&self.read, query)).await?;
        Ok(rows.into_iter().map(series_revision).collect())
    }
}

/// Keeps what `changes` is about to replace. To be called before the bars are written.
pub(super) async fn keep_trail<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    answer: &Answer,
    changes: &Changes<'_>,
    now: Timestamp,
) -> Result<(), DbErr> {
    if changes.corrected.is_empty() && changes.stale.is_empty() {
        return Ok(());
    }
    let factors = answer
        .restated
        .as_ref()
        .map(|_| Factors::of(&changes.corrected));
    let replaced = changes.corrected.iter();
    let alone = replaced
        .filter(|both| factors.is_none_or(|factors| !factors.explain(both)))
        .map(|both| both.new.trading_date);
    let mut alone: Vec<Date> = alone.collect();
    let reason = answer.restated.as_deref().unwrap_or("corrected");
    copy_bars(connection, symbol, &alone, reason, now).await?;
    let gone = format!("{reason}; no longer in the series");
    copy_bars(connection, symbol, &changes.stale, &gone, now).await?;
    alone.extend(&changes.stale);
    if let Some(factors) = factors {
        put_series(
            connection,
            symbol,
            changes,
            factors,
            reason,
            alone.len(),
            now,
        )
        .await?;
    }
    Ok(())
}

/// Copies final bars as they are stored into the trail.
pub(super) async fn copy_bars<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    sessions: &[Date],
    reason: &str,
    now: Timestamp,
) -> Result<(), DbErr> {
    use bar_revisions::Column as To;
    use daily_bars::Column as From;
    for chunk in sessions.chunks(COPY_ROWS) {
        let select = Query::select()
            .columns([
                From::Symbol,
                From::TradingDate,
                From::Revision,
                From::Open,
                From::High,
                From::Low,
                From::Close,
                From::AdjClose,
                From::Volume,
                From::Source,
            ])
            .expr(Expr::value(reason))
            .expr(Expr::value(to_column(now)))
            .from(daily_bars::Entity)
            .and_where(Expr::col(From::Symbol).eq(symbol.as_str()))
            .and_where(Expr::col(From::TradingDate).is_in(chunk.iter().copied().map(to_naive)))
            .and_where(Expr::col(From::IsFinal).eq(true))
            .take();
        let mut insert = Query::insert();
        insert.into_table(bar_revisions::Entity).columns([
            To::Symbol,
            To::TradingDate,
            To::Revision,
            To::Open,
            To::High,
            To::Low,
            To::Close,
            To::AdjClose,
            To::Volume,
            To::Source,
            To::Reason,
            To::ReplacedAt,
        ]);
        insert
            .select_from(select)
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        let backend = connection.get_database_backend();
        connection.execute_raw(backend.build(&insert)).await?;
    }
    Ok(())
}

/// Notes that there was no final bar before the one about to be stored.
pub(super) async fn note_absence<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    session: Date,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = bar_revisions::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        trading_date: Set(to_naive(session)),
        revision: Set(0),
        reason: Set(Some(reason.to_owned())),
        replaced_at: Set(to_column(now)),
        ..Default::default()
    };
    bar_revisions::Entity::insert(row)
        .exec_without_returning(connection)
        .await
        .map(drop)
}

async fn put_series<C: ConnectionTrait>(
    connection: &C,
    symbol: &Symbol,
    changes: &Changes<'_>,
    factors: Factors,
    reason: &str,
    exceptions: usize,
    now: Timestamp,
) -> Result<(), DbErr> {
    let dates = || {
        let corrected = changes.corrected.iter().map(|both| both.new.trading_date);
        corrected.chain(changes.stale.iter().copied())
    };
    let (Some(first), Some(last)) = (dates().min(), dates().max()) else {
        return Ok(());
    };
    let newest = series_revisions::Entity::find()
        .filter(series_revisions::Column::Symbol.eq(symbol.as_str()))
        .order_by_desc(series_revisions::Column::Revision)
        .one(connection)
        .await?;
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let row = series_revisions::ActiveModel {
        symbol: Set(symbol.as_str().to_owned()),
        revision: Set(newest.map_or(1, |row| row.revision.saturating_add(1))),
        first_date: Set(to_naive(first)),
        last_date: Set(to_naive(last)),
        bars: Set(count(dates().count())),
        exceptions: Set(count(exceptions)),
        price_factor: Set(factors.price),
        adjusted_factor: Set(factors.adjusted),
        reason: Set(Some(reason.to_owned())),
        replaced_at: Set(to_column(now)),
    };
    series_revisions::Entity::insert(row)
        .exec_without_returning(connection)
        .await
        .map(drop)
}

/// By what a restated series was multiplied; absent where it stayed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Factors {
    price: Option<f64>,
    adjusted: Option<f64>,
}

impl Factors {
    /// Read off the bar with the largest price: its rounding is the smallest.
    fn of(corrected: &[Correction]) -> Self {
        let factor = |price: fn(&DailyBar) -> Option<f64>| {
            let both = corrected
                .iter()
                .filter_map(|both| Some((price(&both.old)?, price(&both.new)?)));
            let (old, new) = both.max_by(|a, b| a.0.total_cmp(&b.0))?;
            (old != new && old > 0.0).then(|| new / old)
        };
        Self {
            price: factor(|bar| Some(bar.close)),
            adjusted: factor(|bar| bar.adj_close),
        }
    }

    /// Whether the old bar follows from the new one.
    fn explain(self, both: &Correction) -> bool {
        let Correction { old, new } = both;
        let factor = self.price.unwrap_or(1.0);
        let follows = |old: f64, new: f64, factor: f64| {
            (old * factor - new).abs() <= FOLLOWS * new.abs().max(old.abs() * factor)
        };
        let prices = [
            (old.open, new.open),
            (old.high, new.high),
            (old.low, new.low),
            (old.close, new.close),
        ];
        let adjusted = match (old.adj_close, new.adj_close) {
            (Some(old), Some(new)) => follows(old, new, self.adjusted.unwrap_or(1.0)),
            (old, new) => old == new,
        };
        #[allow(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
        let volume = match (old.volume, new.volume) {
            (Some(old), Some(new)) if self.price.is_some() => {
                let expected = old as f64 / factor;
                (expected - new as f64).abs() <= VOLUME_SLACK + FOLLOWS * expected
            }
            (old, new) => old == new,
        };
        adjusted && volume && prices.iter().all(|(old, new)| follows(*old, *new, factor))
    }
}

fn bar_revision(row: bar_revisions::Model) -> BarRevision {
    BarRevision {
        trading_date: to_date(row.trading_date),
        revision: row.revision,
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        adj_close: row.adj_close,
        volume: row.volume,
        source: row.source,
        reason: row.reason,
        replaced_at: to_timestamp(row.replaced_at),
    }
}

fn series_revision(row: series_revisions::Model) -> SeriesRevision {
    SeriesRevision {
        revision: row.revision,
        first_date: to_date(row.first_date),
        last_date: to_date(row.last_date),
        bars: row.bars,
        exceptions: row.exceptions,
        price_factor: row.price_factor,
        adjusted_factor: row.adjusted_factor,
        reason: row.reason,
        replaced_at: to_timestamp(row.replaced_at),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn both(old: [f64; 5], new: [f64; 5], volumes: (i64, i64)) -> Correction {
        let bar = |[open, high, low, close, adjusted]: [f64; 5], volume| DailyBar {
            trading_date: date(2020, 1, 2),
            open,
            high,
            low,
            close,
            adj_close: Some(adjusted),
            volume: Some(volume),
            is_final: true,
        };
        Correction {
            old: bar(old, volumes.0),
            new: bar(new, volumes.1),
        }
    }

    #[test]
    fn a_split_explains_the_bars_it_rescaled_and_no_others() {
        // Amazon on 2020-01-02, before and after the 20:1 split of 2022.
        let rescaled = both(
            [1_875.0, 1_898.01, 1_864.15, 1_898.01, 1_898.01],
            [93.75, 94.9005, 93.2075, 94.9005, 94.9005],
            (4_029_000, 80_580_000),
        );
        let factors = Factors::of(&[rescaled]);
        assert_eq!(factors.price, Some(94.9005 / 1_898.01));
        assert!(factors.explain(&rescaled));
        let mut corrected = rescaled;
        corrected.new.low = 93.2;
        assert!(!factors.explain(&corrected));
        corrected = rescaled;
        corrected.new.volume = Some(80_580_900);
        assert!(!factors.explain(&corrected));
    }

    #[test]
    fn a_dividend_changes_the_adjusted_closes_alone() {
        let paid = both(
            [10.0, 11.0, 9.0, 10.0, 9.5],
            [10.0, 11.0, 9.0, 10.0, 9.405],
            (7, 7),
        );
        let factors = Factors::of(&[paid]);
        assert_eq!(factors.price, None);
        assert!(factors.explain(&paid));
        let mut repriced = paid;
        repriced.new.close = 10.1;
        assert!(!factors.explain(&repriced));
    }
}
