//! `daemon_epochs`: one row per daemon start; a row of the ledger names the epoch that claimed it.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, instant_or_null, name, serial};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("daemon_epochs")
            .col(serial("id"))
            .col(instant("started_at"))
            .col(instant_or_null("stopped_at"))
            .col(name("process", 80))
            .col(name("version", 32))
            .take();
        manager.create_table(table).await
    }
}
