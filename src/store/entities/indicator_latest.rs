//! The indicators of a symbol's newest final bar.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "indicator_latest")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub symbol: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub set_id: String,
    #[sea_orm(column_type = "Text")]
    pub set_text: String,
    pub trading_date: Date,
    pub close: f64,
    #[sea_orm(column_type = "Text")]
    pub indicator_values: String,
    pub first_date: Date,
    pub last_date: Date,
    pub bars: i64,
    pub revisions: i64,
    pub replaced: i64,
    #[sea_orm(column_type = "Text")]
    pub anchors: String,
    #[sea_orm(column_type = "Text")]
    pub base: Option<String>,
    pub has_history: bool,
    pub computed_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
