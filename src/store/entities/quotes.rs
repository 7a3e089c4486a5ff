//! The latest price of each symbol.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "quotes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub symbol: String,
    pub price: f64,
    pub market_time: DateTimeUtc,
    pub trading_date: Date,
    pub currency: Option<String>,
    pub previous_close: Option<f64>,
    pub day_high: Option<f64>,
    pub day_low: Option<f64>,
    pub day_volume: Option<i64>,
    pub source: String,
    pub fetched_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
