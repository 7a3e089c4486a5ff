//! `symbol_health`: the calendar a symbol is held against, and whether it is still there.

use sea_orm_migration::prelude::*;

use crate::columns::{count, instant, instant_or_null, keyed, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("symbol_health")
            .col(name("symbol", 32).primary_key())
            .col(ColumnDef::new("calendar").string_len(64).null())
            .col(count("not_found_count"))
            .col(count("not_found_days"))
            .col(ColumnDef::new("not_found_on").date().null())
            .col(instant_or_null("not_found_since"))
            .col(instant_or_null("delisted_at"))
            .col(instant_or_null("asked_at"))
            .col(instant("updated_at"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
