//! `runs`: the fence by time first. A claim writes the rows of one instant, which then lie side by
//! side; by schedule first, 5,000 of them touched as many pages of a grown ledger. By schedule only
//! ended runs are found, so that the index is written when a run ends and not while others wait.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let fence = Index::create()
            .name("runs_scheduled_for_schedule")
            .table("runs")
            .col("scheduled_for")
            .col("schedule")
            .unique()
            .take();
        manager.create_index(fence).await?;
        let mut by_schedule = Index::create()
            .name("runs_of_schedule")
            .table("runs")
            .col("schedule")
            .col("scheduled_for")
            .take();
        // MariaDB has no partial indexes; there, and on PostgreSQL, the index holds all runs.
        if manager.get_database_backend() == DbBackend::Sqlite {
            by_schedule.and_where(Expr::col("finished_at").is_not_null());
        }
        manager.create_index(by_schedule).await?;
        for name in ["runs_schedule_scheduled_for", "runs_scheduled_for"] {
            let old = Index::drop().name(name).table("runs").to_owned();
            manager.drop_index(old).await?;
        }
        Ok(())
    }
}
