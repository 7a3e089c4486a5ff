//! Random worlds: schedules of every kind, the instants they begin at, the weather.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use finstage::domain::{
    CronExpr, JobKind, MisfirePolicy, OverlapPolicy, Retry, Schedule, ScheduleId, Sla, Symbol,
    Trigger,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::world::Weather;
use crate::support::random::Random;
use crate::support::values::planned;

/// Shortly before these, or some time around, a world begins: clocks are changed somewhere.
const CHANGES: [&str; 7] = [
    "2026-03-08T07:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-03-29T01:00:00Z",
    "2026-10-25T01:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-10-03T15:30:00Z",
    "2026-06-17T13:20:00Z",
];

const ZONES: [&str; 6] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/St_Johns",
];

const CRONS: [&str; 12] = [
    "*/5 * * * *",
    "*/15 9-16 * * MON-FRI",
    "30 1,2,3 * * *",
    "30 2 * * *",
    "0 2 * * *",
    "0 * * * *",
    "7,37 * * * *",
    "*/10 * * * *",
    "0,30 0-4 * * *",
    "15 */2 * * *",
    "30 */3 * * * *",
    "0 0 * * *",
];

const PERIODS: [u64; 8] = [90, 120, 180, 300, 600, 900, 1_800, 3_600];

/// Planned schedules by their names.
pub(crate) type Schedules = BTreeMap<ScheduleId, Arc<Schedule>>;

pub(crate) fn beginning(random: &mut Random) -> Timestamp {
    let change: Timestamp = random.pick(&CHANGES).parse().unwrap();
    let minutes = random.between(5, 240);
    change - SignedDuration::from_secs(minutes * 60 + random.between(0, 59))
}

pub(crate) fn weather(random: &mut Random) -> Weather {
    let mut some = |chance, most| {
        if random.chance(chance) {
            random.between(1, most)
        } else {
            0
        }
    };
    let mut weather = Weather {
        fails: some(60, 60),
        loses_answer: some(60, 60),
        hangs: some(40, 30),
        dawdles: some(40, 30),
        task_fails: some(70, 400),
        task_hangs: some(30, 20),
        task_panics: some(20, 20),
        ..Weather::default()
    };
    weather.slowest_task_ms = *random.pick(&[50, 2_000, 20_000, 90_000]);
    weather.favourite_deed = random.between(0, 99);
    weather.has_rival = random.chance(15);
    weather
}

pub(crate) fn schedules(random: &mut Random) -> Schedules {
    let count = random.between(1, 12);
    (0..count)
        .map(|number| {
            let one = Arc::new(schedule(number, random));
            (one.id.clone(), one)
        })
        .collect()
}

/// The same with some of them edited, gone, new or switched off.
pub(crate) fn edited(schedules: &Schedules, random: &mut Random) -> Schedules {
    let mut edited = schedules.clone();
    for _ in 0..random.between(1, 3) {
        let number = random.between(0, 13);
        let fresh = schedule(number, random);
        let id = fresh.id.clone();
        let Some(old) = edited.get(&id).cloned() else {
            edited.insert(id, Arc::new(fresh));
            continue;
        };
        let one = match random.between(0, 4) {
            0 => {
                edited.remove(&id);
                continue;
            }
            1 => Schedule {
                enabled: !old.enabled,
                ..(*old).clone()
            },
            // Another timing, and everything else.
            2 => fresh,
            // All but the timing.
            _ => Schedule {
                trigger: old.trigger.clone(),
                timezone: old.timezone.clone(),
                jitter: old.jitter,
                starts_at: old.starts_at,
                expires_at: old.expires_at,
                ..fresh
            },
        };
        edited.insert(id, Arc::new(one));
    }
    edited
}

fn schedule(number: i64, random: &mut Random) -> Schedule {
    let name = format!("s{number}");
    let symbols = random.between(1, 6);
    let symbols = (0..symbols).map(|one| Symbol::try_new(&format!("S{number}.{one}")).unwrap());
    let mut secs = |from: &[u64]| Duration::from_secs(*random.pick(from));
    let mut schedule = Schedule {
        symbols: symbols.collect(),
        timeout: secs(&[20, 60, 300]),
        task_timeout: secs(&[10, 60]),
        jitter: secs(&[0, 0, 20, 120]),
        misfire_threshold: secs(&[1, 60, 600]),
        catchup_window: secs(&[0, 600, 3_600, 86_400]),
        cancel_grace: secs(&[0, 10]),
        ..planned(&name)
    };
    schedule.job = *random.pick(&JobKind::ALL);
    schedule.trigger = trigger(random);
    schedule.timezone = TimeZone::get(random.pick::<&str>(&ZONES)).unwrap();
    schedule.enabled = !random.chance(8);
    schedule.concurrency = usize::try_from(random.between(1, 4)).unwrap();
    schedule.overlap_policy = *random.pick(&OverlapPolicy::ALL);
    schedule.misfire_policy = *random.pick(&MisfirePolicy::ALL);
    schedule.max_catchup = usize::try_from(*random.pick(&[1, 3, 100])).unwrap();
    schedule.retry = random.chance(40).then(|| Retry {
        max_attempts: 3,
        initial_interval: Duration::from_secs(1),
        multiplier: 2.0,
        max_interval: Duration::from_secs(30),
        // The waits are drawn by a generator that has no seed.
        randomization_factor: 0.0,
    });
    schedule.pause_after_failures = random.chance(20).then_some(2);
    schedule.sla = Sla {
        late_after: random.chance(30).then_some(Duration::from_secs(5)),
        max_time_since_success: random.chance(30).then_some(Duration::from_hours(1)),
        max_runtime: random.chance(30).then_some(Duration::from_secs(15)),
    };
    schedule
}

fn trigger(random: &mut Random) -> Trigger {
    if random.chance(50) {
        let period = *random.pick(&PERIODS);
        let offset = random.chance(30).then_some(period / 3);
        return Trigger::Every {
            period: Duration::from_secs(period),
            offset: Duration::from_secs(offset.unwrap_or(0)),
        };
    }
    let crons =
        (0..random.between(1, 2)).map(|_| CronExpr::try_new(random.pick::<&str>(&CRONS)).unwrap());
    Trigger::Cron(crons.collect())
}
