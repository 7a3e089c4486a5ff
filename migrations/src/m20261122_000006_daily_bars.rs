//! `daily_bars`: prices of a session, keyed by symbol and local trading date.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, keyed, name, price, price_or_null, whole_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("daily_bars")
            .col(name("symbol", 32))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(price("open"))
            .col(price("high"))
            .col(price("low"))
            .col(price("close"))
            .col(price_or_null("adj_close"))
            .col(whole_or_null("volume"))
            .col(name("source", 16))
            .col(name("price_basis", 16))
            .col(ColumnDef::new("is_final").boolean().not_null())
            .col(ColumnDef::new("revision").integer().not_null().default(0))
            .col(instant("fetched_at"))
            .primary_key(Index::create().col("symbol").col("trading_date"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
