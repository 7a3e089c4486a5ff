//! The planner's own thread: it keeps fires punctual when the daemon's runtime is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::command::Command;
use super::planner::{Planner, Wires};
use crate::clock;

/// Turns given to what the database's pool has spawned on the planner's runtime, at its end.
const LAST_TURNS: usize = 64;

/// The planner's sign of life, by the monotonic clock. Cheap to clone.
#[derive(Clone)]
pub struct Pulse {
    started: Instant,
    last_look_ms: Arc<AtomicI64>,
    store_is_down: Arc<AtomicBool>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            started: clock::monotonic(),
            last_look_ms: Arc::default(),
            store_is_down: Arc::default(),
        }
    }
}

impl Pulse {
    /// How long ago the planner looked at the clock, ms; at most two seconds while it lives.
    pub fn age_ms(&self) -> i64 {
        clock::elapsed_ms(self.started) - self.last_look_ms.load(Ordering::Relaxed)
    }

    /// Whether the planner found the database unusable when it last asked.
    pub fn store_is_down(&self) -> bool {
        self.store_is_down.load(Ordering::Relaxed)
    }

    pub(super) fn note_store(&self, is_down: bool) {
        self.store_is_down.store(is_down, Ordering::Relaxed);
    }

    pub(super) fn beat(&self) {
        self.last_look_ms
            .store(clock::elapsed_ms(self.started), Ordering::Relaxed);
    }
}

/// The running planner thread.
pub struct PlannerHandle {
    commands: UnboundedSender<Command>,
    opened: Option<oneshot::Receiver<usize>>,
    steps_back: UnboundedReceiver<()>,
    thread: JoinHandle<()>,
}

impl Planner {
    /// Starts the thread, which shows its life on `pulse`.
    pub fn start(self, pulse: Pulse) -> std::io::Result<PlannerHandle> {
        let (commands, orders) = unbounded_channel();
        let (open, opened) = oneshot::channel();
        let (stepped_back, steps_back) = unbounded_channel();
        let wires = Wires {
            orders,
            opened: Some(open),
            stepped_back,
            pulse,
        };
        // A runtime of its own: its timer needs nobody else to be awake.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serve = move || {
            runtime.block_on(self.serve(wires));
            runtime.block_on(async {
                for _ in 0..LAST_TURNS {
                    tokio::task::yield_now().await;
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("planner".to_owned())
            .spawn(serve)?;
        Ok(PlannerHandle {
            commands,
            opened: Some(opened),
            steps_back,
            thread,
        })
    }
}

impl PlannerHandle {
    /// Waits until all schedules are planned, and gives how many those are; `None` when the
    /// planner ended before.
    pub async fn opened(&mut self) -> Option<usize> {
        self.opened.take()?.await.ok()
    }

    /// Where commands go.
    pub fn commands(&self) -> UnboundedSender<Command> {
        self.commands.clone()
    }

    /// Waits until the wall clock is stepped back; `None` when the planner thread has ended, which
    /// it never does by itself.
    pub async fn stepped_back(&mut self) -> Option<()> {
        self.steps_back.recv().await
    }

    /// Stops planning; returns when no fire can be claimed any more. Blocks for one claim at most.
    pub fn stop(self) {
        let _ = self.commands.send(Command::Stop);
        let _ = self.thread.join();
    }
}
