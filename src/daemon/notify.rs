//! What systemd is told. Outside systemd every call does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Time kept on top of the drain for closing records.
const CLOSING_MARGIN: Duration = Duration::from_secs(15);

/// Longest change of the schema.
const MIGRATION: Duration = Duration::from_mins(15);

/// Microseconds, for as long as the field reaches: 71 minutes.
fn usec(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

fn tell(states: &[NotifyState<'_>]) {
    // A lost message costs at most a restart by the watchdog; there is nobody to tell.
    let _ = sd_notify::notify(states);
}

/// What `systemctl status` shows: so many schedules, and what is not as it should be.
pub(super) fn serving(schedules: usize, problems: usize, store_is_down: bool) -> String {
    let degraded = if store_is_down {
        "degraded: the database cannot be used; "
    } else {
        ""
    };
    let rejected = match problems {
        0 => String::new(),
        1 => "; a newer configuration was rejected (1 problem)".to_owned(),
        _ => format!("; a newer configuration was rejected ({problems} problems)"),
    };
    format!("{degraded}serving {schedules} schedules{rejected}")
}

/// The daemon serves, or will by itself: a start that only waits is not helped by another one.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// How it goes on.
pub(super) fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// The schema is being changed, which takes as long as the database is large: a start has this long
/// from now on.
pub(super) fn migrating() {
    tell(&[
        NotifyState::Status("bringing the schema of the database up to date"),
        NotifyState::ExtendTimeoutUsec(usec(MIGRATION)),
    ]);
}

/// The daemon reads its configuration again; it is ready afterwards.
pub(super) fn reloading() {
    // Both in one datagram: systemd compares the two moments.
    let Ok(now) = NotifyState::monotonic_usec_now() else {
        return;
    };
    tell(&[
        NotifyState::Reloading,
        now,
        NotifyState::Status("reading the configuration again"),
    ]);
}

/// The daemon drains for at most `drain`.
pub(super) fn stopping(drain: Duration) {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("draining the runs in flight"),
        NotifyState::ExtendTimeoutUsec(usec(drain + CLOSING_MARGIN)),
    ]);
}

/// Planner and runtime were seen alive.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

#[cfg(test)]
mod tests {
    use super::serving;

    #[test]
    fn the_status_names_what_is_wrong_and_only_that() {
        assert_eq!(serving(7, 0, false), "serving 7 schedules");
        assert_eq!(
            serving(7, 2, false),
            "serving 7 schedules; a newer configuration was rejected (2 problems)"
        );
        assert_eq!(
            serving(7, 1, true),
            "degraded: the database cannot be used; serving 7 schedules; a newer configuration was \
             rejected (1 problem)"
        );
    }
}
