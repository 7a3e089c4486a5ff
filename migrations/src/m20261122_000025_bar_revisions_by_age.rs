//! An index of `bar_revisions` by when they were replaced: what `[history]` removes is found by it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let by_age = Index::create()
            .name("bar_revisions_replaced_at")
            .table("bar_revisions")
            .col("replaced_at")
            .take();
        manager.create_index(by_age).await
    }
}
