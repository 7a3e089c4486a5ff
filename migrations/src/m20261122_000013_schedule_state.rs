//! `schedule_state`: what operators said about a schedule at run time; the file is not touched.

use sea_orm_migration::prelude::*;

use crate::columns::{instant_or_null, name, text_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("schedule_state")
            .col(name("schedule", 64).primary_key())
            .col(instant_or_null("paused_at"))
            .col(instant_or_null("paused_until"))
            .col(ColumnDef::new("paused_by").string_len(64).null())
            .col(text_or_null("note"))
            .col(instant_or_null("resumed_at"))
            .take();
        manager.create_table(table).await
    }
}
