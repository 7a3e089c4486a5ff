//! What a running daemon is, for those who ask it something or change it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::health::Vitals;
use super::heart::{Heart, Signs};
use super::notify;
use super::print::Print;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::jobs::{AlertBook, Watch};
use crate::runner::Runner;
use crate::scheduler::{Command, PlanStatus, Pulse};
use crate::store::{Epoch, Store};
use crate::upstream::{Answers, MarketData};

/// The parts others reach a running daemon by.
pub(super) struct Live {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) runner: Runner,
    pub(super) store: Store,
    pub(super) watch: Watch,
    pub(super) clock: Clock,
    pub(super) epoch: Epoch,
    pub(super) alerts: AlertBook,
    pub(super) started_at: Timestamp,
    pub(super) pulse: Pulse,
    pub(super) vitals: Vitals,
    pub(super) heart: Heart,
    pub(super) environment: Environment,
    /// Answers kept for a while, if any are.
    pub(super) answers: Option<Answers>,
    /// Whom prices are asked from.
    pub(super) upstream: Arc<dyn MarketData>,
    /// The configuration it began with: what needs a restart holds as it says.
    pub(super) at_start: Arc<Config>,
    /// One reload at a time.
    pub(super) reloading: tokio::sync::Mutex<()>,
    loaded: Mutex<Loaded>,
    /// The state of the files when they were last read.
    read: Mutex<Print>,
    /// What systemd was told last of how it stands.
    told: Mutex<Option<String>>,
}

/// The configuration in use.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) config: Arc<Config>,
    pub(super) at: Timestamp,
    /// Problems of a newer one that was rejected.
    pub(super) problems: usize,
}

impl Live {
    /// `config` is as it was read from the file, whatever a simulation has made of it since.
    pub(super) fn new(parts: LiveParts, config: Arc<Config>) -> Self {
        let now = parts.clock.now();
        Self {
            commands: parts.commands,
            runner: parts.runner,
            store: parts.store,
            watch: parts.watch,
            clock: parts.clock,
            epoch: parts.epoch,
            alerts: parts.alerts,
            started_at: now,
            pulse: parts.pulse,
            vitals: parts.vitals,
            heart: Heart::default(),
            environment: parts.environment,
            answers: parts.answers,
            upstream: parts.upstream,
            at_start: Arc::clone(&config),
            reloading: tokio::sync::Mutex::default(),
            read: Mutex::new(parts.read),
            told: Mutex::default(),
            loaded: Mutex::new(Loaded {
                config,
                at: now,
                problems: 0,
            }),
        }
    }

    /// The configuration in use.
    pub(super) fn loaded(&self) -> Loaded {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.clone()
    }

    pub(super) fn set_loaded(&self, config: Arc<Config>) {
        self.watch.replace(&config);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        *loaded = Loaded {
            config,
            at: self.clock.now(),
            problems: 0,
        };
    }

    pub(super) fn note_rejected(&self, problems: usize) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.problems = problems;
    }

    /// Whether the files were read, with whatever outcome, in this state.
    pub(super) fn has_read(&self, state: &Print) -> bool {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) == *state
    }

    /// The files were read in this state.
    pub(super) fn note_read(&self, state: Print) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Asks the planner; `None` when it has ended.
    pub(super) async fn order<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).ok()?;
        answer.await.ok()
    }

    /// How it is.
    pub(super) fn signs(&self) -> Signs {
        Signs {
            runs: self.runner.active_runs(),
            schedules: self.loaded().config.schedules.len() as u64,
            planner_age_ms: self.pulse.age_ms(),
            runtime_ms: self.vitals.latency_ms(),
        }
    }

    /// How it stands, in a line for systemd.
    pub(super) fn status_text(&self) -> String {
        let loaded = self.loaded();
        let is_down = self.pulse.store_is_down();
        notify::serving(loaded.config.schedules.len(), loaded.problems, is_down)
    }

    /// Tells systemd that it is ready, and how it stands.
    pub(super) fn tell_ready(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        notify::ready(told.insert(self.status_text()));
    }

    /// Tells systemd how it stands when that is not as it was told.
    pub(super) fn tell_changes(&self) {
        let now = self.status_text();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_some_and(|told| *told != now) {
            notify::status(&now);
        }
        *told = Some(now);
    }

    /// How the plan stands.
    pub(super) async fn plan_status(&self) -> Option<PlanStatus> {
        self.order(Command::Status).await
    }
}

/// What [`Live`] is made of.
pub(super) struct LiveParts {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) runner: Runner,
    pub(super) store: Store,
    pub(super) watch: Watch,
    pub(super) clock: Clock,
    pub(super) epoch: Epoch,
    pub(super) alerts: AlertBook,
    pub(super) pulse: Pulse,
    pub(super) vitals: Vitals,
    pub(super) environment: Environment,
    pub(super) answers: Option<Answers>,
    pub(super) upstream: Arc<dyn MarketData>,
    /// The state of the files when they were read.
    pub(super) read: Print,
}
