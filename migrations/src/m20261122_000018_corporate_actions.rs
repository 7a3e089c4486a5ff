//! `corporate_actions`: splits, dividends, capital gains as the upstream states them.

use sea_orm_migration::prelude::*;

use crate::columns::{count, instant, instant_or_null, keyed, name, price, price_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("corporate_actions")
            .col(name("symbol", 32))
            .col(ColumnDef::new("date").date().not_null())
            .col(name("kind", 16))
            .col(price("value"))
            // What it was before the newest change: after a split all older amounts are restated.
            .col(price_or_null("previous_value"))
            .col(count("revision"))
            .col(name("provider", 16))
            .col(instant("first_seen"))
            .col(instant_or_null("changed_at"))
            .primary_key(Index::create().col("symbol").col("date").col("kind"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
