//! A store with one symbol's bars, the job, and the oracle: one pass over the stored bars.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use finstage::clock::Clock;
use finstage::domain::{DailyBar, IndicatorChoice};
use finstage::indicators::{Bar, IndicatorSet, Indicators, Row, Signal};
use finstage::jobs::{
    AlertBook, Assignment, Done, Freshness, IndicatorPlan, Perform as _, Services, Watch,
};
use finstage::store::{Answer, Covers, SignalFilter, Store};
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, Chart, ChartRequest, Fault, MarketData};
use jiff::ToSpan as _;
use jiff::civil::Date;
use sea_orm::ConnectionTrait as _;

use crate::support::database::Database;
use crate::support::random::Random;
use crate::support::values::{answer, at, day, symbol};

/// The newest bar's session.
pub(super) const LAST: &str = "2026-11-20";

/// Some hours after it.
pub(super) const NOW: &str = "2026-11-21T12:00:00Z";

/// Nobody may ask it.
struct Nobody;

#[async_trait::async_trait]
impl MarketData for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    fn origin(&self) -> String {
        "simulated".to_owned()
    }

    async fn chart(&self, request: &ChartRequest, _: &Budget) -> Result<Chart, Fault> {
        panic!("asked for {}", request.symbol)
    }
}

/// A series of `count` bars, a bar a day, the last one on [`LAST`]: a walk with flat stretches,
/// ties, jumps and sessions without volume.
pub(super) fn walk(seed: u64, count: usize) -> Vec<DailyBar> {
    let mut random = Random::named(seed, "indicators");
    let mut close = 100.0_f64;
    let last = day(LAST);
    let dates = (0..i64::try_from(count).unwrap()).rev();
    let dates = dates.map(|back| last.checked_sub(back.days()).unwrap());
    dates
        .map(|trading_date| {
            #[allow(clippy::cast_precision_loss, reason = "a few thousands")]
            let step = match random.between(0, 9) {
                0..=2 => 0.0,
                3 => random.between(-800, 800) as f64 / 100.0,
                _ => random.between(-150, 150) as f64 / 100.0,
            };
            close = (close + step).max(5.0);
            let volume = random.between(0, 5) * random.between(100, 90_000);
            bar_of(trading_date, close, volume)
        })
        .collect()
}

pub(super) fn bar_of(trading_date: Date, close: f64, volume: i64) -> DailyBar {
    DailyBar {
        trading_date,
        open: close,
        high: close + 1.25,
        low: close - 0.75,
        close,
        adj_close: None,
        volume: Some(volume),
        is_final: true,
    }
}

/// Every signal told, every bar kept.
pub(super) fn everything() -> IndicatorChoice {
    IndicatorChoice {
        history: true,
        tell: Signal::ALL.iter().map(|signal| signal.name()).collect(),
        ..IndicatorChoice::default()
    }
}

pub(super) struct Desk {
    pub(super) store: Store,
    plan: IndicatorPlan,
    database: Database,
}

impl Desk {
    pub(super) async fn new(choice: &IndicatorChoice) -> Self {
        let database = Database::sqlite();
        Self {
            store: database.migrated().await,
            plan: IndicatorPlan::of(choice),
            database,
        }
    }

    /// From now on the job wants this.
    pub(super) fn want(&mut self, choice: &IndicatorChoice) {
        self.plan = IndicatorPlan::of(choice);
    }

    /// Stores bars, those that are there corrected.
    pub(super) async fn save(&self, bars: &[DailyBar]) {
        self.save_answer(&answer(bars, None)).await;
    }

    /// Stores bars; of their range all others are gone.
    pub(super) async fn replace(&self, bars: &[DailyBar]) {
        let restated = Answer {
            covers: Covers::Replaced,
            ..answer(bars, None)
        };
        self.save_answer(&restated).await;
    }

    async fn save_answer(&self, answer: &Answer) {
        let apple = symbol("AAPL");
        let known = self.store.known(&apple, 12).await.unwrap();
        let saved = self.store.save(&apple, answer, &known, at(NOW)).await;
        saved.unwrap();
    }

    /// Does the task as a process does that has just started.
    pub(super) async fn compute_at(&self, now: &str) -> Done {
        let services = Services {
            store: self.store.clone(),
            upstream: Arc::new(Nobody),
            clock: Clock::starting_at(at(now)),
            meter: Meter::default(),
            freshness: Freshness::default(),
            alerts: AlertBook::default(),
            watch: Watch::default(),
        };
        let job = Assignment::Indicators(self.plan);
        let budget = Budget::starting_now(Duration::from_mins(1), Arc::default());
        let done = services.perform(job, &symbol("AAPL"), &budget).await;
        services.ran(job).await;
        done.unwrap()
    }

    pub(super) async fn compute(&self) -> Done {
        self.compute_at(NOW).await
    }

    /// All stored bars in one pass, those no indicator takes left out.
    pub(super) async fn one_pass(&self) -> Vec<(Bar, Row)> {
        let all = (day("1800-01-01"), day("2100-01-01"));
        let bars = self.store.bars(&symbol("AAPL"), all.0, all.1).await;
        let mut state = Indicators::new(&IndicatorSet::default());
        let bars = bars.unwrap();
        let bars = bars.iter().filter(|bar| bar.is_final).map(Bar::from);
        bars.filter_map(|bar| Some((bar, *state.push(&bar).ok()?)))
            .collect()
    }

    /// Session and name of every signal on record that was not withdrawn.
    pub(super) async fn signals(&self) -> BTreeSet<(Date, String)> {
        let rows = self.store.signals(&SignalFilter::default()).await.unwrap();
        let told = rows.iter().map(|row| (row.trading_date, row.kind.clone()));
        told.collect()
    }

    /// Everything on record is what one pass gives, in every bit.
    pub(super) async fn check(&self, step: &str) {
        let pass = self.one_pass().await;
        let apple = symbol("AAPL");
        let names = IndicatorSet::default().columns().to_vec();
        let bits = |values: &[(String, Option<f64>)]| -> Vec<(String, Option<u64>)> {
            let bits = values.iter().cloned();
            bits.map(|(name, value)| (name, value.map(f64::to_bits)))
                .collect()
        };
        let expected = |row: &Row| -> Vec<(String, Option<u64>)> {
            let values = row.values().map(|value| value.map(f64::to_bits));
            names.iter().cloned().zip(values).collect()
        };
        let latest = self.store.latest_indicators(&apple).await.unwrap();
        assert_eq!(latest.len(), 1, "{step}");
        let (bar, row) = pass.last().unwrap();
        assert_eq!(latest[0].row.trading_date, bar.session, "{step}");
        assert_eq!(latest[0].row.close, bar.close, "{step}");
        assert_eq!(bits(&latest[0].row.values), expected(row), "{step}");
        let kept = self
            .store
            .indicator_rows(&apple, self.plan.set_id(), None)
            .await
            .unwrap();
        if latest[0].has_history {
            assert_eq!(kept.len(), pass.len(), "{step}");
            for (kept, (bar, row)) in kept.iter().zip(&pass) {
                assert_eq!(kept.trading_date, bar.session, "{step}");
                assert_eq!(bits(&kept.values), expected(row), "{step} {}", bar.session);
            }
        }
        let raised = pass.iter().flat_map(|(bar, row)| {
            let raised = row.signals();
            let raised: Vec<Signal> = raised.iter().collect();
            let session = bar.session;
            raised
                .into_iter()
                .map(move |signal| (session, signal.name().to_owned()))
        });
        assert_eq!(self.signals().await, raised.collect(), "{step}");
    }

    /// Changes the database behind the program's back.
    pub(super) async fn spoil(&self, sql: &str) {
        let url = format!("sqlite://{}", self.database.file().display());
        let connection = sea_orm::Database::connect(url).await.unwrap();
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Another process on the same database.
    pub(super) async fn twin(&self) -> (Services, Assignment) {
        let services = Services {
            store: self.database.open().await,
            upstream: Arc::new(Nobody),
            clock: Clock::starting_at(at(NOW)),
            meter: Meter::default(),
            freshness: Freshness::default(),
            alerts: AlertBook::default(),
            watch: Watch::default(),
        };
        (services, Assignment::Indicators(self.plan))
    }
}
