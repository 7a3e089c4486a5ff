//! The tables as sea-orm sees them; hand-written, held equal to the migrations by a test.
#![allow(unreachable_pub, reason = "the derive macros write `pub` items")]

pub mod all_time_highs;
pub mod bar_revisions;
pub mod corporate_actions;
pub mod daemon_epochs;
pub mod daily_bars;
pub mod duration_rollups;
pub mod facts;
pub mod gaps;
pub mod indicator_bars;
pub mod indicator_latest;
pub mod instruments;
pub mod price_alerts;
pub mod price_snapshots;
pub mod quarantine;
pub mod quotes;
pub mod resource_samples;
pub mod run_tasks;
pub mod runs;
pub mod schedule_state;
pub mod schedule_timings;
pub mod series_revisions;
pub mod signals;
pub mod symbol_health;
