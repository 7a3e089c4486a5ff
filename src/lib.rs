#![doc = include_str!("../README.md")]

pub mod clock;
pub mod config;
pub mod domain;
pub mod jobs;
pub mod runner;
pub mod simulator;
pub mod store;
pub mod telemetry;
pub mod upstream;
