//! What systemd is told. Outside systemd every call does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Time kept on top of the drain for closing records.
const CLOSING_MARGIN: Duration = Duration::from_secs(15);

fn tell(states: &[NotifyState<'_>]) {
    // A lost message costs at most a restart by the watchdog; there is nobody to tell.
    let _ = sd_notify::notify(states);
}

/// The daemon serves its schedules.
pub(super) fn ready(schedules: u64) {
    let status = format!("serving {schedules} schedules");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
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
    let extend = u32::try_from((drain + CLOSING_MARGIN).as_micros()).unwrap_or(u32::MAX);
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("draining the runs in flight"),
        NotifyState::ExtendTimeoutUsec(extend),
    ]);
}

/// The planner was seen alive.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}
