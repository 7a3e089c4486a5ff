//! `instruments` without `calendar` and `status`: nobody ever wrote them; `symbol_health` knows both.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite drops one column a statement.
        for column in ["calendar", "status"] {
            let drop = Table::alter()
                .table("instruments")
                .drop_column(column)
                .take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
