//! Sessions that lack their final bar.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "gaps")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub symbol: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub trading_date: Date,
    pub state: String,
    pub calendar: String,
    pub first_seen: DateTimeUtc,
    pub asked: i32,
    pub last_asked_at: Option<DateTimeUtc>,
    pub next_ask_at: Option<DateTimeUtc>,
    pub closed_at: Option<DateTimeUtc>,
    pub systemic_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
