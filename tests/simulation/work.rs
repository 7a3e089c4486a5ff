//! The upstream and the table of bars: tasks that take their time, fail, hang and panic.

use std::time::Duration;

use finstage::domain::{FaultClass, ScheduleId, Symbol};
use finstage::jobs::{Assignment, Done, Perform};
use finstage::upstream::{Budget, Fault};

use super::world::Shared;

/// What does the tasks of a world.
pub(crate) struct Work(pub(crate) Shared);

/// Tells the end of a task, however it comes.
struct Presence {
    shared: Shared,
    schedule: ScheduleId,
}

impl Drop for Presence {
    fn drop(&mut self) {
        // A world that panicked is looked at by nobody any more.
        if let Ok(mut world) = self.shared.0.lock() {
            world.watch.task_ended(&self.schedule);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Good,
    Bad(FaultClass),
    Never,
    Panic,
}

/// The symbols of each schedule begin with its name.
fn schedule_of(symbol: &Symbol) -> ScheduleId {
    let name = symbol.as_str().split('.').next().unwrap();
    ScheduleId::try_new(&name.to_ascii_lowercase()).unwrap()
}

impl Work {
    fn begin(&self, symbol: &Symbol) -> (Presence, Duration, Ending) {
        let schedule = schedule_of(symbol);
        let world = &mut *self.0.lock();
        world.note(format_args!("task {symbol} begins"));
        if !world.is_dead {
            let (books, journal) = (&world.books, &mut world.journal);
            world.watch.task_started(&schedule, symbol, books, journal);
        }
        let (random, weather) = (&mut world.random, &world.weather);
        let [fails, hangs, panics] = if weather.is_calm {
            [0; 3]
        } else {
            [weather.task_fails, weather.task_hangs, weather.task_panics]
        };
        let ending = match random.between(0, 999) {
            drawn if drawn < hangs => Ending::Never,
            drawn if drawn < hangs + panics => Ending::Panic,
            drawn if drawn < hangs + panics + fails => Ending::Bad(*random.pick(&FaultClass::ALL)),
            _ => Ending::Good,
        };
        let took = random.between(0, weather.slowest_task_ms);
        let took = Duration::from_millis(took.unsigned_abs());
        let shared = self.0.clone();
        (Presence { shared, schedule }, took, ending)
    }

    fn end(&self, symbol: &Symbol, ending: Ending) -> Option<Result<Done, Fault>> {
        let mut world = self.0.lock();
        if world.is_dead {
            return None;
        }
        world.note(format_args!("task {symbol} ends: {ending:?}"));
        match ending {
            Ending::Good => {
                let stamp = u64::try_from(world.bars.len()).unwrap() + 1;
                world.bars.insert((symbol.clone(), stamp));
                let done = Done {
                    rows_written: stamp,
                    rows_rejected: 0,
                };
                Some(Ok(done))
            }
            Ending::Bad(class) => Some(Err(Fault::new(class, "simulated"))),
            Ending::Never => None,
            Ending::Panic => {
                drop(world);
                // Without the hook: nobody is to read of it.
                std::panic::resume_unwind(Box::new("simulated"))
            }
        }
    }
}

#[async_trait::async_trait]
impl Perform for Work {
    async fn perform(
        &self,
        _assignment: Assignment,
        symbol: &Symbol,
        budget: &Budget,
    ) -> Result<Done, Fault> {
        let (presence, took, ending) = self.begin(symbol);
        let in_time = tokio::time::timeout_at(budget.deadline(), tokio::time::sleep(took));
        let ending = match in_time.await {
            Ok(()) => ending,
            Err(_) => Ending::Bad(FaultClass::Timeout),
        };
        let ended = self.end(symbol, ending);
        let Some(ended) = ended else {
            return std::future::pending().await;
        };
        drop(presence);
        ended
    }

    fn is_refused(&self) -> bool {
        let mut world = self.0.lock();
        let is_refused = world.random.chance(30);
        if !world.weather.is_calm && world.random.chance(3) {
            drop(world);
            // Here it hits the run itself.
            std::panic::resume_unwind(Box::new("simulated"));
        }
        is_refused
    }
}
