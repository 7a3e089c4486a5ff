//! `indicator_bars`: the indicators of every bar, where a schedule wants them kept.

use sea_orm_migration::prelude::*;

use crate::columns::{keyed, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("indicator_bars")
            .col(name("symbol", 32))
            .col(name("set_id", 16))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(ColumnDef::new("close").double().not_null())
            .col(ColumnDef::new("indicator_values").text().not_null())
            .primary_key(
                Index::create()
                    .col("symbol")
                    .col("set_id")
                    .col("trading_date"),
            )
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
