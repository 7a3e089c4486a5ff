//! Each policy as a table.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::domain::{JobKind, Providers, ScheduleId, Trigger};

/// A schedule of one fire a minute, as the defaults have it.
pub(in crate::scheduler) fn every_minute() -> Schedule {
    Schedule {
        id: ScheduleId::try_new("s").unwrap(),
        job: JobKind::Quotes,
        trigger: Trigger::Every {
            period: Duration::from_mins(1),
            offset: Duration::ZERO,
        },
        timezone: TimeZone::UTC,
        calendar: None,
        symbols: Vec::new().into(),
        enabled: true,
        concurrency: 1,
        timeout: Duration::from_mins(5),
        task_timeout: Duration::from_mins(1),
        jitter: Duration::ZERO,
        overlap_policy: OverlapPolicy::Skip,
        misfire_policy: MisfirePolicy::RunOnce,
        misfire_threshold: Duration::from_mins(1),
        catchup_window: Duration::from_hours(1),
        max_catchup: 100,
        cancel_grace: Duration::ZERO,
        retry: None,
        pause_after_failures: None,
        starts_at: None,
        expires_at: None,
        sla: crate::domain::Sla::default(),
        heartbeat_url: None,
        tags: Vec::new(),
        description: None,
        owner: None,
        providers: Providers::default(),
        indicators: None,
    }
}

fn at(minute: i64, second: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + minute * 60 + second).unwrap()
}

/// A daemon that has served for ever, with so many runs going on and waiting.
fn situation(running: usize, waiting: usize) -> Situation<'static> {
    Situation {
        served_since: Timestamp::MIN,
        running,
        waiting,
        pause: None,
    }
}

fn states(schedule: &Schedule, fires: &[i64], now: Timestamp, active: bool) -> Vec<RunState> {
    let fires: Vec<Timestamp> = fires.iter().map(|minute| at(*minute, 0)).collect();
    decide(schedule, &fires, now, &situation(usize::from(active), 0))
        .into_iter()
        .map(|verdict| verdict.state)
        .collect()
}

use RunState::{Claimed, Missed, SkippedOverlap};

#[test]
fn a_punctual_fire_runs_or_is_skipped_by_the_overlap_policy() {
    let skip = every_minute();
    assert_eq!(states(&skip, &[10], at(10, 0), false), [Claimed]);
    assert_eq!(states(&skip, &[10], at(10, 0), true), [SkippedOverlap]);
    let all = Schedule {
        overlap_policy: OverlapPolicy::AllowAll,
        ..every_minute()
    };
    assert_eq!(states(&all, &[10], at(10, 0), true), [Claimed]);
}

#[test]
fn of_many_misfires_the_newest_runs_late_and_the_others_are_missed() {
    let verdicts = decide(
        &every_minute(),
        &[at(1, 0), at(2, 0), at(3, 0)],
        at(5, 0),
        &situation(0, 0),
    );
    let states: Vec<_> = verdicts.iter().map(|verdict| verdict.state).collect();
    assert_eq!(states, [Missed, Missed, Claimed]);
    assert_eq!(verdicts[2].origin, RunOrigin::CatchUp);
    assert_eq!(verdicts[2].lateness_ms, 120_000);
}

#[test]
fn a_punctual_fire_runs_for_the_misfires_before_it() {
    assert_eq!(
        states(&every_minute(), &[1, 2, 5], at(5, 1), false),
        [Missed, Missed, Claimed]
    );
}

#[test]
fn fires_held_up_for_a_moment_are_one_run_of_the_newest_or_all_of_them() {
    let skip = Schedule {
        misfire_threshold: Duration::from_mins(9),
        ..every_minute()
    };
    assert_eq!(
        states(&skip, &[1, 2, 3], at(3, 1), false),
        [Missed, Missed, Claimed]
    );
    assert_eq!(
        states(&skip, &[1, 2, 3], at(3, 1), true),
        [Missed, Missed, SkippedOverlap]
    );
    let all = Schedule {
        overlap_policy: OverlapPolicy::AllowAll,
        ..skip
    };
    assert_eq!(
        states(&all, &[1, 2, 3], at(3, 1), true),
        [Claimed, Claimed, Claimed]
    );
}

#[test]
fn a_misfire_beyond_the_catch_up_window_is_missed() {
    assert_eq!(states(&every_minute(), &[1], at(62, 0), false), [Missed]);
    let skip = Schedule {
        misfire_policy: MisfirePolicy::Skip,
        ..every_minute()
    };
    assert_eq!(states(&skip, &[1], at(5, 0), false), [Missed]);
}

#[test]
fn a_fire_shortly_before_the_start_is_caught_up_and_not_counted_as_punctual() {
    let verdicts = decide(
        &every_minute(),
        &[at(1, 0)],
        at(1, 9),
        &Situation {
            served_since: at(1, 8),
            ..situation(0, 0)
        },
    );
    assert_eq!(
        (verdicts[0].state, verdicts[0].origin),
        (Claimed, RunOrigin::CatchUp)
    );
}

#[test]
fn jitter_is_not_lateness() {
    let jittered = Schedule {
        jitter: Duration::from_mins(10),
        ..every_minute()
    };
    let offset = jittered.jitter_offset();
    let now = at(1, 0).checked_add(crate::clock::signed(offset)).unwrap();
    let verdicts = decide(&jittered, &[at(1, 0)], now, &situation(0, 0));
    assert_eq!((verdicts[0].state, verdicts[0].lateness_ms), (Claimed, 0));
}

/// State and admission of each fire, in words.
fn told(
    schedule: &Schedule,
    fires: &[i64],
    now: Timestamp,
    running: usize,
    waiting: usize,
) -> String {
    let fires: Vec<Timestamp> = fires.iter().map(|minute| at(*minute, 0)).collect();
    let verdicts = decide(schedule, &fires, now, &situation(running, waiting));
    let words = verdicts
        .iter()
        .map(|verdict| match (verdict.state, verdict.admission) {
            (Claimed, Admission::Beside) => "beside",
            (Claimed, Admission::After) => "after",
            (Claimed, Admission::Instead) => "instead",
            (state, _) => state.as_str(),
        });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn overlap_policies_as_a_table() {
    use OverlapPolicy::{AllowAll, BufferAll, BufferOne, CancelOther, Skip};
    // A punctual fire with (running, waiting) others.
    for (policy, idle, busy, busy_and_waiting) in [
        (Skip, "after", "skipped_overlap", "skipped_overlap"),
        (BufferOne, "after", "after", "skipped_overlap"),
        (BufferAll, "after", "after", "after"),
        (CancelOther, "instead", "instead", "instead"),
        (AllowAll, "beside", "beside", "beside"),
    ] {
        let schedule = Schedule {
            overlap_policy: policy,
            ..every_minute()
        };
        let fire = |running, waiting| told(&schedule, &[10], at(10, 0), running, waiting);
        assert_eq!(fire(0, 0), idle, "{policy}");
        assert_eq!(fire(1, 0), busy, "{policy}");
        assert_eq!(fire(1, 1), busy_and_waiting, "{policy}");
    }
    // Three punctual fires that come to light together.
    for (policy, expected) in [
        (Skip, "missed missed after"),
        (BufferOne, "after after skipped_overlap"),
        (BufferAll, "after after after"),
        (CancelOther, "missed missed instead"),
        (AllowAll, "beside beside beside"),
    ] {
        let schedule = Schedule {
            overlap_policy: policy,
            misfire_threshold: Duration::from_mins(9),
            ..every_minute()
        };
        assert_eq!(
            told(&schedule, &[1, 2, 3], at(3, 1), 0, 0),
            expected,
            "{policy}"
        );
    }
}

#[test]
fn misfire_policies_as_a_table() {
    use MisfirePolicy::{RunAll, RunOnce, Skip};
    // Misfires at 1, 2 and 3, looked at from minute 5: nothing going on, then a run going on.
    for (misfire, overlap, idle, busy) in [
        (
            RunOnce,
            OverlapPolicy::Skip,
            "missed missed after",
            "missed missed skipped_overlap",
        ),
        (
            RunOnce,
            OverlapPolicy::BufferOne,
            "missed missed after",
            "missed missed after",
        ),
        (
            RunOnce,
            OverlapPolicy::CancelOther,
            "missed missed instead",
            "missed missed instead",
        ),
        (
            RunOnce,
            OverlapPolicy::AllowAll,
            "missed missed beside",
            "missed missed beside",
        ),
        (
            RunAll,
            OverlapPolicy::Skip,
            "after after after",
            "after after after",
        ),
        (
            RunAll,
            OverlapPolicy::BufferOne,
            "after after after",
            "after after after",
        ),
        (
            RunAll,
            OverlapPolicy::CancelOther,
            "after after after",
            "after after after",
        ),
        (
            RunAll,
            OverlapPolicy::AllowAll,
            "beside beside beside",
            "beside beside beside",
        ),
        (
            Skip,
            OverlapPolicy::AllowAll,
            "missed missed missed",
            "missed missed missed",
        ),
    ] {
        let schedule = Schedule {
            misfire_policy: misfire,
            overlap_policy: overlap,
            ..every_minute()
        };
        let fires = |running| told(&schedule, &[1, 2, 3], at(5, 0), running, 0);
        assert_eq!(fires(0), idle, "{misfire} {overlap}");
        assert_eq!(fires(1), busy, "{misfire} {overlap}");
    }
}

#[test]
fn of_more_misfires_than_max_catchup_the_newest_run() {
    let schedule = Schedule {
        misfire_policy: MisfirePolicy::RunAll,
        max_catchup: 2,
        ..every_minute()
    };
    assert_eq!(
        told(&schedule, &[1, 2, 3, 4], at(6, 0), 0, 0),
        "missed missed after after"
    );
    // And the punctual one follows them, in its turn.
    assert_eq!(
        told(&schedule, &[1, 2, 3, 6], at(6, 0), 0, 0),
        "missed after after after"
    );
}

#[test]
fn a_paused_fire_is_neither_run_nor_does_it_stand_for_others() {
    let pause = crate::domain::Pause {
        schedule: every_minute().id,
        paused_at: at(2, 0),
        until: Some(at(4, 0)),
        note: Some("maintenance".to_owned()),
        paused_by: "ada".to_owned(),
    };
    let situation = Situation {
        pause: Some(&pause),
        ..situation(0, 0)
    };
    let fires = [1, 2, 3, 4].map(|minute| at(minute, 0));
    let verdicts = decide(&every_minute(), &fires[..3], at(5, 0), &situation);
    let states: Vec<_> = verdicts.iter().map(|verdict| verdict.state).collect();
    assert_eq!(states, [Claimed, RunState::Paused, RunState::Paused]);
    assert_eq!(
        verdicts[1].reason.as_deref(),
        Some("paused by ada: maintenance")
    );
    let verdicts = decide(&every_minute(), &fires, at(4, 30), &situation);
    let states: Vec<_> = verdicts.iter().map(|verdict| verdict.state).collect();
    assert_eq!(
        states,
        [Missed, RunState::Paused, RunState::Paused, Claimed]
    );
}

proptest::proptest! {
    #[test]
    fn every_fire_gets_one_verdict_and_no_policy_is_broken(
        minutes in proptest::collection::btree_set(0_i64..200, 1..50),
        late_s in 0_i64..20_000,
        running in 0_usize..3,
        waiting in 0_usize..2,
        overlap in 0_usize..5,
        misfire in 0_usize..3,
        max_catchup in 1_usize..8,
    ) {
        let fires: Vec<Timestamp> = minutes.iter().map(|minute| at(*minute, 0)).collect();
        let now = at(*minutes.last().unwrap(), late_s);
        let schedule = Schedule {
            misfire_policy: MisfirePolicy::ALL[misfire],
            overlap_policy: OverlapPolicy::ALL[overlap],
            max_catchup,
            ..every_minute()
        };
        let waiting = if running == 0 { 0 } else { waiting };
        let verdicts = decide(&schedule, &fires, now, &situation(running, waiting));
        let decided: Vec<_> = verdicts.iter().map(|verdict| verdict.scheduled_for).collect();
        proptest::prop_assert_eq!(decided, fires);
        let claimed: Vec<_> = verdicts.iter().filter(|verdict| verdict.state == Claimed).collect();
        let caught_up = claimed.iter().filter(|verdict| verdict.lateness_ms > 60_000).count();
        let most = match schedule.misfire_policy {
            MisfirePolicy::Skip => 0,
            MisfirePolicy::RunOnce => 1,
            MisfirePolicy::RunAll => max_catchup,
        };
        proptest::prop_assert!(caught_up <= most);
        let beside = claimed.iter().any(|verdict| verdict.admission == Admission::Beside);
        proptest::prop_assert_eq!(beside, overlap == 4 && !claimed.is_empty());
        if overlap == 0 && misfire != 1 {
            proptest::prop_assert!(claimed.len() <= usize::from(running == 0));
        }
        if overlap == 1 && misfire != 1 {
            proptest::prop_assert!(running + waiting + claimed.len() <= running.max(1) + 1);
        }
        // A fire that could run is not dropped when nothing stands in its way.
        let runnable = late_s <= 3_600 && (misfire != 2 || late_s <= 60);
        if running == 0 && runnable {
            proptest::prop_assert!(!claimed.is_empty());
        }
    }
}
