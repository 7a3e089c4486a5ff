//! The scheduling core in simulated worlds: the real planner and runner on paused time, a ledger and
//! an upstream in memory that fail in every way, crashes, stops and steps of the clock. Invariants
//! are checked at each step; the same seed gives the same log, byte for byte.
//!
//! `FINSTAGE_SIMULATION_SEEDS=10000` tries more worlds, `FINSTAGE_SEED=…` one alone.

mod books;
mod deeds;
mod due;
mod faulty;
mod journal;
mod life;
mod scenery;
mod seeds;
mod watch;
mod work;
mod world;
mod year;
