//! The daemon's own chores, driven by tokio-cron-scheduler: a handful of UTC, repeatable jobs that
//! are added at start and never removed. Operators' schedules never run here; docs/adr/0001 says
//! why.

use std::pin::Pin;
use std::sync::Arc;

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Room for events inside tokio-cron-scheduler; with fewer it drops fires silently.
const CHANNEL_SIZE: usize = 1024;

/// Chores that may be added: the known limits of tokio-cron-scheduler allow no more.
const MAX_CHORES: usize = 10;

/// What a chore does each time.
pub type Work = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Something the daemon does for itself.
pub struct Chore {
    /// When, as cron with seconds, UTC.
    pub cron: &'static str,
    /// What. Runs of one chore never overlap: a fire that finds the previous one busy is dropped.
    pub work: Work,
}

/// The chores under way.
pub struct Housekeeping {
    scheduler: JobScheduler,
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
}

impl Housekeeping {
    /// Adds all chores, one after another, and starts.
    pub async fn start(chores: Vec<Chore>) -> Result<Self, HousekeepingError> {
        if chores.len() > MAX_CHORES {
            return Err(HousekeepingError::TooMany);
        }
        let scheduler = JobScheduler::new_with_channel_size(CHANNEL_SIZE).await?;
        for Chore { cron, work } in chores {
            let busy = Arc::new(tokio::sync::Mutex::new(()));
            let job = Job::new_async(cron, move |_, _| {
                let (work, busy) = (Arc::clone(&work), Arc::clone(&busy));
                Box::pin(async move {
                    if let Ok(_turn) = busy.try_lock() {
                        work().await;
                    }
                })
            })?;
            scheduler.add(job).await?;
        }
        scheduler.start().await?;
        Ok(Self { scheduler })
    }

    /// Starts no more chores. Does not wait for those under way.
    pub async fn stop(mut self) {
        let _ = self.scheduler.shutdown().await;
    }
}
