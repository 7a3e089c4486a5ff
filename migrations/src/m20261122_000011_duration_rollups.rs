//! `duration_rollups`: distributions of measured durations, a row per kind, name and interval.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, name, serial, whole};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("duration_rollups")
            .col(serial("id"))
            .col(instant("at"))
            .col(whole("epoch"))
            .col(name("work", 16))
            .col(name("name", 64))
            .col(whole("count"))
            .col(whole("sum_us"))
            .col(whole("max_us"))
            .col(ColumnDef::new("buckets").text().not_null())
            .take();
        manager.create_table(table).await?;
        let by_time = Index::create()
            .name("duration_rollups_at")
            .table("duration_rollups")
            .col("at")
            .take();
        manager.create_index(by_time).await
    }
}
