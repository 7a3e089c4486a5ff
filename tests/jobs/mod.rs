//! Whole runs: jobs over symbols, against the simulator on loopback or an upstream in memory.

mod contained;
mod kinds;
mod world;
