//! A year without faults: fifty schedules on paused time. The benches include this file, too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use finstage::clock::Clock;
use finstage::config::{self, Environment};
use finstage::domain::{Pause, RunState, Schedule, ScheduleId, Symbol, TaskOutcome};
use finstage::jobs::{Assignment, Done, Perform};
use finstage::runner::{Desk, Runner};
use finstage::scheduler::{Command, Planner, Pulse, Wires};
use finstage::store::{Claim, Epoch, Interrupted, Ledger, Ours, Recovery, RunEnd, StoreError};
use finstage::telemetry::Meter;
use finstage::upstream::{Budget, Fault};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::LocalSet;

use super::books::Books;

/// How long a task takes.
const TASK: Duration = Duration::from_millis(120);

const ZONES: [&str; 10] = [
    "America/New_York",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "America/Toronto",
    "Europe/Zurich",
    "UTC",
];

/// What came of it.
pub(crate) struct Figures {
    pub(crate) schedules: usize,
    pub(crate) fires: usize,
    pub(crate) runs: usize,
    /// Fires without a run that succeeded.
    pub(crate) lost: usize,
}

struct Plain(Arc<Mutex<Books>>);

struct Prompt;

#[async_trait::async_trait]
impl Perform for Prompt {
    async fn perform(&self, _: Assignment, _: &Symbol, _: &Budget) -> Result<Done, Fault> {
        tokio::time::sleep(TASK).await;
        Ok(Done::default())
    }

    fn is_refused(&self) -> bool {
        false
    }
}

/// Quotes every five minutes of the session, the rest every quarter, hour and day.
fn fifty() -> Vec<Arc<Schedule>> {
    let mut text = "[store]\nurl = \"sqlite://year.db?mode=rwc\"\n".to_owned();
    for number in 0..50 {
        let (job, cron) = match number {
            0..10 => ("quotes", "*/5 9-16 * * MON-FRI".to_owned()),
            10..18 => ("quotes", "*/15 8-17 * * MON-FRI".to_owned()),
            18..30 => ("price_snapshots", format!("{} * * * *", number - 15)),
            30..45 => ("daily_bars", format!("{} 18 * * *", number - 30)),
            _ => ("all_time_high", format!("30 {} * * SAT", number - 40)),
        };
        let zone = ZONES[number % ZONES.len()];
        writeln!(
            text,
            "[schedules.s{number}]\njob = \"{job}\"\ncron = \"{cron}\"\ntimezone = \"{zone}\"\n\
             symbols = [\"^GSPC\", \"AAPL\"]"
        )
        .unwrap();
    }
    let environment = Environment::in_directory(std::env::temp_dir());
    config::parse(Path::new("year.toml"), &text, &environment)
        .unwrap()
        .0
        .schedules
}

/// Lives through so many days; gives when it is over what came of it, to be looked at later.
pub(crate) fn live(days: i64) -> impl FnOnce() -> Figures {
    let from: Timestamp = "2026-01-01T00:00:30Z".parse().unwrap();
    let until = from + SignedDuration::from_hours(24 * days);
    let books = Arc::new(Mutex::new(Books::default()));
    let schedules = fifty();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (ledger, all) = (Arc::new(Plain(Arc::clone(&books))), schedules.clone());
    LocalSet::new().block_on(&runtime, async move {
        let clock = Clock::starting_at(from);
        let runner = Runner::new(Desk {
            ledger: ledger.clone(),
            work: Arc::new(Prompt),
            clock: clock.clone(),
            meter: Meter::default(),
            pings: None,
        });
        let planner = Planner {
            schedules: all,
            ledger,
            runner: runner.clone(),
            epoch: Epoch(1),
            clock,
            longest_sleep: Duration::from_hours(24),
            on_look: Box::new(|| {}),
        };
        let (commands, orders) = unbounded_channel();
        let (stepped_back, _) = unbounded_channel();
        let serving = tokio::task::spawn_local(planner.serve(Wires {
            orders,
            opened: None,
            stepped_back,
            pulse: Pulse::default(),
        }));
        let length = until.duration_since(from);
        tokio::time::sleep(Duration::try_from(length).unwrap()).await;
        let _ = commands.send(Command::Stop);
        serving.await.unwrap();
        runner.drained().await;
    });
    move || count(&schedules, &books.lock().unwrap(), from, until)
}

/// Every fire between, by stepping through the schedules, and what its row says.
fn count(schedules: &[Arc<Schedule>], books: &Books, from: Timestamp, until: Timestamp) -> Figures {
    let mut figures = Figures {
        schedules: schedules.len(),
        fires: 0,
        runs: books.rows().len(),
        lost: 0,
    };
    for schedule in schedules {
        let mut at = from;
        while let Some(fire) = schedule.next_after(at).filter(|fire| *fire < until) {
            figures.fires += 1;
            let row = books.row_of(&schedule.id, fire).map(|run| books.row(run));
            let is_done = row.is_some_and(|row| row.state == RunState::Succeeded);
            figures.lost += usize::from(!is_done);
            at = fire;
        }
    }
    figures
}

#[async_trait::async_trait]
impl Ledger for Plain {
    async fn claim(
        &self,
        claims: &[Claim],
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<Vec<Option<Ours>>, StoreError> {
        Ok(self.0.lock().unwrap().claim(claims, epoch, now))
    }

    async fn interrupted(&self, _own: Epoch) -> Result<Vec<Interrupted>, StoreError> {
        Ok(self.0.lock().unwrap().interrupted())
    }

    async fn recover(
        &self,
        recoveries: &[Recovery],
        own: Epoch,
        now: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        Ok(self.0.lock().unwrap().recover(recoveries, own, now))
    }

    async fn latest_fires(
        &self,
        schedules: &[ScheduleId],
        until: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, Timestamp>, StoreError> {
        Ok(self.0.lock().unwrap().latest_fires(schedules, until))
    }

    async fn forget_after(&self, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.0.lock().unwrap().forget_after(now))
    }

    async fn last_success(&self, schedule: &ScheduleId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.0.lock().unwrap().last_success(schedule))
    }

    async fn failures_in_a_row(&self, id: &ScheduleId, at_most: u32) -> Result<u32, StoreError> {
        Ok(self.0.lock().unwrap().failures_in_a_row(id, at_most))
    }

    async fn run_started(&self, run_id: i64, total: u32, _: Timestamp) -> Result<(), StoreError> {
        self.0.lock().unwrap().run_started(run_id, total);
        Ok(())
    }

    async fn tasks_ended(&self, run_id: i64, outcomes: &[TaskOutcome]) -> Result<(), StoreError> {
        self.0.lock().unwrap().tasks_ended(run_id, outcomes);
        Ok(())
    }

    async fn ended_tasks(&self, run_id: i64) -> Result<Vec<TaskOutcome>, StoreError> {
        Ok(self.0.lock().unwrap().ended_tasks(run_id))
    }

    async fn run_ended(&self, run_id: i64, end: &RunEnd, now: Timestamp) -> Result<(), StoreError> {
        self.0.lock().unwrap().run_ended(run_id, end, now);
        Ok(())
    }

    async fn prove_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        Ok(self.0.lock().unwrap().pauses())
    }

    async fn pause(&self, pause: &Pause) -> Result<(), StoreError> {
        self.0.lock().unwrap().pause(pause);
        Ok(())
    }

    async fn resume(&self, schedule: &ScheduleId, now: Timestamp) -> Result<(), StoreError> {
        self.0.lock().unwrap().resume(schedule, now);
        Ok(())
    }
}
