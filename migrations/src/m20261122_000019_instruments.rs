//! `instruments`: the market's calendar, and whether the symbol is still traded.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in [
            ColumnDef::new("calendar").string_len(32).null().take(),
            ColumnDef::new("status")
                .string_len(16)
                .not_null()
                .default("active")
                .take(),
        ] {
            let add = Table::alter()
                .table("instruments")
                .add_column(column)
                .take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}
