//! `quarantine`: another bad row of the same day is an entry of its own once the one before it is
//! decided, and each provider has its own.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let once = Index::drop()
            .name("quarantine_symbol_trading_date_rule")
            .table("quarantine")
            .to_owned();
        manager.drop_index(once).await?;
        let by_day = Index::create()
            .name("quarantine_symbol_trading_date")
            .table("quarantine")
            .col("symbol")
            .col("trading_date")
            .take();
        manager.create_index(by_day).await
    }
}
