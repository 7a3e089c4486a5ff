//! A store and an upstream whose next answer is whatever was put there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::clock::Clock;
use finstage::domain::{DailyBar, JobKind};
use finstage::jobs::{AlertBook, Assignment, Done, Freshness, Perform as _, Services, Watch};
use finstage::store::{QuarantineFilter, QuarantineRow, Store};
use finstage::telemetry::Meter;
use finstage::upstream::yahoo::read;
use finstage::upstream::{Budget, Chart, ChartRequest, Fault, MarketData};
use jiff::Timestamp;

use super::body::{Meta, Row, body};
use crate::support::database::Database;
use crate::support::values::{at, day, symbol};

/// A Saturday: nothing is live.
pub(super) const SATURDAY: &str = "2026-11-21T12:00:00Z";

/// The upstream.
#[derive(Default)]
struct Shelf {
    answers: Mutex<HashMap<String, Vec<u8>>>,
    now: Mutex<Timestamp>,
    asked: Mutex<u32>,
}

#[async_trait::async_trait]
impl MarketData for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        *self.asked.lock().unwrap() += 1;
        let now = *self.now.lock().unwrap();
        let answers = self.answers.lock().unwrap();
        read(200, &answers[request.symbol.as_str()], request, now)
    }
}

/// Everything a task needs.
pub(super) struct Desk {
    pub(super) store: Store,
    /// What is told of prices.
    pub(super) alerts: AlertBook,
    shelf: Arc<Shelf>,
    _database: Database,
}

impl Desk {
    pub(super) async fn new() -> Self {
        let database = Database::sqlite();
        Self {
            store: database.migrated().await,
            alerts: AlertBook::default(),
            shelf: Arc::default(),
            _database: database,
        }
    }

    /// Puts the next answer there.
    pub(super) fn put(&self, name: &str, answer: Vec<u8>) {
        let mut answers = self.shelf.answers.lock().unwrap();
        answers.insert(name.to_owned(), answer);
    }

    /// How often the upstream was asked.
    pub(super) fn asked(&self) -> u32 {
        *self.shelf.asked.lock().unwrap()
    }

    /// Does a task as a process does that has just started.
    pub(super) async fn perform(
        &self,
        assignment: Assignment,
        name: &str,
        now: &str,
    ) -> Result<Done, Fault> {
        let now = at(now);
        *self.shelf.now.lock().unwrap() = now;
        let upstream = Arc::clone(&self.shelf);
        let services = Services {
            store: self.store.clone(),
            upstream,
            clock: Clock::starting_at(now),
            meter: Meter::default(),
            freshness: Freshness::default(),
            alerts: self.alerts.clone(),
            watch: Watch::default(),
        };
        let budget = Budget::starting_now(Duration::from_mins(1), Arc::default());
        services.perform(assignment, &symbol(name), &budget).await
    }

    /// The job `daily_bars` with this answer, on the Saturday.
    pub(super) async fn bars_job(
        &self,
        name: &str,
        rows: &[Row],
        meta: &Meta,
    ) -> Result<Done, Fault> {
        self.put(name, body(name, rows, meta));
        let job = Assignment::Job(JobKind::DailyBars);
        self.perform(job, name, SATURDAY).await
    }

    pub(super) async fn bars(&self, name: &str) -> Vec<DailyBar> {
        let (from, to) = (day("1800-01-01"), day("2100-01-01"));
        self.store.bars(&symbol(name), from, to).await.unwrap()
    }

    /// All rows that were ever in quarantine.
    pub(super) async fn quarantine(&self, name: &str) -> Vec<QuarantineRow> {
        let filter = QuarantineFilter {
            symbol: Some(symbol(name)),
            rule: None,
            all: true,
        };
        self.store.quarantine(&filter).await.unwrap()
    }

    /// `date rule state` of each of them.
    pub(super) async fn told(&self, name: &str) -> Vec<String> {
        let rows = self.quarantine(name).await;
        let told = rows
            .iter()
            .map(|row| format!("{} {} {}", row.trading_date, row.rule, row.state));
        told.collect()
    }
}
