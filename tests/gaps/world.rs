//! Everything a run needs, with a clock that can be moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use finstage::clock::Clock;
use finstage::domain::{GapState, JobKind, Providers, RunOrigin};
use finstage::jobs::{AlertBook, Assignment, Freshness, Services, Watch};
use finstage::runner::{Admission, RunSpec, Runner};
use finstage::store::{Epoch, Gap, RunRow, Store};
use finstage::telemetry::Meter;
use finstage::upstream::MarketData;
use jiff::SignedDuration;

use crate::support::database::Database;
use crate::support::values::{at, claim, planned, symbol};

/// Saturday noon: Friday is complete.
pub(super) const SATURDAY: &str = "2026-11-21T12:00:00Z";

pub(super) struct World {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) watch: Watch,
    /// Whom the schedule names.
    pub(super) providers: Providers,
    upstream: Arc<dyn MarketData>,
    epoch: Epoch,
    fires: AtomicI64,
    _database: Database,
}

impl World {
    pub(super) async fn new(upstream: Arc<dyn MarketData>, clock: Clock) -> Self {
        let database = Database::sqlite();
        let store = database.migrated().await;
        let epoch = store.begin_epoch(clock.now()).await.unwrap();
        Self {
            store,
            clock,
            watch: Watch::default(),
            providers: Providers::default(),
            upstream,
            epoch,
            fires: AtomicI64::new(0),
            _database: database,
        }
    }

    pub(super) fn saturday() -> Clock {
        Clock::starting_at(at(SATURDAY))
    }

    /// Forgets what a process remembers, and talks to `upstream` from now on.
    pub(super) fn restart(&mut self, upstream: Arc<dyn MarketData>) {
        (self.watch, self.upstream) = (Watch::default(), upstream);
    }

    pub(super) fn pass(&self, hours: i64) {
        self.clock.step(SignedDuration::from_hours(hours));
    }

    pub(super) async fn run(&self, assignment: Assignment, symbols: &[&str]) -> RunRow {
        self.run_by(RunOrigin::Schedule, assignment, symbols).await
    }

    pub(super) async fn run_by(
        &self,
        origin: RunOrigin,
        assignment: Assignment,
        symbols: &[&str],
    ) -> RunRow {
        let services = Services {
            store: self.store.clone(),
            upstream: Arc::clone(&self.upstream),
            clock: self.clock.clone(),
            meter: Meter::default(),
            // A moment has passed since the last run.
            freshness: Freshness::default(),
            alerts: AlertBook::default(),
            watch: self.watch.clone(),
        };
        let fire = self.fires.fetch_add(1, Ordering::Relaxed);
        let scheduled_for = at(SATURDAY) + SignedDuration::from_secs(fire);
        let claims = [claim("tests", scheduled_for)];
        let ours = self.store.claim(&claims, self.epoch, scheduled_for).await;
        let run_id = ours.unwrap()[0].unwrap().run_id;
        let mut schedule = planned("tests");
        schedule.providers = self.providers;
        let spec = RunSpec {
            run_id,
            schedule: Arc::new(schedule),
            scheduled_for,
            origin,
            assignment,
            symbols: symbols.iter().map(|name| symbol(name)).collect(),
            timeout: Duration::from_mins(1),
            lateness_ms: 0,
            is_resumed: false,
            is_awaited: false,
            on_news: None,
        };
        let runner = Runner::new(services.into());
        runner.admit(spec, Admission::Beside).await.unwrap();
        let row = self.store.run(run_id).await.unwrap().unwrap();
        let tasks = self.store.tasks(run_id).await.unwrap();
        assert_eq!(i32::try_from(tasks.len()).unwrap(), row.tasks_total);
        row
    }

    pub(super) async fn bars(&self, symbols: &[&str]) -> RunRow {
        self.run(Assignment::Job(JobKind::DailyBars), symbols).await
    }

    pub(super) async fn fill(&self, symbols: &[&str]) -> RunRow {
        self.run(Assignment::Job(JobKind::FillGaps), symbols).await
    }

    /// Sessions of `name` in this state, oldest first.
    pub(super) async fn gaps(&self, name: &str, state: GapState) -> Vec<String> {
        let mut gaps: Vec<Gap> = self.store.gaps(Some(name), false).await.unwrap();
        gaps.retain(|gap| gap.state == state.as_str());
        gaps.reverse();
        gaps.iter()
            .map(|gap| gap.trading_date.to_string())
            .collect()
    }
}
