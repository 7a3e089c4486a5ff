//! The real planner thread, store and runner with schedules that are all due at one instant and a
//! job that does nothing, watched from both ends.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::{self, Config, Environment};
use finstage::domain::{RunState, Schedule, Symbol};
use finstage::jobs::{Assignment, Done, Perform};
use finstage::runner::{Desk, Runner};
use finstage::scheduler::{LONGEST_SLEEP, Planner, Pulse};
use finstage::store::{Epoch, Store};
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, Fault};
use jiff::Timestamp;

use super::disk::Disk;
use crate::support::{self, Spread};
use crate::watch::{Watch, Watched};

/// A schedule that fires every second, beside the others.
const EVERY_SECOND: &str = "every-second";

/// How many schedules are due how often, and what else goes on.
pub(super) struct World {
    pub(super) schedules: usize,
    pub(super) period: Duration,
    pub(super) rounds: u32,
    pub(super) are_workers_busy: bool,
    /// Where the ledger lies, if not where temporary files do.
    pub(super) within: Option<&'static str>,
}

/// What was seen, ms after the planned instants.
pub(super) struct Round {
    /// Until the claim was durable and its runs admitted.
    pub(super) claims: Spread,
    /// Until the task began.
    pub(super) begins: Spread,
    /// The claims of the schedule that fires every second, in the two seconds after the others.
    pub(super) next_ticks: Spread,
    /// What the disk took for a page, each.
    pub(super) flushes: Spread,
    pub(super) lost: usize,
    pub(super) doubled: usize,
}

impl World {
    pub(super) fn run(&self) -> Round {
        let runtime = support::runtime();
        let directory = match self.within {
            Some(parent) => tempfile::tempdir_in(parent),
            None => tempfile::tempdir(),
        };
        let directory = directory.unwrap();
        let config = self.configuration(directory.path());
        let disk = Disk::watch(directory.path());
        let mut round = runtime.block_on(self.observe(&config));
        round.flushes = disk.flushes();
        runtime.shutdown_background();
        round
    }

    fn configuration(&self, directory: &Path) -> Config {
        let mut text = String::from(
            "[store]\nurl = \"sqlite://finstage.db?mode=rwc\"\n[defaults]\n\
             misfire_policy = \"skip\"\noverlap_policy = \"allow_all\"\n",
        );
        let period = self.period.as_secs();
        for index in 0..self.schedules {
            let kind = ["quotes", "daily_bars", "price_snapshots"][index % 3];
            let _ = writeln!(
                text,
                "[schedules.s{index:04}]\njob = \"{kind}\"\nevery = \"{period}s\"\n\
                 symbols = [\"S{index:04}\"]"
            );
        }
        if period > 2 {
            let _ = writeln!(
                text,
                "[schedules.{EVERY_SECOND}]\njob = \"quotes\"\nevery = \"1s\"\nsymbols = [\"TICK\"]"
            );
        }
        let environment = Environment::in_directory(directory);
        config::parse(Path::new("bench.toml"), &text, &environment)
            .unwrap()
            .0
    }

    async fn observe(&self, config: &Config) -> Round {
        let clock = Clock::system();
        let store = Store::open(&config.store, Meter::default()).await.unwrap();
        store.migrate().await.unwrap();
        let epoch = store.begin_epoch(clock.now()).await.unwrap();
        let begun = Arc::new(Begun::default());
        let watch = Watch::over(store.clone());
        let runner = Runner::new(Desk {
            ledger: Arc::new(store.clone()),
            work: Arc::clone(&begun) as Arc<dyn Perform>,
            clock: clock.clone(),
            meter: Meter::default(),
            pings: None,
        });
        let planner = planner(&config.schedules, &watch, &runner, epoch);
        let mut planner = planner.start(Pulse::default()).unwrap();
        planner.opened().await.unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        if self.are_workers_busy {
            keep_workers_busy(&is_over);
        }
        let period_ms = i64::try_from(self.period.as_millis()).unwrap();
        let first_ms = (clock.now().as_millisecond() / period_ms + 2) * period_ms;
        let end_ms = first_ms + i64::from(self.rounds) * period_ms;
        // Between the last round and the next.
        let until = u64::try_from(end_ms - clock.now().as_millisecond()).unwrap();
        tokio::time::sleep(Duration::from_millis(until - 300)).await;
        tokio::task::spawn_blocking(move || planner.stop())
            .await
            .unwrap();
        // A run needs many turns of the workers: those of the last rounds come now.
        is_over.store(true, Ordering::Relaxed);
        let drained = tokio::time::timeout(Duration::from_mins(1), runner.drained()).await;
        assert!(drained.is_ok(), "runs go on for a minute");
        self.judge(&watch.take(), &begun.take(), first_ms, end_ms)
    }

    fn judge(
        &self,
        claims: &[Watched],
        begun: &[(String, Timestamp)],
        first_ms: i64,
        end_ms: i64,
    ) -> Round {
        let in_time = |at: i64| (first_ms..end_ms).contains(&at);
        let late =
            |at: Timestamp, planned_ms: i64| at.as_microsecond() as f64 / 1e3 - planned_ms as f64;
        let period_ms = i64::try_from(self.period.as_millis()).unwrap();
        // By schedule, in order: claims from the first on, tasks too.
        let mut planned: HashMap<String, Vec<i64>> = HashMap::new();
        let (mut lateness, mut next_ticks) = (Vec::new(), Vec::new());
        for Watched {
            fire,
            state,
            admitted,
        } in claims
        {
            let at = fire.scheduled_for.as_millisecond();
            assert_eq!(*state, RunState::Claimed, "{fire:?}");
            if fire.schedule.as_str() != EVERY_SECOND {
                let symbol = fire.schedule.as_str().to_uppercase();
                planned.entry(symbol).or_default().push(at);
                lateness.extend(in_time(at).then(|| late(*admitted, at)));
            } else if in_time(at) && (1_000..=2_000).contains(&(at % period_ms)) {
                next_ticks.push(late(*admitted, at));
            }
        }
        let mut tasks: HashMap<&str, Vec<Timestamp>> = HashMap::new();
        for (symbol, at) in begun.iter().filter(|(symbol, _)| symbol != "TICK") {
            tasks.entry(symbol).or_default().push(*at);
        }
        let (mut lost, mut doubled) = (0, 0);
        let mut begins = Vec::new();
        for (symbol, planned) in &planned {
            let tasks = tasks.remove(symbol.as_str()).unwrap_or_default();
            let distinct: BTreeSet<i64> = planned.iter().copied().collect();
            let expected = distinct.iter().filter(|at| in_time(**at)).count();
            lost += self.rounds as usize - expected + distinct.len().saturating_sub(tasks.len());
            doubled += planned.len() - distinct.len() + tasks.len().saturating_sub(distinct.len());
            let begun = distinct.iter().zip(tasks);
            let begun = begun.filter(|(planned, _)| in_time(**planned));
            begins.extend(begun.map(|(planned, at)| late(at, *planned)));
        }
        lost += (self.schedules - planned.len()) * self.rounds as usize;
        Round {
            claims: Spread::of(lateness),
            begins: Spread::of(begins),
            next_ticks: Spread::of(next_ticks),
            flushes: Spread::of(Vec::new()),
            lost,
            doubled,
        }
    }
}

fn planner(schedules: &[Arc<Schedule>], watch: &Watch, runner: &Runner, epoch: Epoch) -> Planner {
    let looks = watch.clone();
    Planner {
        schedules: schedules.to_vec(),
        ledger: Arc::new(watch.clone()),
        runner: runner.clone(),
        epoch,
        clock: Clock::system(),
        longest_sleep: LONGEST_SLEEP,
        on_look: Box::new(move || looks.look()),
    }
}

/// As many tasks as workers; each yields every 50 ms.
fn keep_workers_busy(is_over: &Arc<AtomicBool>) {
    for _ in 0..support::WORKERS {
        let is_over = Arc::clone(is_over);
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let start = std::time::Instant::now();
                while start.elapsed() < Duration::from_millis(50) {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
        });
    }
}

/// A job that notes when it begins, and is done.
#[derive(Default)]
struct Begun(Mutex<Vec<(String, Timestamp)>>);

impl Begun {
    fn take(&self) -> Vec<(String, Timestamp)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl Perform for Begun {
    async fn perform(&self, _: Assignment, symbol: &Symbol, _: &Budget) -> Result<Done, Fault> {
        let now = Clock::system().now();
        self.0.lock().unwrap().push((symbol.to_string(), now));
        Ok(Done {
            rows_written: 1,
            rows_rejected: 0,
        })
    }

    fn is_refused(&self) -> bool {
        false
    }
}
