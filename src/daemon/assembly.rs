//! Everything a run needs, put together: for the daemon, and for verbs that run something
//! themselves.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::jobs::{AlertBook, Freshness, Services, Watch};
use crate::runner::Runner;
use crate::scheduler::housekeeping::HousekeepingError;
use crate::store::{Epoch, Store, StoreError};
use crate::telemetry::{Meter, events};
use crate::upstream::{Answers, ClientError, MarketData, Yahoo};

/// Why the program could not start working.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client cannot be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The chores cannot be started.
    #[error(transparent)]
    Housekeeping(#[from] HousekeepingError),
    /// The simulated upstream cannot be started.
    #[error("the simulated upstream cannot be started: {0}")]
    Simulator(std::io::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    /// The planner thread is gone.
    #[error("the planner ended by itself; see event FS9001 in the log")]
    PlannerEnded,
    /// A thread cannot be started.
    #[error("the planner thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The parts of a working program.
pub struct Assembly {
    /// What tasks use.
    pub services: Services,
    /// Starts runs.
    pub runner: Runner,
    /// This start's number.
    pub epoch: Epoch,
    /// Answers kept for a while, if any are.
    pub answers: Option<Answers>,
}

/// Opens the database, brings its schema up to date, and builds the client.
pub async fn assemble(config: &Config, clock: Clock) -> Result<Assembly, StartError> {
    let meter = Meter::default();
    // Building the client reads the system's certificates (20 to 30 ms): meanwhile the database.
    let building = tokio::task::spawn_blocking({
        let (settings, clock, meter) = (config.yahoo.clone(), clock.clone(), meter.clone());
        move || Yahoo::new(&settings, clock, meter)
    });
    // Likewise: a shared cache is reached in the background.
    let answers = Answers::new(&config.cache, clock.clone());
    let store = Store::open(&config.store, meter.clone()).await?;
    store.migrate().await?;
    let upstream = building
        .await
        .map_err(|error| ClientError::from_panic(&error))??;
    let upstream = upstream.with_answers(answers.clone());
    store.claim_origin(&upstream.origin()).await?;
    let now = clock.now();
    let epoch = store.begin_epoch(now).await?;
    let services = Services {
        store,
        upstream: Arc::new(upstream),
        clock,
        meter,
        freshness: Freshness::default(),
        alerts: AlertBook::new(Arc::clone(&config.alerts)),
        watch: Watch::new(config),
    };
    let runner = Runner::new(services.clone().into());
    Ok(Assembly {
        services,
        runner,
        epoch,
        answers,
    })
}

impl Assembly {
    /// Writes the durations not yet written and the end of this start, and closes the database.
    pub async fn close(self, clock: &Clock) {
        let store = self.services.store;
        let measurements = self.services.meter.take();
        let saved = store
            .save_samples(self.epoch, clock.now(), None, &measurements)
            .await;
        if let Err(error) = saved {
            let reason = error.to_string();
            events::StoreUnavailable {
                during: "the last durations",
                reason: &reason,
            }
            .emit();
        }
        if let Err(error) = store.end_epoch(self.epoch, clock.now()).await {
            let reason = error.to_string();
            events::StoreUnavailable {
                during: "the end of the daemon",
                reason: &reason,
            }
            .emit();
        }
        store.close().await;
    }
}
