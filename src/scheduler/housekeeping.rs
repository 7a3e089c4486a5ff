//! The daemon's own chores, driven by tokio-cron-scheduler: a handful of UTC, repeatable jobs that
//! are added at start and never removed. Operators' schedules never run here; docs/adr/0001 says
//! why.
//!
//! tokio-cron-scheduler polls twice a second and talks to itself over channels: on the daemon's
//! runtime that costs six wake-ups a second, on a thread and runtime of its own four (tokio's timer
//! wakes twice for a sleep of that length). So the thread sleeps by itself and gives that runtime a
//! turn twice a second: two.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::sync::{Mutex, oneshot};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Room for events inside tokio-cron-scheduler; with fewer it drops fires silently.
const CHANNEL_SIZE: usize = 1024;

/// Pause between two turns: a little longer than tokio-cron-scheduler sleeps between two polls, so
/// that each turn finds one due.
const TURN_PAUSE: Duration = Duration::from_millis(505);

/// Times the runtime's tasks are let run in one turn: the longest chain of messages inside
/// tokio-cron-scheduler, from poll to job, is shorter by far.
const TURN_ROUNDS: usize = 64;

/// Chores that may be added: the known limits of tokio-cron-scheduler allow no more.
const MAX_CHORES: usize = 10;

/// What a chore does each time. Runs of one chore never overlap: a fire that finds the previous one
/// busy is dropped.
#[derive(Clone)]
pub enum Work {
    /// A glance: never waits for anything.
    Quick(Arc<dyn Fn() + Send + Sync>),
    /// Work that waits; it is done on the daemon's runtime.
    Task(Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>),
}

/// Something the daemon does for itself.
pub struct Chore {
    /// When, as cron with seconds, UTC.
    pub cron: &'static str,
    /// What.
    pub work: Work,
}

/// The chores under way.
pub struct Housekeeping {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// Chores could not be started.
#[derive(Debug, thiserror::Error)]
pub enum HousekeepingError {
    /// Too many of them.
    #[error("more than {MAX_CHORES} chores")]
    TooMany,
    /// tokio-cron-scheduler said so.
    #[error("housekeeping cannot be started: {0}")]
    Scheduler(#[from] JobSchedulerError),
    /// Its thread or runtime cannot be started.
    #[error("the housekeeping thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    /// Its thread ended before it had begun.
    #[error("the housekeeping thread ended at once")]
    Ended,
}

impl Housekeeping {
    /// Adds all chores, one after another, and starts.
    pub async fn start(chores: Vec<Chore>) -> Result<Self, HousekeepingError> {
        if chores.len() > MAX_CHORES {
            return Err(HousekeepingError::TooMany);
        }
        let (stop, stopped) = channel();
        let (ready, is_ready) = oneshot::channel();
        let daemon = Handle::current();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("housekeeping".to_owned())
            .spawn(move || serve(&runtime, chores, &daemon, ready, &stopped))?;
        is_ready.await.map_err(|_| HousekeepingError::Ended)??;
        Ok(Self { stop, thread })
    }

    /// Starts no more chores, and waits for the thread. Blocks for a moment.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

fn serve(
    runtime: &Runtime,
    chores: Vec<Chore>,
    daemon: &Handle,
    ready: oneshot::Sender<Result<(), JobSchedulerError>>,
    stopped: &Receiver<()>,
) {
    let mut scheduler = match runtime.block_on(started(chores, daemon)) {
        Ok(scheduler) => scheduler,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let _ = ready.send(Ok(()));
    while stopped.recv_timeout(TURN_PAUSE) == Err(RecvTimeoutError::Timeout) {
        runtime.block_on(async {
            for _ in 0..TURN_ROUNDS {
                tokio::task::yield_now().await;
            }
        });
    }
    let _ = runtime.block_on(scheduler.shutdown());
}

async fn started(chores: Vec<Chore>, daemon: &Handle) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new_with_channel_size(CHANNEL_SIZE).await?;
    for Chore { cron, work } in chores {
        let busy = Arc::new(Mutex::new(()));
        let daemon = daemon.clone();
        let job = Job::new_async(cron, move |_, _| {
            let (work, busy, daemon) = (work.clone(), Arc::clone(&busy), daemon.clone());
            Box::pin(async move {
                let Ok(_turn) = busy.try_lock() else { return };
                match work {
                    Work::Quick(glance) => glance(),
                    Work::Task(task) => drop(daemon.spawn(task()).await),
                }
            })
        })?;
        scheduler.add(job).await?;
    }
    scheduler.start().await?;
    Ok(scheduler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn chores_of_both_kinds_are_done_and_a_stop_is_quick() {
        let (quick, mut quick_done) = tokio::sync::mpsc::channel(8);
        let (task, mut task_done) = tokio::sync::mpsc::channel(8);
        let chores = vec![
            Chore {
                cron: "* * * * * *",
                work: Work::Quick(Arc::new(move || {
                    let _ = quick.try_send(());
                })),
            },
            Chore {
                cron: "* * * * * *",
                work: Work::Task(Arc::new(move || {
                    let task = task.clone();
                    Box::pin(async move {
                        let _ = task.send(()).await;
                    })
                })),
            },
        ];
        let housekeeping = Housekeeping::start(chores).await.unwrap();
        quick_done.recv().await.unwrap();
        task_done.recv().await.unwrap();
        tokio::task::spawn_blocking(move || housekeeping.stop())
            .await
            .unwrap();
    }
}
