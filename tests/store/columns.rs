//! Every column of the migrated schema, by name.

use super::sqlite::{behind, one};
use crate::support::database::Database;

/// Table, then columns as `name type null`, in order.
const SCHEMA: &[(&str, &str)] = &[
    ("facts", "name value"),
    (
        "daemon_epochs",
        "id started_at stopped_at? process version served_at?",
    ),
    (
        "runs",
        "id schedule job trigger scheduled_for state claimed_at started_at? finished_at? \
         duration_ms? lateness_ms epoch reason? tasks_total tasks_succeeded tasks_failed calls \
         retries rate_limited rows_written memory_peak_bytes? cpu_ms?",
    ),
    (
        "run_tasks",
        "run_id symbol outcome class? message? calls retries rate_limited rows_written \
         rows_rejected started_at duration_ms",
    ),
    (
        "price_alerts",
        "id symbol kind threshold_pct rules price market_time reference_price reference_date \
         change_pct told_at ended_at?",
    ),
    (
        "instruments",
        "symbol currency? timezone instrument_type? exchange? first_trade_date? updated_at",
    ),
    (
        "daily_bars",
        "symbol trading_date open high low close adj_close? volume? source price_basis is_final \
         revision fetched_at",
    ),
    (
        "quotes",
        "symbol price market_time trading_date currency? previous_close? day_high? day_low? \
         day_volume? source fetched_at",
    ),
    (
        "price_snapshots",
        "symbol trading_date close high low updated_at",
    ),
    (
        "all_time_highs",
        "symbol price trading_date covered_from updated_at",
    ),
    (
        "resource_samples",
        "id at epoch process_cpu_percent process_cpu_ms process_memory_bytes process_open_fds \
         process_disk_read_bytes process_disk_written_bytes host_cpu_percent \
         host_memory_used_bytes host_memory_total_bytes disk_available_bytes disk_total_bytes \
         network_received_bytes network_sent_bytes cgroup_memory_bytes? \
         cgroup_memory_limit_bytes? cgroup_cpu_limit_percent? cgroup_cpu_throttled_percent?",
    ),
    (
        "duration_rollups",
        "id at epoch work name count sum_us max_us buckets",
    ),
    (
        "schedule_state",
        "schedule paused_at? paused_until? paused_by? note? resumed_at?",
    ),
    ("schedule_timings", "schedule timing since"),
    (
        "gaps",
        "symbol trading_date state calendar first_seen asked last_asked_at? next_ask_at? \
         closed_at? systemic_at?",
    ),
    (
        "symbol_health",
        "symbol calendar? not_found_count not_found_days not_found_on? not_found_since? \
         delisted_at? asked_at? updated_at",
    ),
    (
        "quarantine",
        "id symbol trading_date rule reason open? high? low? close? adj_close? volume? is_final \
         provider first_seen last_seen seen state note? decided_at?",
    ),
    (
        "bar_revisions",
        "id symbol trading_date revision open? high? low? close? adj_close? volume? source? \
         reason? replaced_at",
    ),
    (
        "series_revisions",
        "symbol revision first_date last_date bars exceptions price_factor? adjusted_factor? \
         reason? replaced_at",
    ),
    (
        "indicator_latest",
        "symbol set_id set_text trading_date close indicator_values first_date last_date bars \
         revisions replaced anchors base? has_history computed_at",
    ),
    (
        "signals",
        "symbol set_id trading_date kind close raised_at withdrawn_at?",
    ),
    (
        "indicator_bars",
        "symbol set_id trading_date close indicator_values",
    ),
    (
        "corporate_actions",
        "symbol date kind value previous_value? revision provider first_seen changed_at?",
    ),
];

#[tokio::test]
async fn the_migrated_schema_is_the_one_the_entities_speak_of() {
    let database = Database::sqlite();
    database.migrated().await;
    let connection = behind(&database).await;
    let tables: String = one(
        &connection,
        "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%migrations' ORDER BY name)",
    )
    .await;
    let mut expected: Vec<&str> = SCHEMA.iter().map(|(table, _)| *table).collect();
    expected.sort_unstable();
    assert_eq!(tables, expected.join(" "));
    for (table, columns) in SCHEMA {
        let found: String = one(
            &connection,
            &format!(
                "SELECT group_concat(name || CASE WHEN \"notnull\" OR pk THEN '' ELSE '?' END, ' ') \
                 FROM pragma_table_info('{table}')"
            ),
        )
        .await;
        assert_eq!(found, *columns, "{table}");
    }
}
