//! The integration tests, one binary: sea-orm links once, and helpers are shared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "clippy.toml's leave for tests does not reach the helper functions of this crate"
)]

mod cache;
mod calendars;
mod config;
mod data_quality;
mod faults;
mod gaps;
mod house;
mod indicators;
mod jobs;
mod oracle;
mod performance;
mod politeness;
mod process;
mod providers;
mod recordings;
mod simulation;
mod store;
mod support;
mod systemd;
mod telemetry;
