//! `price_alerts`: what was told about a price, and whether it still holds.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, instant_or_null, name, price, serial};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("price_alerts")
            .col(serial("id"))
            .col(name("symbol", 32))
            .col(name("kind", 16))
            .col(price("threshold_pct"))
            .col(name("rules", 64))
            .col(price("price"))
            .col(instant("market_time"))
            .col(price("reference_price"))
            .col(ColumnDef::new("reference_date").date().not_null())
            .col(price("change_pct"))
            .col(instant("told_at"))
            .col(instant_or_null("ended_at"))
            .take();
        manager.create_table(table).await?;
        let by_symbol = Index::create()
            .name("price_alerts_symbol_told_at")
            .table("price_alerts")
            .col("symbol")
            .col("told_at")
            .take();
        manager.create_index(by_symbol).await
    }
}
