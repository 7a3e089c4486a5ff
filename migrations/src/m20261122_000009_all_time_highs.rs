//! `all_time_highs`: the highest final high of each symbol, and since when.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, keyed, name, price};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("all_time_highs")
            .col(name("symbol", 32).primary_key())
            .col(price("price"))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(ColumnDef::new("covered_from").date().not_null())
            .col(instant("updated_at"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
