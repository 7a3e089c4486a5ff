//! When things happen: the planner for the operators' schedules, housekeeping for the daemon's own.

mod command;
mod decide;
pub mod housekeeping;
mod plan;
mod planner;
mod recovery;
mod situation;
mod thread;

pub use command::{Command, PlanStatus, Refusal, ScheduleStatus, Trigger, Triggered};
pub use decide::{Verdict, decide};
pub use plan::{Due, Plan};
pub use planner::{LONGEST_SLEEP, Planner, Wires};
pub use situation::Situation;
pub use thread::{PlannerHandle, Pulse};
