//! Next fire times against an oracle that shares no idea with the code: it walks the real instants
//! one by one and reads the clock on the wall.
//!
//! `FINSTAGE_ORACLE_CASES=1000000` makes more comparisons, `FINSTAGE_ORACLE_SEED` makes others.

mod crons;
mod generate;
mod pattern;
mod triggers;
mod walk;

use crate::support::{random, tally};
