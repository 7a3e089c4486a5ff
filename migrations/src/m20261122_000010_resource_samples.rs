//! `resource_samples`: what the process and the machine used, every 15 s.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, price, serial, whole};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("resource_samples")
            .col(serial("id"))
            .col(instant("at"))
            .col(whole("epoch"))
            .col(price("process_cpu_percent"))
            .col(whole("process_cpu_ms"))
            .col(whole("process_memory_bytes"))
            .col(whole("process_open_fds"))
            .col(whole("process_disk_read_bytes"))
            .col(whole("process_disk_written_bytes"))
            .col(price("host_cpu_percent"))
            .col(whole("host_memory_used_bytes"))
            .col(whole("host_memory_total_bytes"))
            .col(whole("disk_available_bytes"))
            .col(whole("disk_total_bytes"))
            .col(whole("network_received_bytes"))
            .col(whole("network_sent_bytes"))
            .take();
        manager.create_table(table).await?;
        let by_time = Index::create()
            .name("resource_samples_at")
            .table("resource_samples")
            .col("at")
            .take();
        manager.create_index(by_time).await
    }
}
