//! What the log says of the daemon's own life: the planner, the runtime, the machine it runs on.

use std::process::Command;
use std::time::Duration;

use finstage::clock::{self, Clock};
use finstage::daemon::{Heart, Signs};
use finstage::monitor::Monitor;
use finstage::scheduler::Pulse;
use finstage::telemetry::Meter;

use crate::faults::log::Heard;
use crate::support::database::Database;
use crate::support::values::at;

const WELL: Signs = Signs {
    runs: 3,
    schedules: 40,
    planner_age_ms: 1_900,
    runtime_ms: 2,
};

/// A heart, and who hears it.
struct Patient {
    heart: Heart,
    heard: Heard,
}

impl Patient {
    fn new() -> Self {
        Self {
            heart: Heart::default(),
            heard: Heard::from_now_on(),
        }
    }

    /// Beats once a second for so long; gives the seconds at which there was a line with that code.
    async fn beats(&self, seconds: i64, code: &str, signs: impl Fn() -> Signs) -> Vec<i64> {
        let (mut told, began) = (Vec::new(), clock::monotonic());
        for _ in 0..seconds {
            tokio::time::advance(Duration::from_secs(1)).await;
            let before = self.heard.lines(code).len();
            self.heart.beat(&signs());
            if self.heard.lines(code).len() > before {
                told.push(clock::elapsed_ms(began) / 1_000);
            }
        }
        told
    }
}

#[tokio::test(start_paused = true)]
async fn a_daemon_says_once_a_minute_that_it_lives_and_nothing_else_while_it_is_well() {
    let patient = Patient::new();
    assert_eq!(patient.beats(200, "FS1006", || WELL).await, [60, 120, 180]);
    let all = patient.heard.all();
    assert_eq!(all.len(), 3, "{all:#?}");
    assert!(
        all[0].contains("schedules=40 planner.age_ms=1900 "),
        "{all:?}"
    );
    // What was slept through is told once.
    tokio::time::advance(Duration::from_hours(1)).await;
    assert_eq!(patient.beats(70, "FS1006", || WELL).await, [1, 61]);
    assert_eq!(patient.heard.all().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_never_looks_is_told_after_ten_seconds_and_as_long_as_it_does_not() {
    let (patient, pulse) = (Patient::new(), Pulse::default());
    let never_looks = || Signs {
        planner_age_ms: pulse.age_ms(),
        ..WELL
    };
    let told = patient.beats(35, "FS1008", never_looks).await;
    assert_eq!(told, [11, 21, 31]);
    let told = patient.beats(35, "FS1008", || WELL).await;
    assert!(told.is_empty(), "it looks again: {told:?}");
    // The next one is told at once, be it of a runtime that comes to nothing.
    let is_stuck = || Signs {
        runtime_ms: 10_001,
        ..WELL
    };
    assert_eq!(patient.beats(15, "FS1008", is_stuck).await, [1, 11]);
}

#[tokio::test]
async fn a_sample_that_cannot_be_read_is_told_and_the_next_one_tries_again() {
    let mut child = Command::new("true").spawn().unwrap();
    let ended = child.id();
    child.wait().unwrap();
    let database = Database::sqlite();
    let (store, now) = (database.migrated().await, at("2026-11-23T12:00:00Z"));
    let epoch = store.begin_epoch(now).await.unwrap();
    let folder = database.file().parent().unwrap().to_owned();
    let monitor = |process| {
        let (store, meter) = (store.clone(), Meter::default());
        let clock = Clock::starting_at(now);
        Monitor::of(process, store, meter, clock, epoch, folder.clone())
    };
    let heard = Heard::from_now_on();
    let of_nobody = monitor(ended);
    of_nobody.sample().await;
    of_nobody.sample().await;
    let told = heard.lines("FS7002");
    assert_eq!(told.len(), 2, "{:#?}", heard.all());
    assert!(told[0].contains("not in /proc"), "{told:?}");
    monitor(std::process::id()).sample().await;
    assert_eq!(heard.lines("FS7001").len(), 1, "{:#?}", heard.all());
    assert_eq!(heard.lines("FS7002").len(), 2);
}
