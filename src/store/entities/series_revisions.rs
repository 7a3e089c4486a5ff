//! Restatements of whole series.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "series_revisions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub symbol: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub revision: i32,
    pub first_date: Date,
    pub last_date: Date,
    pub bars: i32,
    pub exceptions: i32,
    pub price_factor: Option<f64>,
    pub adjusted_factor: Option<f64>,
    #[sea_orm(column_type = "Text")]
    pub reason: Option<String>,
    pub replaced_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
