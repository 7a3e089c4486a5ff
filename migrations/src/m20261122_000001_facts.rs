//! `facts`: what this database is, e.g. whose prices it holds.

use sea_orm_migration::prelude::*;

use crate::columns::{keyed, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("facts")
            .col(name("name", 64).primary_key())
            .col(ColumnDef::new("value").text().not_null())
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
