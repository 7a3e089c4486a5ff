//! From admitted to begun: runs are spawned on their runtime by the runtime itself, since spawning
//! costs more than admitting and the planner has thousands to admit.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::admission::Ready;
use super::control::Control;
use super::{Runner, Shared, record, run};

/// A run that stands among the others and is to be spawned; counted as one that goes on.
pub(super) struct Beginning {
    pub(super) runner: Runner,
    pub(super) ready: Ready,
    pub(super) control: Arc<Control>,
    /// The call of its heartbeat address that tells of its start.
    pub(super) pinged: Option<JoinHandle<()>>,
    pub(super) _counted: TaskTrackerToken,
}

impl Beginning {
    fn spawn(self) {
        let Self {
            runner,
            ready: Ready { spec, done },
            control,
            pinged,
            _counted,
        } = self;
        let tracker = runner.0.tracker.clone();
        let run = async move {
            let Shared { desk, abort, .. } = &*runner.0;
            let spec = run::narrowed(spec, desk, &control).await;
            let work = AssertUnwindSafe(run::work(&spec, desk, &control, abort));
            let worked = work.catch_unwind().await;
            // Its tasks are done: no fire is skipped because the database is slow to hear of it.
            control.set_finishing();
            let end = match worked {
                Ok((recorder, end)) => {
                    recorder.finish(&end, abort).await;
                    end
                }
                Err(_) => record::panicked(&spec, desk, abort).await,
            };
            runner.leave(&spec);
            runner.tell(&spec, &end, pinged);
            run::followed_up(&spec, desk, abort).await;
            let _ = done.send(end);
        };
        drop(tracker.spawn(run));
    }
}

/// Where runs pass on their way to the runtime, unless they are held back.
#[derive(Default)]
pub(super) struct Door(Mutex<Held>);

#[derive(Default)]
struct Held {
    holders: usize,
    runs: Vec<Beginning>,
}

impl Door {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pass(&self, mut runs: Vec<Beginning>, runtime: &Handle) {
        let mut held = self.held();
        if held.holders > 0 {
            held.runs.append(&mut runs);
            return;
        }
        drop(held);
        drop(runtime.spawn(async move { runs.into_iter().for_each(Beginning::spawn) }));
    }
}

/// Runs begin when it is dropped.
pub struct HeldBack(Runner);

impl HeldBack {
    pub(super) fn new(runner: &Runner) -> Self {
        runner.0.door.held().holders += 1;
        Self(runner.clone())
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        let Shared { door, runtime, .. } = &*self.0.0;
        let mut held = door.held();
        held.holders -= 1;
        let runs = if held.holders == 0 {
            std::mem::take(&mut held.runs)
        } else {
            Vec::new()
        };
        drop(held);
        if !runs.is_empty() {
            door.pass(runs, runtime);
        }
    }
}
