//! One life of the process: the real planner and runner on a paused runtime, what is done to them,
//! and the end.

use std::sync::Arc;
use std::time::Duration;

use finstage::clock::{self, Clock};
use finstage::runner::{Desk, Runner};
use finstage::scheduler::{Command, Planner, Pulse, Wires};
use finstage::telemetry::Meter;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, LocalSet};

use super::deeds::deed;
use super::faulty::Faulty;
use super::scenery::Schedules;
use super::work::Work;
use super::world::Shared;

/// How a life ends, if the process does not die before.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// It dies.
    Crash,
    /// It is told to stop, and runs may go on for this long.
    Stop(Duration),
    /// Everything is well for a while, and then it is told to stop.
    Peace,
}

/// What a life is to be like.
pub(crate) struct Fortune {
    pub(crate) length: Duration,
    pub(crate) end: End,
    pub(crate) longest_sleep: Duration,
    pub(crate) schedules: Schedules,
    /// Mean time between two things that are done to it.
    pub(crate) deeds_every: Duration,
}

/// The process as the outside sees it.
pub(crate) struct Process {
    pub(crate) shared: Shared,
    pub(crate) runner: Runner,
    pub(crate) orders: UnboundedSender<Command>,
    pub(crate) clock: Clock,
    planner: JoinHandle<()>,
}

/// Lives one life to its end.
pub(crate) fn live(shared: &Shared, fortune: &Fortune) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let died = Arc::clone(&shared.lock().died);
        let process = Process::begin(shared.clone(), fortune);
        tokio::select! {
            biased;
            () = died.notified() => {}
            () = process.last(fortune) => {}
        }
        // What was going on is gone, like a process that is killed.
        let world = &mut *shared.lock();
        world.wall = world.clock.now();
        world.is_dead = true;
    });
    drop(local);
    drop(runtime);
}

impl Process {
    fn begin(shared: Shared, fortune: &Fortune) -> Self {
        let (orders, received) = unbounded_channel();
        let (stepped_back, _) = unbounded_channel();
        let clock = Clock::starting_at(shared.lock().wall);
        let epoch = {
            let world = &mut *shared.lock();
            world.stats.lives += 1;
            world.clock = clock.clone();
            world.born = clock::monotonic();
            world.well_since = world.born;
            world.weather.outage_until = None;
            world.is_dead = false;
            world.epoch.0 += 1;
            world.schedules = fortune.schedules.clone();
            world.coming = None;
            world.watch.begin_life();
            world.dues.begin_life();
            let (wall, end) = (world.wall, fortune.end);
            world.note(format_args!("LIFE at {wall}, to end by {end:?}"));
            world.epoch
        };
        let runner = Runner::new(Desk {
            ledger: Arc::new(Faulty(shared.clone())),
            work: Arc::new(Work(shared.clone())),
            clock: clock.clone(),
            meter: Meter::default(),
            pings: None,
        });
        let looked = shared.clone();
        let planner = Planner {
            schedules: fortune.schedules.values().cloned().collect(),
            ledger: Arc::new(Faulty(shared.clone())),
            runner: runner.clone(),
            epoch,
            clock: clock.clone(),
            longest_sleep: fortune.longest_sleep,
            on_look: Box::new(move || {
                let world = &mut *looked.lock();
                let now = world.clock.now();
                if world.dues.looked(now) {
                    let is_over_before = |until: Option<_>| until.is_none_or(|until| until <= now);
                    world.watch.forget_rests(|_, until| is_over_before(until));
                }
            }),
        };
        let wires = Wires {
            orders: received,
            opened: None,
            stepped_back,
            pulse: Pulse::default(),
        };
        Self {
            shared,
            runner,
            orders,
            clock,
            planner: tokio::task::spawn_local(planner.serve(wires)),
        }
    }

    async fn last(mut self, fortune: &Fortune) {
        let end = clock::monotonic() + fortune.length;
        let most_ms = 2 * i64::try_from(fortune.deeds_every.as_millis()).unwrap();
        loop {
            let wait = self.shared.lock().random.between(1, most_ms).unsigned_abs();
            let at = clock::monotonic() + Duration::from_millis(wait);
            if at >= end {
                break;
            }
            tokio::time::sleep_until(at).await;
            deed(&self).await;
            self.check().await;
        }
        tokio::time::sleep_until(end).await;
        match fortune.end {
            End::Crash => self.shared.lock().die(),
            End::Stop(drain) => self.stop(drain).await,
            End::Peace => {
                self.find_peace().await;
                self.stop(Duration::from_hours(1)).await;
            }
        }
    }

    /// Nothing goes wrong any more, until everything is done that is owed.
    async fn find_peace(&self) {
        {
            let world = &mut *self.shared.lock();
            world.note(format_args!("PEACE"));
            world.weather.is_calm = true;
            world.weather.outage_until = None;
        }
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(30)).await;
            self.check().await;
        }
        let world = &mut *self.shared.lock();
        assert!(world.is_well(), "peace has no end");
    }

    /// What has to hold whenever nothing has gone wrong for a while.
    pub(crate) async fn check(&self) {
        for _ in 0..16 {
            // Whoever was told something now has acted on it then.
            tokio::task::yield_now().await;
        }
        let (running, waiting) = self.runner.totals();
        let world = &mut *self.shared.lock();
        let beginning = running.saturating_sub(world.watch.running());
        world.check(waiting + beginning);
    }

    /// An orderly stop, as the daemon does it: no row stays open but those that could not be
    /// written.
    async fn stop(&mut self, drain: Duration) {
        self.shared.lock().note(format_args!("STOP"));
        let _ = self.orders.send(Command::Stop);
        (&mut self.planner)
            .await
            .expect("the planner does not panic");
        self.runner.close();
        self.shared.lock().watch.is_closed = true;
        if tokio::time::timeout(drain, self.runner.drained())
            .await
            .is_err()
        {
            self.shared.lock().note(format_args!("ABORT"));
            self.runner.abort();
            self.runner.drained().await;
        }
        let world = &mut *self.shared.lock();
        world.note(format_args!("STOPPED"));
        let open: Vec<i64> = world.books.open().collect();
        for run_id in open {
            let row = world.books.row(run_id);
            if row.epoch == world.epoch && !world.watch.is_troubled(run_id) {
                let what = format!("run {run_id} is {} after an orderly stop", row.state);
                world.journal.violated(&what);
            }
        }
    }
}
