//! The schema of Finstage's database, one table or change a file, in `SeaQuery` only: the same
//! statements serve SQLite, PostgreSQL and MariaDB. Nothing here imports an entity, so that an old
//! migration never changes its meaning.

use sea_orm_migration::prelude::*;

mod columns;
mod m20261122_000001_facts;
mod m20261122_000002_daemon_epochs;
mod m20261122_000003_runs;
mod m20261122_000004_run_tasks;
mod m20261122_000005_instruments;
mod m20261122_000006_daily_bars;
mod m20261122_000007_quotes;
mod m20261122_000008_price_snapshots;
mod m20261122_000009_all_time_highs;
mod m20261122_000010_resource_samples;
mod m20261122_000011_duration_rollups;
mod m20261122_000013_schedule_state;
mod m20261122_000014_runs_by_time;
mod m20261122_000015_schedule_timings;
mod m20261122_000016_quarantine;
mod m20261122_000017_bar_revisions;
mod m20261122_000018_corporate_actions;
mod m20261122_000019_instruments;
mod m20261122_000020_gaps;
mod m20261122_000021_price_alerts;
mod m20261122_000022_symbol_health;
mod m20261122_000025_bar_revisions_by_age;
mod m20261122_000026_instruments;
mod m20261122_000027_indicator_latest;
mod m20261122_000028_signals;
mod m20261122_000029_indicator_bars;
mod m20261122_000031_quarantine_entries;
mod m20261122_000032_run_cost;
mod m20261122_000033_group_samples;
mod m20261122_000034_served_at;

/// Applies what is missing, in order, each change in a transaction of its own.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_facts::Migration),
            Box::new(m20261122_000002_daemon_epochs::Migration),
            Box::new(m20261122_000003_runs::Migration),
            Box::new(m20261122_000004_run_tasks::Migration),
            Box::new(m20261122_000005_instruments::Migration),
            Box::new(m20261122_000006_daily_bars::Migration),
            Box::new(m20261122_000007_quotes::Migration),
            Box::new(m20261122_000008_price_snapshots::Migration),
            Box::new(m20261122_000009_all_time_highs::Migration),
            Box::new(m20261122_000010_resource_samples::Migration),
            Box::new(m20261122_000011_duration_rollups::Migration),
            Box::new(m20261122_000013_schedule_state::Migration),
            Box::new(m20261122_000014_runs_by_time::Migration),
            Box::new(m20261122_000015_schedule_timings::Migration),
            Box::new(m20261122_000016_quarantine::Migration),
            Box::new(m20261122_000017_bar_revisions::Migration),
            Box::new(m20261122_000018_corporate_actions::Migration),
            Box::new(m20261122_000019_instruments::Migration),
            Box::new(m20261122_000020_gaps::Migration),
            Box::new(m20261122_000021_price_alerts::Migration),
            Box::new(m20261122_000022_symbol_health::Migration),
            Box::new(m20261122_000025_bar_revisions_by_age::Migration),
            Box::new(m20261122_000026_instruments::Migration),
            Box::new(m20261122_000027_indicator_latest::Migration),
            Box::new(m20261122_000028_signals::Migration),
            Box::new(m20261122_000029_indicator_bars::Migration),
            Box::new(m20261122_000031_quarantine_entries::Migration),
            Box::new(m20261122_000032_run_cost::Migration),
            Box::new(m20261122_000033_group_samples::Migration),
            Box::new(m20261122_000034_served_at::Migration),
        ]
    }
}
