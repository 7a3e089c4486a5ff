//! What a task does: one kind of work a file, one visible registry.
//!
//! All kinds but `indicators` go through [`refresh`]: one request for a window of daily bars serves the quote, the
//! bars, the snapshot of the last session and the all-time high.

mod alerts;
mod all_time_high;
mod backfill;
mod daily_bars;
mod freshness;
mod gaps;
mod identity;
mod indicators;
mod keep;
mod previous;
mod price_snapshots;
mod quotes;
mod refresh;
mod restatement;
mod splice;
mod told;
mod validation;

use std::pin::Pin;
use std::sync::Arc;

use jiff::civil::Date;

pub use alerts::AlertBook;
pub use freshness::Freshness;
pub use gaps::Watch;
pub use indicators::{COMPUTATIONS, IndicatorPlan};

use crate::clock::Clock;
use crate::domain::{FaultClass, JobKind, Schedule, Symbol};
use crate::store::{Store, StoreError};
use crate::telemetry::Meter;
use crate::upstream::{Budget, Fault, Lane, MarketData};

/// What every task may use.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub store: Store,
    /// Where prices come from.
    pub upstream: Arc<dyn MarketData>,
    /// Time.
    pub clock: Clock,
    /// Durations.
    pub meter: Meter,
    /// What was fetched a moment ago and need not be fetched again.
    pub freshness: Freshness,
    /// What people want to be told of prices.
    pub alerts: AlertBook,
    /// Calendars, and what is known of whom we heard from.
    pub watch: Watch,
}

/// What a run wants done for each of its symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// The schedule's job.
    Job(JobKind),
    /// The indicators of this plan.
    Indicators(IndicatorPlan),
    /// Bars of a window of trading dates, both included.
    Backfill {
        /// First trading date.
        from: Date,
        /// Last trading date.
        to: Date,
    },
}

impl Assignment {
    /// What a schedule wants done.
    pub fn of(schedule: &Schedule) -> Self {
        match schedule.job {
            JobKind::Indicators => {
                let choice = schedule.indicators.as_deref().cloned();
                Self::Indicators(IndicatorPlan::of(&choice.unwrap_or_default()))
            }
            job => Self::Job(job),
        }
    }

    /// The name its durations are filed under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Job(kind) => kind.as_str(),
            Self::Indicators(_) => JobKind::Indicators.as_str(),
            Self::Backfill { .. } => "backfill",
        }
    }

    /// Where its requests wait for the upstream.
    pub fn lane(self) -> Lane {
        match self {
            Self::Job(_) | Self::Indicators(_) => Lane::Live,
            Self::Backfill { .. } => Lane::Backfill,
        }
    }
}

/// What a task that succeeded has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Rows inserted or changed.
    pub rows_written: u64,
    /// Rows of the answer that broke a rule.
    pub rows_rejected: u64,
}

/// What does the work of a task: [`Services`] in production.
#[async_trait::async_trait]
pub trait Perform: Send + Sync {
    /// Does the work of one task. Repeating it changes nothing that was right.
    async fn perform(
        &self,
        assignment: Assignment,
        symbol: &Symbol,
        budget: &Budget,
    ) -> Result<Done, Fault>;

    /// The symbols of a run that have something to do: with `is_planned`, when no person asked.
    async fn needed(
        &self,
        _assignment: Assignment,
        symbols: &Arc<[Symbol]>,
        _is_planned: bool,
    ) -> Arc<[Symbol]> {
        Arc::clone(symbols)
    }

    /// A run has ended: what is judged over many symbols.
    async fn ran(&self, _assignment: Assignment) {}

    /// Whether the upstream refuses our address right now, so that tasks only wait.
    fn is_refused(&self) -> bool;
}

#[async_trait::async_trait]
impl Perform for Services {
    async fn perform(
        &self,
        assignment: Assignment,
        symbol: &Symbol,
        budget: &Budget,
    ) -> Result<Done, Fault> {
        let result = self.work(assignment, symbol, budget).await;
        gaps::after(assignment, symbol, budget, result, self).await
    }

    async fn needed(
        &self,
        assignment: Assignment,
        symbols: &Arc<[Symbol]>,
        is_planned: bool,
    ) -> Arc<[Symbol]> {
        gaps::needed(assignment, symbols, is_planned, self).await
    }

    async fn ran(&self, assignment: Assignment) {
        match assignment {
            Assignment::Indicators(plan) => indicators::after_run(plan),
            _ => gaps::after_run(assignment, self).await,
        }
    }

    fn is_refused(&self) -> bool {
        self.upstream.is_refusing()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn store_fault(error: StoreError) -> Fault {
    Fault::new(FaultClass::Store, error.to_string())
}

impl Services {
    async fn work(
        &self,
        assignment: Assignment,
        symbol: &Symbol,
        budget: &Budget,
    ) -> Result<Done, Fault> {
        // Boxed, each: what a task awaits goes deep, and a thread's stack does not.
        let work: Pin<Box<dyn Future<Output = Result<Done, Fault>> + Send + '_>> = match assignment
        {
            Assignment::Job(JobKind::Quotes) => Box::pin(quotes::perform(symbol, self, budget)),
            Assignment::Job(JobKind::DailyBars) => {
                Box::pin(daily_bars::perform(symbol, self, budget))
            }
            Assignment::Job(JobKind::PriceSnapshots) => {
                Box::pin(price_snapshots::perform(symbol, self, budget))
            }
            Assignment::Job(JobKind::AllTimeHigh) => {
                Box::pin(all_time_high::perform(symbol, self, budget))
            }
            Assignment::Job(JobKind::FillGaps) => {
                Box::pin(gaps::fill::perform(symbol, self, budget))
            }
            Assignment::Job(JobKind::Indicators) => {
                let plan = IndicatorPlan::of(&crate::domain::IndicatorChoice::default());
                Box::pin(indicators::perform(symbol, plan, self, budget))
            }
            Assignment::Indicators(plan) => {
                Box::pin(indicators::perform(symbol, plan, self, budget))
            }
            Assignment::Backfill { from, to } => {
                Box::pin(backfill::perform(symbol, from, to, self, budget))
            }
        };
        work.await
    }
}
