//! Everything a run needs, put together: for the daemon, and for verbs that run something
//! themselves.

use std::sync::Arc;

use super::notify;
use crate::clock::Clock;
use crate::config::{Config, QuoteBatch};
use crate::domain::Provider;
use crate::jobs::{AlertBook, Freshness, Services, Watch};
use crate::runner::Runner;
use crate::scheduler::housekeeping::HousekeepingError;
use crate::store::{Epoch, Store, StoreError};
use crate::telemetry::{Meter, events};
use crate::upstream::{Answers, Binance, Chain, ClientError, Deferred, MarketData, Tiingo, Yahoo};

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
    // A shared cache is reached in the background.
    let answers = Answers::new(&config.cache, clock.clone());
    // Building the client reads the system's certificates (20 to 30 ms): meanwhile the database.
    let building = tokio::task::spawn_blocking({
        let (config, clock, meter) = (config.clone(), clock.clone(), meter.clone());
        let answers = answers.clone();
        move || providers(&config, answers, &clock, &meter)
    });
    let store = Store::open(&config.store, meter.clone()).await?;
    store.migrate_telling(notify::migrating).await?;
    let upstream = building
        .await
        .map_err(|error| ClientError::from_panic(&error))??;
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

/// All providers in one; each is asked only by tasks whose schedule names it.
fn providers(
    config: &Config,
    answers: Option<Answers>,
    clock: &Clock,
    meter: &Meter,
) -> Result<Chain, ClientError> {
    let (clock, meter) = (clock.clone(), meter.clone());
    let yahoo =
        Yahoo::new(&config.yahoo, clock.clone(), meter.clone())?.with_answers(answers.clone());
    let yahoo = match config.quote_batch {
        QuoteBatch::None => yahoo,
        QuoteBatch::Spark => yahoo.with_spark(),
    };
    let tiingo = {
        let (settings, key) = (config.tiingo.clone(), config.tiingo_key.clone());
        let (clock, meter, answers) = (clock.clone(), meter.clone(), answers.clone());
        deferred(Provider::Tiingo, move || {
            let tiingo = Tiingo::new(&settings, key.as_ref(), clock.clone(), meter.clone())?;
            Ok(tiingo.with_answers(answers.clone()))
        })
    };
    let settings = config.binance.clone();
    let binance = deferred(Provider::Binance, move || {
        let binance = Binance::new(&settings, clock.clone(), meter.clone())?;
        Ok(binance.with_answers(answers.clone()))
    });
    Ok(Chain::new(vec![
        (Provider::Yahoo, Arc::new(yahoo)),
        (Provider::Tiingo, Arc::new(tiingo)),
        (Provider::Binance, Arc::new(binance)),
    ]))
}

fn deferred<M: MarketData + 'static>(
    provider: Provider,
    build: impl Fn() -> Result<M, ClientError> + Send + Sync + 'static,
) -> Deferred {
    let build = move || build().map(|built| Arc::new(built) as Arc<dyn MarketData>);
    Deferred::new(provider.as_str(), build)
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
            events::StoreRecordFailed {
                during: "the last durations",
                reason: &reason,
            }
            .emit();
        }
        if let Err(error) = store.end_epoch(self.epoch, clock.now()).await {
            let reason = error.to_string();
            events::StoreRecordFailed {
                during: "the end of the daemon",
                reason: &reason,
            }
            .emit();
        }
        store.close().await;
    }
}
