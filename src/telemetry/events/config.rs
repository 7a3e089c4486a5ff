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
        tells: DAEMON_CANNOT_START,
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
    /// The configuration was read again and is in use; runs that go on keep what they began with.
    ConfigReloaded<'a> {
        "config.reloaded", "FS2004", INFO, "configuration reloaded",
        action: "None.",
        closes: CONFIG_REJECTED,
        "cause": cause: &'a str,
        "schedules": schedules: u64,
        "schedules.added": added: u64,
        "schedules.removed": removed: u64,
        "schedules.changed": changed: u64,
    }
    /// The configuration was read again and has problems: the one before it stays in use.
    ConfigReloadRejected<'a> {
        "config.reload_rejected", "FS2005", ERROR, "the new configuration is not used",
        action: "Mend it: `finstage validate` shows every problem. It is read again when it changes.",
        opens: CONFIG_REJECTED,
        "cause": cause: &'a str,
        "problems": problems: u64,
        "place": place: &'a str,
        "problem": problem: &'a str,
        "hint": hint: &'a str,
        "schedules": schedules: u64,
    }
    /// The new configuration changes settings that a running daemon cannot take over.
    ConfigNeedsRestart<'a> {
        "config.needs_restart", "FS2006", WARN, "settings were changed that need a restart",
        action: "Restart the daemon when it suits; until then the old settings hold.",
        "sections": sections: &'a str,
    }
    /// A market's calendar ends soon: afterwards its holidays are taken for ordinary days.
    CalendarEnding<'a> {
        "config.calendar_ending", "FS2007", WARN, "a calendar ends soon",
        action: "Update finstage, or add its holidays under [calendars].",
        "calendar": calendar: &'a str,
        "valid_through": valid_through: &'a str,
    }
}
