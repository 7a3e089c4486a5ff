//! `bar_revisions` and `series_revisions`: what final bars were before they were replaced, one by
//! one or all by one factor (docs/adr/0010).

use sea_orm_migration::prelude::*;

use crate::columns::{
    count, instant, keyed, name, price_or_null, serial, text_or_null, whole_or_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let bars = Table::create()
            .table("bar_revisions")
            .col(serial("id"))
            .col(name("symbol", 32))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(ColumnDef::new("revision").integer().not_null())
            // All absent where there was no bar.
            .col(price_or_null("open"))
            .col(price_or_null("high"))
            .col(price_or_null("low"))
            .col(price_or_null("close"))
            .col(price_or_null("adj_close"))
            .col(whole_or_null("volume"))
            .col(ColumnDef::new("source").string_len(16).null())
            .col(text_or_null("reason"))
            .col(instant("replaced_at"))
            .take();
        manager.create_table(bars).await?;
        let by_symbol = Index::create()
            .name("bar_revisions_symbol_trading_date")
            .table("bar_revisions")
            .col("symbol")
            .col("trading_date")
            .take();
        manager.create_index(by_symbol).await?;
        let mut series = Table::create()
            .table("series_revisions")
            .col(name("symbol", 32))
            .col(ColumnDef::new("revision").integer().not_null())
            .col(ColumnDef::new("first_date").date().not_null())
            .col(ColumnDef::new("last_date").date().not_null())
            .col(count("bars"))
            .col(count("exceptions"))
            .col(price_or_null("price_factor"))
            .col(price_or_null("adjusted_factor"))
            .col(text_or_null("reason"))
            .col(instant("replaced_at"))
            .primary_key(Index::create().col("symbol").col("revision"))
            .take();
        manager.create_table(keyed(manager, &mut series)).await
    }
}
