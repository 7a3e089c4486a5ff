//! The configuration.

use crate::telemetry::catalogue::events;

events! {
    /// schedules.toml was read and is in order.
    ConfigLoaded<'a> {
        "config.loaded", "FS2001", INFO, "configuration loaded",
        action: "None.",
        "config.file": config_file: &'a str,
        "schedules": schedules: u64,
        "symbols": symbols: u64,
    }
    /// schedules.toml has a problem; the daemon did not start.
    ConfigProblem<'a> {
        "config.problem", "FS2002", ERROR, "configuration problem",
        action: "Mend the place named; `finstage validate` shows every problem at once.",
        "place": place: &'a str,
        "problem": problem: &'a str,
        "hint": hint: &'a str,
    }
    /// schedules.toml is usable, but something in it is probably not meant.
    ConfigLint<'a> {
        "config.lint", "FS2003", WARN, "doubtful configuration",
        action: "Read the hint; `finstage validate` shows all of them.",
        "place": place: &'a str,
        "problem": problem: &'a str,
        "hint": hint: &'a str,
    }
}
