//! `resource_samples`: what the control groups of the process allow and use.

use sea_orm_migration::prelude::*;

use crate::columns::{price_or_null, whole_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            whole_or_null("cgroup_memory_bytes"),
            whole_or_null("cgroup_memory_limit_bytes"),
            price_or_null("cgroup_cpu_limit_percent"),
            price_or_null("cgroup_cpu_throttled_percent"),
        ];
        // SQLite adds one column a statement.
        for column in columns {
            let add = Table::alter()
                .table("resource_samples")
                .add_column(column)
                .take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}
