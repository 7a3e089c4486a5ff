//! How fast the planner and the runner get through a year of fifty schedules on paused time.

#[allow(dead_code, reason = "the simulation uses more of it")]
#[path = "../../tests/simulation/books.rs"]
mod books;
#[path = "../../tests/simulation/year.rs"]
mod simulation;

use std::time::Instant;

use super::support::{Figures, thousands};

const DAYS: i64 = 365;

/// Simulates the year once; all its fires must have become runs that succeeded.
pub(crate) fn measure(figures: &mut Figures) {
    let started = Instant::now();
    let look = simulation::live(DAYS);
    let took = started.elapsed().as_secs_f64();
    let year = look();
    assert_eq!(year.lost, 0, "of {} fires", year.fires);
    let fires = year.fires as f64;
    figures.add(
        &format!("{DAYS} simulated days of {} schedules", year.schedules),
        format!(
            "{took:.2} s, {} runs, none lost",
            thousands(year.runs as f64)
        ),
        "≤ 5 s",
        format!("{:.1} µs a fire, two tasks each", took * 1e6 / fires),
    );
}
