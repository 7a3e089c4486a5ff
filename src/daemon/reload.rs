//! Reloading schedules.toml: read whole, validated whole, taken over whole or not at all. Runs that
//! go on keep what they began with.

use std::sync::Arc;

use super::live::Live;
use super::notify;
use super::print::{FilePrint, print};
use crate::config::{self, Config, Difference, Problem, Problems};
use crate::scheduler::Command;
use crate::telemetry::events;

/// A new configuration that was read and found good.
pub(super) struct Reload {
    pub(super) difference: Difference,
    pub(super) lints: Problems,
    config: Arc<Config>,
}

impl Live {
    /// Reads the file again and tells what would change.
    pub(super) async fn look_at_file(&self) -> Result<Reload, Problems> {
        let (loaded, environment) = (self.loaded(), self.environment.clone().today());
        let path = loaded.config.file.clone();
        let read = tokio::task::spawn_blocking(move || config::load(&path, &environment));
        let (config, lints) = match read.await {
            Ok(read) => read?,
            Err(panic) => {
                let place = loaded.config.file.display().to_string();
                let message = format!("reading it failed: {panic}");
                return Err(Problem::general(place, &message, "please report this").into());
            }
        };
        Ok(Reload {
            difference: Difference::between(&self.at_start, &loaded.config, &config),
            lints,
            config: Arc::new(config),
        })
    }

    /// Reads the file again and plans what it says; with problems nothing changes. `cause` is for
    /// the log.
    pub(super) async fn reload(&self, cause: &str) -> Result<Reload, Problems> {
        let _turn = self.reloading.lock().await;
        notify::reloading();
        // Before it is read: a change during the reading is one that comes after.
        let files = self.loaded().config.files.clone();
        let before = print(&files);
        self.note_read(before.clone());
        let read = self.look_at_file().await;
        match &read {
            Ok(reload) => self.take_over(reload, cause, before.first()).await,
            Err(problems) => {
                self.note_rejected(problems.len());
                log_rejected(problems, cause, &self.loaded().config);
            }
        }
        self.tell_ready();
        read
    }

    /// `main` is the state of the configuration file before it was read.
    async fn take_over(&self, reload: &Reload, cause: &str, main: Option<&FilePrint>) {
        // One after another: the planner has them before anybody is told that they count.
        let schedules = reload.config.schedules.clone();
        let state = print(&reload.config.files);
        let replaced = self.order(|reply| Command::Replace(schedules, reply)).await;
        if replaced.is_none() {
            // The planner has ended: so does the daemon.
            return;
        }
        self.alerts.replace(Arc::clone(&reload.config.alerts));
        self.set_loaded(Arc::clone(&reload.config));
        // Of other files of symbols than before; unless the main one was changed meanwhile.
        if state.first() == main {
            self.note_read(state);
        }
        let difference = &reload.difference;
        events::ConfigReloaded {
            cause,
            schedules: reload.config.schedules.len() as u64,
            added: difference.added.len() as u64,
            removed: difference.removed.len() as u64,
            changed: difference.changed.len() as u64,
        }
        .emit();
        if !difference.needs_restart.is_empty() {
            let sections = &difference.needs_restart.join(", ");
            events::ConfigNeedsRestart { sections }.emit();
        }
        log_lints(&reload.lints);
    }
}

fn log_rejected(problems: &Problems, cause: &str, in_use: &Config) {
    let Some(first) = problems.iter().next() else {
        return;
    };
    events::ConfigReloadRejected {
        cause,
        problems: problems.len() as u64,
        place: &first.place(),
        problem: &first.message,
        hint: &first.hint,
        schedules: in_use.schedules.len() as u64,
    }
    .emit();
}

/// Says what is probably not meant.
pub(super) fn log_lints(lints: &Problems) {
    for lint in lints {
        let (problem, hint) = (&lint.message, &lint.hint);
        events::ConfigLint {
            place: &lint.place(),
            problem,
            hint,
        }
        .emit();
    }
}
