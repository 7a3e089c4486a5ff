//! Distributions of measured durations.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "duration_rollups")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: DateTimeUtc,
    pub epoch: i64,
    pub work: String,
    pub name: String,
    pub count: i64,
    pub sum_us: i64,
    pub max_us: i64,
    #[sea_orm(column_type = "Text")]
    pub buckets: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
