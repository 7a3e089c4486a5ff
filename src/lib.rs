#![doc = include_str!("../README.md")]

pub mod cache;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod indicators;
pub mod jobs;
pub mod monitor;
pub mod runner;
pub mod scheduler;
pub mod simulator;
pub mod store;
pub mod telemetry;
pub mod upstream;
