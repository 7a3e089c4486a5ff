//! What the process and the machine used.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "resource_samples")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: DateTimeUtc,
    pub epoch: i64,
    pub process_cpu_percent: f64,
    pub process_cpu_ms: i64,
    pub process_memory_bytes: i64,
    pub process_open_fds: i64,
    pub process_disk_read_bytes: i64,
    pub process_disk_written_bytes: i64,
    pub host_cpu_percent: f64,
    pub host_memory_used_bytes: i64,
    pub host_memory_total_bytes: i64,
    pub disk_available_bytes: i64,
    pub disk_total_bytes: i64,
    pub network_received_bytes: i64,
    pub network_sent_bytes: i64,
    pub cgroup_memory_bytes: Option<i64>,
    pub cgroup_memory_limit_bytes: Option<i64>,
    pub cgroup_cpu_limit_percent: Option<f64>,
    pub cgroup_cpu_throttled_percent: Option<f64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
