//! `instruments`: what the upstream says a symbol is.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, keyed, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("instruments")
            .col(name("symbol", 32).primary_key())
            .col(ColumnDef::new("currency").string_len(8).null())
            .col(name("timezone", 64))
            .col(ColumnDef::new("instrument_type").string_len(32).null())
            .col(ColumnDef::new("exchange").string_len(32).null())
            .col(ColumnDef::new("first_trade_date").date().null())
            .col(instant("updated_at"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
