//! Rows of answers that broke a validation rule.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "quarantine")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub symbol: String,
    pub trading_date: Date,
    pub rule: String,
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    pub open: Option<f64>,
    pub high: Option<f64>,
    pub low: Option<f64>,
    pub close: Option<f64>,
    pub adj_close: Option<f64>,
    pub volume: Option<i64>,
    pub is_final: bool,
    pub provider: String,
    pub first_seen: DateTimeUtc,
    pub last_seen: DateTimeUtc,
    pub seen: i32,
    pub state: String,
    #[sea_orm(column_type = "Text")]
    pub note: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
