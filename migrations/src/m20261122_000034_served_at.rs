//! `daemon_epochs`: when a daemon began to serve; a verb has an epoch too, and never does.

use sea_orm_migration::prelude::*;

use crate::columns::instant_or_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = Table::alter()
            .table("daemon_epochs")
            .add_column(instant_or_null("served_at"))
            .take();
        manager.alter_table(add).await
    }
}
