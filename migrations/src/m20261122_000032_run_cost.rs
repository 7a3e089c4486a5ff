//! `runs`: what the process used while the run went on.

use sea_orm_migration::prelude::*;

use crate::columns::whole_or_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in ["memory_peak_bytes", "cpu_ms"] {
            let add = Table::alter()
                .table("runs")
                .add_column(whole_or_null(column))
                .take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}
