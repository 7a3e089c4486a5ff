//! `Trigger::Every` against its definition, `Schedule::latest_between` against stepping forward.

use std::time::Duration;

use finstage::domain::{CronExpr, Schedule, Trigger};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::generate::{self, Dates};
use super::random::Random;
use super::tally::{Tally, instant, seed, setting};
use super::walk::{DAY, HOUR, Wall, Zone};
use crate::support::values::planned;

const SECOND_NANOS: i128 = 1_000_000_000;

#[test]
fn every_is_aligned_strictly_after_and_never_drifts() {
    let mut tally = Tally::new();
    let mut random = Random::named(seed(), "every");
    let zone = TimeZone::get("Australia/Lord_Howe").unwrap();
    let wanted = setting("FINSTAGE_ORACLE_CASES", 200_000) / 4;
    while tally.compared < wanted {
        let (trigger, period, offset) = every(&mut random);
        let start = anytime(&mut random);
        let mut at = start;
        for step in 0..5 {
            let next = trigger.next_after(at, &TimeZone::UTC).unwrap();
            let (now, found) = (at.as_nanosecond(), next.as_nanosecond());
            let right = now < found
                && found - period <= now
                && (found - offset).rem_euclid(period) == 0
                && (step == 0 || found - now == period)
                && trigger.next_after(at, &zone) == Some(next);
            tally.check(right, || format!("{trigger} after {at}: got {next}"));
            at = next;
        }
    }
    tally.finish("every");
}

#[test]
fn the_latest_fire_of_a_window_is_the_one_that_stepping_forward_ends_on() {
    let mut tally = Tally::new();
    let zones = Zone::all();
    let mut random = Random::named(seed(), "latest");
    let wanted = setting("FINSTAGE_ORACLE_CASES", 200_000) / 100;
    while tally.compared < wanted {
        let zone = random.pick(&zones);
        let until = if zone.changes.is_empty() || random.chance(30) {
            anytime(&mut random)
        } else {
            near_change(&mut random, zone)
        };
        let with_seconds = random.chance(20);
        let reach = *random.pick(&[0, 1, 90, HOUR, if with_seconds { HOUR } else { 2 * DAY }]);
        let from = before(&mut random, until, reach);
        let trigger = if random.chance(30) {
            every(&mut random).0
        } else {
            crons(&mut random, zone, until, with_seconds)
        };
        let mut expected = None;
        let mut at = from;
        while let Some(next) = trigger.next_after(at, &zone.tz).filter(|at| *at <= until) {
            (expected, at) = (Some(next), next);
        }
        let schedule = Schedule {
            trigger: trigger.clone(),
            timezone: zone.tz.clone(),
            ..planned("oracle")
        };
        let got = schedule.latest_between(from, until);
        tally.check(got == expected, || {
            let (name, expected) = (&zone.name, expected.map(|at| at.to_string()));
            format!(
                "zone {name}, {trigger} in ({from}, {until}]: expected {expected:?}, got {got:?}"
            )
        });
    }
    tally.finish("latest between");
}

#[test]
fn the_latest_fire_of_an_empty_window_is_none() {
    let every_second = Schedule {
        trigger: Trigger::Every {
            period: Duration::from_secs(1),
            offset: Duration::ZERO,
        },
        ..planned("oracle")
    };
    let latest = |from, until| every_second.latest_between(instant(from, 0), instant(until, 0));
    assert_eq!(latest(-5, -5), None);
    assert_eq!(latest(5, -5), None);
    assert_eq!(latest(-6, -5), Some(instant(-5, 0)));
}

/// A trigger, its period and its offset, in nanoseconds.
fn every(random: &mut Random) -> (Trigger, i128, i128) {
    let longest = *random.pick(&[5, 90, HOUR, 10 * DAY]);
    let fraction = if random.chance(20) {
        i128::from(random.between(0, 999_999_999))
    } else {
        0
    };
    let period = i128::from(random.between(1, longest)) * SECOND_NANOS + fraction;
    let offset = i128::from(random.between(0, 1_000)) * period / 1_001;
    let duration = |nanos: i128| Duration::from_nanos(u64::try_from(nanos).unwrap());
    let trigger = Trigger::Every {
        period: duration(period),
        offset: duration(offset),
    };
    (trigger, period, offset)
}

fn crons(random: &mut Random, zone: &Zone, near: Timestamp, with_seconds: bool) -> Trigger {
    let count = random.between(1, 3);
    let mut list = Vec::new();
    for _ in 0..count {
        let about = near.as_second() + random.between(-HOUR, HOUR);
        let wall = Wall::at(about, &zone.tz);
        let pattern = generate::pattern(random, &wall, Dates::Any, with_seconds);
        list.extend(CronExpr::try_new(&pattern.text));
    }
    Trigger::Cron(list)
}

/// Between 1900 and 2100, the moments around the epoch more often.
fn anytime(random: &mut Random) -> Timestamp {
    let reach = *random.pick(&[3, 1_000, 70 * 365 * DAY]);
    let nanos = *random.pick(&[0, 1, 500_000_000, 999_999_999]);
    instant(random.between(-reach, reach), nanos)
}

fn near_change(random: &mut Random, zone: &Zone) -> Timestamp {
    let change = *random.pick(&zone.changes);
    instant(
        change.at + random.between(-HOUR, 3 * HOUR),
        *random.pick(&[0, 0, 1, 999_999_999]),
    )
}

/// At most `reach` seconds and a fraction before.
fn before(random: &mut Random, until: Timestamp, reach: i64) -> Timestamp {
    let nanos = if random.chance(50) {
        random.between(0, 999_999_999)
    } else {
        0
    };
    instant(until.as_second() - random.between(0, reach) - 1, nanos)
}
