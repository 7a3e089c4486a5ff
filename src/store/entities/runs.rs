//! The ledger.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "runs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub schedule: String,
    pub job: String,
    pub trigger: String,
    pub scheduled_for: DateTimeUtc,
    pub state: String,
    pub claimed_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
    pub duration_ms: Option<i64>,
    pub lateness_ms: i64,
    pub epoch: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    pub tasks_total: i32,
    pub tasks_succeeded: i32,
    pub tasks_failed: i32,
    pub calls: i32,
    pub retries: i32,
    pub rate_limited: i32,
    pub rows_written: i64,
    pub memory_peak_bytes: Option<i64>,
    pub cpu_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
