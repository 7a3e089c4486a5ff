//! What was told about a price.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "price_alerts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub symbol: String,
    pub kind: String,
    pub threshold_pct: f64,
    pub rules: String,
    pub price: f64,
    pub market_time: DateTimeUtc,
    pub reference_price: f64,
    pub reference_date: Date,
    pub change_pct: f64,
    pub told_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
