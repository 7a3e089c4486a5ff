//! `signals`: edges between two bars' indicators; one that a correction made untrue is withdrawn.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, instant_or_null, keyed, name, price};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("signals")
            .col(name("symbol", 32))
            .col(name("set_id", 16))
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(name("kind", 32))
            .col(price("close"))
            .col(instant("raised_at"))
            .col(instant_or_null("withdrawn_at"))
            .primary_key(
                Index::create()
                    .col("symbol")
                    .col("set_id")
                    .col("trading_date")
                    .col("kind"),
            )
            .take();
        manager.create_table(keyed(manager, &mut table)).await?;
        let by_date = Index::create()
            .name("signals_trading_date")
            .table("signals")
            .col("trading_date")
            .take();
        manager.create_index(by_date).await
    }
}
