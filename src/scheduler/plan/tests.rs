//! What is due, and when.

use std::time::Duration;

use super::*;
use crate::domain::Trigger;
use crate::scheduler::decide::tests::every_minute;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn seen(latest: &str) -> BTreeMap<ScheduleId, Timestamp> {
    BTreeMap::from([(every_minute().id, at(latest))])
}

fn planned(schedule: Schedule, latest: &BTreeMap<ScheduleId, Timestamp>, now: Timestamp) -> Plan {
    Plan::new(&[Arc::new(schedule)], latest, now)
}

fn texts(fires: &[Timestamp]) -> Vec<String> {
    fires.iter().map(ToString::to_string).collect()
}

#[test]
fn a_schedule_never_seen_is_due_at_once_for_its_newest_fire_only() {
    let now = at("2026-01-05T10:00:30Z");
    let mut plan = planned(every_minute(), &BTreeMap::new(), now);
    let due = plan.take_due(now, usize::MAX);
    assert_eq!(texts(&due[0].fires), ["2026-01-05T10:00:00Z"]);
    plan.decided(&due[0]);
    assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T10:01:00Z")));
}

#[test]
fn fires_since_the_last_row_are_due_within_the_catch_up_window() {
    let now = at("2026-01-05T10:00:30Z");
    let mut plan = planned(every_minute(), &seen("2026-01-05T09:57:00Z"), now);
    let due = plan.take_due(now, usize::MAX);
    let expected = [
        "2026-01-05T09:58:00Z",
        "2026-01-05T09:59:00Z",
        "2026-01-05T10:00:00Z",
    ];
    assert_eq!(texts(&due[0].fires), expected);
    assert!(!due[0].unlisted);
}

#[test]
fn a_month_of_missed_seconds_is_bounded_and_quickly_found() {
    let trigger = Trigger::Every {
        period: Duration::from_secs(1),
        offset: Duration::ZERO,
    };
    let window = Duration::from_hours(24 * 7);
    let schedule = Schedule {
        trigger,
        catchup_window: window,
        ..every_minute()
    };
    let now = at("2026-01-05T10:00:00Z");
    let mut plan = planned(schedule, &seen("2025-12-01T00:00:00Z"), now);
    let due = plan.take_due(now, usize::MAX);
    assert_eq!(due[0].fires.len(), MAX_CATCHUP_FIRES);
    assert_eq!(due[0].fires.last(), Some(&now));
    assert!(due[0].unlisted);
}

#[test]
fn a_daily_fire_missed_outside_the_catch_up_window_is_due_for_its_verdict_all_the_same() {
    let trigger = Trigger::Every {
        period: Duration::from_hours(24),
        offset: Duration::ZERO,
    };
    let schedule = Schedule {
        trigger,
        ..every_minute()
    };
    let now = at("2026-01-06T05:00:00Z");
    let mut plan = planned(schedule, &seen("2026-01-05T00:00:00Z"), now);
    assert_eq!(
        texts(&plan.take_due(now, usize::MAX)[0].fires),
        ["2026-01-06T00:00:00Z"]
    );
}

#[test]
fn a_row_from_the_future_does_not_silence_its_schedule() {
    let now = at("2026-01-05T10:00:30Z");
    let plan = planned(every_minute(), &seen("2030-01-01T00:00:00Z"), now);
    assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T10:01:00Z")));
}

#[test]
fn what_is_put_back_stays_due() {
    let now = at("2026-01-05T10:00:30Z");
    let mut plan = planned(every_minute(), &BTreeMap::new(), now);
    let due = plan.take_due(now, usize::MAX);
    assert!(plan.take_due(now, usize::MAX).is_empty());
    plan.put_back(&due[0]);
    assert_eq!(plan.take_due(now, usize::MAX)[0].fires, due[0].fires);
}

#[test]
fn a_clock_that_goes_back_is_followed_and_not_waited_for() {
    let now = at("2026-01-06T10:00:30Z");
    let mut plan = planned(every_minute(), &BTreeMap::new(), now);
    let due = plan.take_due(now, usize::MAX);
    plan.decided(&due[0]);
    let yesterday = at("2026-01-05T10:00:30Z");
    assert!(plan.take_due(yesterday, usize::MAX).is_empty());
    plan.rebase(yesterday);
    assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T10:01:00Z")));
}

#[test]
fn a_disabled_schedule_is_not_planned() {
    let schedule = Schedule {
        enabled: false,
        ..every_minute()
    };
    assert!(planned(schedule, &BTreeMap::new(), Timestamp::UNIX_EPOCH).is_empty());
}

#[test]
fn what_is_due_is_the_same_whether_it_was_looked_up_ahead_or_not() {
    let now = at("2026-01-05T10:00:30Z");
    let mut looked = planned(every_minute(), &seen("2026-01-05T10:00:00Z"), now);
    let mut blind = planned(every_minute(), &seen("2026-01-05T10:00:00Z"), now);
    for later in ["10:01:00", "10:01:59", "10:02:00", "10:05:30", "10:06:00"] {
        let now = at(&format!("2026-01-05T{later}Z"));
        assert!(!looked.look_ahead());
        let (one, other) = (
            looked.take_due(now, usize::MAX),
            blind.take_due(now, usize::MAX),
        );
        assert_eq!(one.len(), other.len(), "{later}");
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one.fires, other.fires, "{later}");
            looked.decided(one);
            blind.decided(other);
        }
        assert_eq!(looked.next_dispatch(), blind.next_dispatch(), "{later}");
    }
}

#[test]
fn a_reload_keeps_what_was_decided_and_never_looks_back_at_a_changed_timing() {
    let now = at("2026-01-05T10:00:30Z");
    let mut plan = planned(every_minute(), &seen("2026-01-05T10:00:00Z"), now);
    let renamed = Schedule {
        description: Some("the same times".to_owned()),
        ..every_minute()
    };
    let later = at("2026-01-05T10:03:30Z");
    plan.replace(&[Arc::new(renamed)], &BTreeMap::new(), later);
    let due = plan.take_due(later, usize::MAX);
    assert_eq!(
        due[0].fires.len(),
        3,
        "what was due before the reload still is"
    );
    assert!(due[0].schedule.description.is_some());
    plan.decided(&due[0]);
    let hourly = Schedule {
        trigger: Trigger::Every {
            period: Duration::from_hours(1),
            offset: Duration::from_mins(2),
        },
        ..every_minute()
    };
    plan.replace(&[Arc::new(hourly)], &BTreeMap::new(), later);
    assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T11:02:00Z")));
    // Gone and back again: fires in between were nobody's.
    plan.replace(&[], &BTreeMap::new(), later);
    assert!(plan.is_empty() && plan.unknown(&[Arc::new(every_minute())]).is_empty());
    let back = at("2026-01-05T12:00:30Z");
    plan.replace(&[Arc::new(every_minute())], &BTreeMap::new(), back);
    assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T12:01:00Z")));
}

#[test]
fn a_reload_that_changes_the_jitter_keeps_the_fire_that_waits_for_it() {
    let jittered = |hours| Schedule {
        jitter: Duration::from_hours(hours),
        ..every_minute()
    };
    let now = at("2026-01-05T10:00:30Z");
    let mut plan = planned(jittered(24), &seen("2026-01-05T10:00:00Z"), now);
    let later = at("2026-01-05T10:01:30Z");
    assert!(plan.take_due(later, usize::MAX).is_empty(), "10:01 waits");
    plan.replace(&[Arc::new(every_minute())], &BTreeMap::new(), later);
    assert_eq!(
        texts(&plan.take_due(later, usize::MAX)[0].fires),
        ["2026-01-05T10:01:00Z"]
    );
}

#[test]
fn while_new_schedules_are_planned_the_known_ones_stay_due() {
    let before = at("2026-01-05T09:59:30Z");
    let known = Arc::new(every_minute());
    let mut plan = Plan::new(&[Arc::clone(&known)], &BTreeMap::new(), before);
    let due = plan.take_due(before, usize::MAX);
    plan.decided(&due[0]);
    let mut all = vec![Arc::clone(&known)];
    all.extend((0..2 * PLAN_AHEAD).map(|n| {
        Arc::new(Schedule {
            id: ScheduleId::try_new(&format!("new-{n}")).unwrap(),
            ..every_minute()
        })
    }));
    let now = at("2026-01-05T10:00:00Z");
    plan.begin_replace(&all, &BTreeMap::new(), now);
    let due = plan.take_due(now, usize::MAX);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].schedule.id, known.id);
    plan.decided(&due[0]);
    assert!(plan.plan_some(), "one of two goes");
    assert!(plan.take_due(now, usize::MAX).len() < all.len() - 1);
    while plan.plan_some() {}
    let rest: usize = plan.next_fires().filter(|(_, next)| next.is_some()).count();
    assert_eq!(rest, all.len());
}

#[test]
fn a_fire_to_come_that_its_schedule_does_not_have_any_more_is_not_undecided() {
    let fire = |text| Fire {
        schedule: every_minute().id,
        scheduled_for: at(text),
    };
    let now = at("2026-01-05T10:00:30Z");
    let mut plan = planned(every_minute(), &seen("2026-01-05T10:00:00Z"), now);
    assert!(!plan.is_undecided(&fire("2026-01-05T10:00:00Z")));
    assert!(plan.is_undecided(&fire("2026-01-05T10:01:00Z")));
    // Claimed by a clock that ran ahead, say, and its answer lost.
    let hourly = Schedule {
        trigger: Trigger::Every {
            period: Duration::from_hours(1),
            offset: Duration::ZERO,
        },
        ..every_minute()
    };
    plan.begin_replace(&[Arc::new(hourly)], &BTreeMap::new(), now);
    while plan.plan_some() {}
    assert!(!plan.is_undecided(&fire("2026-01-05T10:01:00Z")));
    assert!(plan.is_undecided(&fire("2026-01-05T11:00:00Z")));
}
