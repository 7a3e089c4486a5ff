//! `quarantine`: rows of answers that broke a validation rule, and what became of them.

use sea_orm_migration::prelude::*;

use crate::columns::{
    count, instant, instant_or_null, name, price_or_null, serial, text_or_null, whole_or_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("quarantine")
            .col(serial("id"))
            .col(name("symbol", 32))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(name("rule", 4))
            .col(ColumnDef::new("reason").text().not_null())
            .col(price_or_null("open"))
            .col(price_or_null("high"))
            .col(price_or_null("low"))
            .col(price_or_null("close"))
            .col(price_or_null("adj_close"))
            .col(whole_or_null("volume"))
            .col(ColumnDef::new("is_final").boolean().not_null())
            .col(name("provider", 16))
            .col(instant("first_seen"))
            .col(instant("last_seen"))
            .col(count("seen"))
            .col(name("state", 16))
            .col(text_or_null("note"))
            .col(instant_or_null("decided_at"))
            .take();
        manager.create_table(table).await?;
        // The same bad row again is the same row here.
        let once = Index::create()
            .name("quarantine_symbol_trading_date_rule")
            .table("quarantine")
            .col("symbol")
            .col("trading_date")
            .col("rule")
            .unique()
            .take();
        manager.create_index(once).await
    }
}
