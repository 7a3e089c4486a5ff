//! When things happen: the planner for the operators' schedules, housekeeping for the daemon's own.

mod decide;
pub mod housekeeping;
mod plan;
mod planner;

pub use decide::{Verdict, decide};
pub use plan::{Due, Plan};
pub use planner::{Planner, PlannerHandle, Pulse};
