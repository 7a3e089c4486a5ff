//! `price_snapshots`: close, high and low of each completed session.

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
            .table("price_snapshots")
            .col(name("symbol", 32))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(price("close"))
            .col(price("high"))
            .col(price("low"))
            .col(instant("updated_at"))
            .primary_key(Index::create().col("symbol").col("trading_date"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
