//! `quotes`: the latest price of each symbol.

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
            .table("quotes")
            .col(name("symbol", 32).primary_key())
            .col(price("price"))
            .col(instant("market_time"))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(ColumnDef::new("currency").string_len(8).null())
            .col(price_or_null("previous_close"))
            .col(price_or_null("day_high"))
            .col(price_or_null("day_low"))
            .col(whole_or_null("day_volume"))
            .col(name("source", 16))
            .col(instant("fetched_at"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
