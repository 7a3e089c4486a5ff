//! `runs`: the ledger. One row per due fire, run or not.

use sea_orm_migration::prelude::*;

use crate::columns::{
    count, instant, instant_or_null, name, serial, text_or_null, whole, whole_or_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("runs")
            .col(serial("id"))
            .col(name("schedule", 64))
            .col(name("job", 32))
            .col(name("trigger", 16))
            .col(instant("scheduled_for"))
            .col(name("state", 16))
            .col(instant("claimed_at"))
            .col(instant_or_null("started_at"))
            .col(instant_or_null("finished_at"))
            .col(whole_or_null("duration_ms"))
            .col(whole("lateness_ms"))
            .col(whole("epoch"))
            .col(text_or_null("reason"))
            .col(count("tasks_total"))
            .col(count("tasks_succeeded"))
            .col(count("tasks_failed"))
            .col(count("calls"))
            .col(count("retries"))
            .col(count("rate_limited"))
            .col(whole("rows_written").default(0))
            .take();
        manager.create_table(table).await?;
        // The fence: a fire can be claimed once, whoever tries.
        let fence = Index::create()
            .name("runs_schedule_scheduled_for")
            .table("runs")
            .col("schedule")
            .col("scheduled_for")
            .unique()
            .take();
        manager.create_index(fence).await?;
        let by_state = Index::create()
            .name("runs_state")
            .table("runs")
            .col("state")
            .take();
        manager.create_index(by_state).await?;
        let by_time = Index::create()
            .name("runs_scheduled_for")
            .table("runs")
            .col("scheduled_for")
            .take();
        manager.create_index(by_time).await?;
        let by_claim = Index::create()
            .name("runs_claimed_at")
            .table("runs")
            .col("claimed_at")
            .take();
        manager.create_index(by_claim).await
    }
}
