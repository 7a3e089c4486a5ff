//! `indicator_latest`: the indicators of a symbol's newest final bar, of which series they are, and
//! what the next bar needs (docs/adr/0011).

use sea_orm_migration::prelude::*;

use crate::columns::{instant, keyed, name, text_or_null, whole};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("indicator_latest")
            .col(name("symbol", 32))
            .col(name("set_id", 16))
            .col(ColumnDef::new("set_text").text().not_null())
            .col(ColumnDef::new("trading_date").date().not_null())
            .col(ColumnDef::new("close").double().not_null())
            .col(ColumnDef::new("indicator_values").text().not_null())
            .col(ColumnDef::new("first_date").date().not_null())
            .col(ColumnDef::new("last_date").date().not_null())
            .col(whole("bars"))
            .col(whole("revisions"))
            .col(whole("replaced"))
            .col(ColumnDef::new("anchors").text().not_null())
            .col(text_or_null("base"))
            .col(ColumnDef::new("has_history").boolean().not_null())
            .col(instant("computed_at"))
            .primary_key(Index::create().col("symbol").col("set_id"))
            .take();
        manager.create_table(keyed(manager, &mut table)).await
    }
}
