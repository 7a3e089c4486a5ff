//! A symbol's calendar, and whether it is still there.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "symbol_health")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub symbol: String,
    pub calendar: Option<String>,
    pub not_found_count: i32,
    pub not_found_days: i32,
    pub not_found_on: Option<Date>,
    pub not_found_since: Option<DateTimeUtc>,
    pub delisted_at: Option<DateTimeUtc>,
    pub asked_at: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
