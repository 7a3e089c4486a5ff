//! `gaps`: sessions that lack their final bar, and when they are asked for again.

use sea_orm_migration::prelude::*;

use crate::columns::{count, instant, instant_or_null, keyed, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("gaps")
            .col(name("symbol", 32))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(name("state", 24))
            .col(name("calendar", 64))
            .col(instant("first_seen"))
            .col(count("asked"))
            .col(instant_or_null("last_asked_at"))
            .col(instant_or_null("next_ask_at"))
            .col(instant_or_null("closed_at"))
            .col(instant_or_null("systemic_at"))
            .primary_key(Index::create().col("symbol").col("trading_date"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await?;
        let due = Index::create()
            .name("gaps_due")
            .table("gaps")
            .col("state")
            .col("next_ask_at")
            .take();
        manager.create_index(due).await?;
        let of_session = Index::create()
            .name("gaps_of_session")
            .table("gaps")
            .col("calendar")
            .col("trading_date")
            .take();
        manager.create_index(of_session).await
    }
}
