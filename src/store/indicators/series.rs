//! A series of final bars: what it holds, in five numbers, and the bars indicators are fed with.

use jiff::civil::Date;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::domain::Symbol;
use crate::indicators::Bar;
use crate::store::convert::{to_date, to_naive};
use crate::store::entities::{bar_revisions, daily_bars};
use crate::store::{Store, StoreError};

/// The content of a series of final bars up to some session: equal numbers, equal bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesVersion {
    /// The first session.
    pub first: Date,
    /// The last session.
    pub last: Date,
    /// Sessions.
    pub bars: u64,
    /// Sum of the bars' revisions.
    pub revisions: u64,
    /// The newest number in the trail of bars that were replaced or removed one by one, up to the
    /// last session; 0 without one. Numbers only rise, and old rows of the trail are removed some day.
    pub replaced: u64,
}

impl SeriesVersion {
    /// Whether `now`, the series up to the same session, has the same bars. A shorter trail only
    /// tells that old rows of it were removed.
    pub fn is_still(&self, now: &Self) -> bool {
        let trail = now.replaced <= self.replaced;
        let replaced = self.replaced;
        trail && *self == Self { replaced, ..*now }
    }
}

/// The trail of bars that were replaced or removed one by one: sessions in ascending order, each
/// with the newest number up to there.
#[derive(Debug, Clone, Default)]
pub struct Replaced(Vec<(Date, u64)>);

impl Replaced {
    /// The newest number of sessions up to and with `last`; 0 without one.
    pub fn until(&self, last: Date) -> u64 {
        let place = self.0.partition_point(|(session, _)| *session <= last);
        let before = place.checked_sub(1).and_then(|place| self.0.get(place));
        before.map_or(0, |(_, newest)| *newest)
    }
}

/// A final bar, and how often it was corrected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VersionedBar {
    /// The prices.
    pub bar: Bar,
    /// Its revision.
    pub revision: u64,
}

/// Which final bars to read.
#[derive(Debug, Clone, Copy)]
pub enum Stretch {
    /// All after this session; all at all without one.
    After(Option<Date>),
    /// The newest so many up to and with this session.
    UpTo(Date, u64),
}

impl Store {
    /// The content of the final bars of `symbol` up to and with a session; `None` without any.
    pub async fn series_version(
        &self,
        symbol: &Symbol,
        until: Date,
    ) -> Result<Option<SeriesVersion>, StoreError> {
        use daily_bars::Column;
        type Part = (
            i32,
            i64,
            Option<sea_orm::prelude::Date>,
            Option<sea_orm::prelude::Date>,
        );
        // Grouped, so that no backend has to add: each gives a sum another type.
        let parts = daily_bars::Entity::find()
            .select_only()
            .column(Column::Revision)
            .column_as(Column::TradingDate.count(), "bars")
            .column_as(Column::TradingDate.min(), "first_date")
            .column_as(Column::TradingDate.max(), "last_date")
            .filter(Column::Symbol.eq(symbol.as_str()))
            .filter(Column::TradingDate.lte(to_naive(until)))
            .filter(Column::IsFinal.eq(true))
            .group_by(Column::Revision)
            .into_tuple::<Part>();
        let parts = self.ask("series_version", parts.all(&self.read)).await?;
        let first = parts.iter().filter_map(|part| part.2).min();
        let last = parts.iter().filter_map(|part| part.3).max();
        let (Some(first), Some(last)) = (first.map(to_date), last.map(to_date)) else {
            return Ok(None);
        };
        let replaced = self.replaced(symbol).await?;
        Ok(Some(SeriesVersion {
            first,
            last,
            bars: parts.iter().map(|part| part.1.unsigned_abs()).sum(),
            revisions: parts
                .iter()
                .map(|part| u64::from(part.0.unsigned_abs()) * part.1.unsigned_abs())
                .sum(),
            replaced: replaced.until(last),
        }))
    }

    /// The trail of the bars of `symbol` that were replaced or removed one by one.
    pub async fn replaced(&self, symbol: &Symbol) -> Result<Replaced, StoreError> {
        use bar_revisions::Column;
        let query = bar_revisions::Entity::find()
            .select_only()
            .columns([Column::TradingDate, Column::Id])
            .filter(Column::Symbol.eq(symbol.as_str()))
            .order_by_asc(Column::TradingDate)
            .into_tuple::<(sea_orm::prelude::Date, i64)>();
        let rows = self.ask("series_version", query.all(&self.read)).await?;
        let mut newest = 0;
        let rows = rows.into_iter().map(|(date, number)| {
            newest = number.unsigned_abs().max(newest);
            (to_date(date), newest)
        });
        Ok(Replaced(rows.collect()))
    }

    /// Final bars of `symbol`, oldest first.
    pub async fn final_bars(
        &self,
        symbol: &Symbol,
        stretch: Stretch,
    ) -> Result<Vec<VersionedBar>, StoreError> {
        use daily_bars::Column;
        type Tuple = (sea_orm::prelude::Date, f64, f64, f64, Option<i64>, i32);
        let query = daily_bars::Entity::find()
            .select_only()
            .columns([
                Column::TradingDate,
                Column::High,
                Column::Low,
                Column::Close,
                Column::Volume,
                Column::Revision,
            ])
            .filter(Column::Symbol.eq(symbol.as_str()))
            .filter(Column::IsFinal.eq(true));
        let query = match stretch {
            Stretch::After(None) => query.order_by_asc(Column::TradingDate),
            Stretch::After(Some(date)) => query
                .filter(Column::TradingDate.gt(to_naive(date)))
                .order_by_asc(Column::TradingDate),
            Stretch::UpTo(date, limit) => query
                .filter(Column::TradingDate.lte(to_naive(date)))
                .order_by_desc(Column::TradingDate)
                .limit(limit),
        };
        let rows = query.into_tuple::<Tuple>().all(&self.read);
        let mut rows = self.ask("final_bars", rows).await?;
        if matches!(stretch, Stretch::UpTo(..)) {
            rows.reverse();
        }
        let bars = rows
            .into_iter()
            .map(|(date, high, low, close, volume, revision)| VersionedBar {
                bar: Bar::daily(to_date(date), (high, low, close), volume),
                revision: u64::from(revision.unsigned_abs()),
            });
        Ok(bars.collect())
    }
}
