//! `run_tasks`: the outcome of each symbol of each run.

use sea_orm_migration::prelude::*;

use crate::columns::{count, instant, keyed, name, text_or_null, whole};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("run_tasks")
            .col(whole("run_id"))
            .col(name("symbol", 32))
            .col(name("outcome", 16))
            .col(ColumnDef::new("class").string_len(16).null())
            .col(text_or_null("message"))
            .col(count("calls"))
            .col(count("retries"))
            .col(count("rate_limited"))
            .col(whole("rows_written").default(0))
            .col(whole("rows_rejected").default(0))
            .col(instant("started_at"))
            .col(whole("duration_ms"))
            .primary_key(Index::create().col("run_id").col("symbol"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
