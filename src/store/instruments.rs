//! What is known of an instrument that no answer says.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::answer::InstrumentStatus;
use super::convert::to_column;
use super::entities::instruments::{Column, Entity};
use super::{Store, StoreError};
use crate::domain::Symbol;

impl Store {
    /// Says which calendar an instrument on record trades by ([`crate::calendar::market`], `24/7`
    /// or `24/5`).
    pub async fn set_calendar(
        &self,
        symbol: &Symbol,
        calendar: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let calendar = Expr::value(calendar.map(str::to_owned));
        self.set(symbol, Column::Calendar, calendar, now).await
    }

    /// Says whether an instrument on record is still traded.
    pub async fn set_status(
        &self,
        symbol: &Symbol,
        status: InstrumentStatus,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let status = Expr::value(status.as_str());
        self.set(symbol, Column::Status, status, now).await
    }

    async fn set(
        &self,
        symbol: &Symbol,
        column: Column,
        value: Expr,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = Entity::update_many()
            .col_expr(column, value)
            .col_expr(Column::UpdatedAt, Expr::value(to_column(now)))
            .filter(Column::Symbol.eq(symbol.as_str()));
        self.tell("instrument", update.exec(&self.write))
            .await
            .map(drop)
    }
}
