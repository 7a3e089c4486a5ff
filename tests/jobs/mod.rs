//! Whole runs: jobs over symbols, against the simulator on loopback or an upstream in memory.

mod admitted;
mod alerts;
mod cached;
mod contained;
mod doubted;
mod kinds;
mod moody;
mod pings;
mod quiet;
pub(crate) mod world;
