//! `schedule_timings`: since when each schedule fires as it does.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("schedule_timings")
            .col(name("schedule", 64).primary_key())
            .col(ColumnDef::new("timing").text().not_null())
            .col(instant("since"))
            .take();
        manager.create_table(table).await
    }
}
