//! Stopping: let runs finish, then end them, never leave a record open.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::runner::Runner;

/// The signals that mean "stop", and the one that means "read the file again".
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self {
            terminate,
            interrupt,
            hangup,
        })
    }

    /// Waits for the next signal to stop, or to reload.
    pub(super) async fn stop_or_reload(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Wish::Stop("SIGINT"),
            _ = self.hangup.recv() => Wish::Reload,
        }
    }

    /// Waits for the next signal to stop and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// What a signal asks for.
pub(super) enum Wish {
    Stop(&'static str),
    Reload,
}

/// How the runs in flight ended.
pub(super) enum Ended {
    /// Within the drain.
    ByThemselves,
    /// So many had to be aborted.
    Aborted(u64),
}

/// Lets runs finish for `drain`, then (or at a second signal) aborts them and waits until each has
/// written its end.
pub(super) async fn drain(runner: &Runner, drain: Duration, signals: &mut Signals) -> Ended {
    tokio::select! {
        () = runner.drained() => return Ended::ByThemselves,
        () = tokio::time::sleep(drain) => {}
        _ = signals.next() => {}
    }
    let runs = runner.active_runs();
    runner.abort();
    runner.drained().await;
    Ended::Aborted(runs)
}
