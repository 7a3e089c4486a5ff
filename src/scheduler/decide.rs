//! What becomes of fires that are due: a pure function of the schedule, the fires and the time.

use jiff::Timestamp;

use crate::domain::{MisfirePolicy, OverlapPolicy, RunOrigin, RunState, Schedule};

/// What becomes of one fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The fire.
    pub scheduled_for: Timestamp,
    /// `Claimed` to run it, or the state it ends in at once.
    pub state: RunState,
    /// What made it due.
    pub origin: RunOrigin,
    /// How late it is, its jitter not counted.
    pub lateness_ms: i64,
    /// Why it is not run, or runs late.
    pub reason: Option<String>,
}

/// Decides about `fires` (ascending, all due at `now`); every one gets exactly one verdict.
/// `served_since` is when the daemon began to serve: fires before it are caught up, however little
/// late. `is_active` tells whether a run of the schedule is going on.
pub fn decide(
    schedule: &Schedule,
    fires: &[Timestamp],
    now: Timestamp,
    served_since: Timestamp,
    is_active: bool,
) -> Vec<Verdict> {
    let jitter_ms = i64::try_from(schedule.jitter_offset().as_millis()).unwrap_or(0);
    let dispatch_ms = |fire: &Timestamp| fire.as_millisecond().saturating_add(jitter_ms);
    let lateness = |fire: &Timestamp| {
        now.as_millisecond()
            .saturating_sub(dispatch_ms(fire))
            .max(0)
    };
    let threshold = i64::try_from(schedule.misfire_threshold.as_millis()).unwrap_or(i64::MAX);
    let window = i64::try_from(schedule.catchup_window.as_millis()).unwrap_or(i64::MAX);
    let is_misfire = |fire: &Timestamp| lateness(fire) > threshold;
    let is_punctual = |fire: &Timestamp| !is_misfire(fire);
    let newest_punctual = fires.iter().rposition(is_punctual);
    let newest_misfire = fires.iter().rposition(is_misfire);
    // One of many: under `skip` the newest stands for all that are due at once.
    let one_of_many = schedule.overlap_policy == OverlapPolicy::Skip;
    let verdict = |(index, fire): (usize, &Timestamp)| {
        let (state, origin, reason) = if is_punctual(fire) {
            if one_of_many && Some(index) != newest_punctual {
                (RunState::Missed, RunOrigin::Schedule, Some(HELD_UP))
            } else if is_active && one_of_many {
                (
                    RunState::SkippedOverlap,
                    RunOrigin::Schedule,
                    Some(STILL_GOING),
                )
            } else if dispatch_ms(fire) < served_since.as_millisecond() {
                (RunState::Claimed, RunOrigin::CatchUp, Some(SHORTLY_BEFORE))
            } else {
                (RunState::Claimed, RunOrigin::Schedule, None)
            }
        } else if schedule.misfire_policy == MisfirePolicy::Skip {
            (
                RunState::Missed,
                RunOrigin::Schedule,
                Some("misfire_policy is skip"),
            )
        } else if Some(index) != newest_misfire || newest_punctual.is_some() {
            (
                RunState::Missed,
                RunOrigin::Schedule,
                Some("a newer fire runs for it"),
            )
        } else if lateness(fire) > window {
            (
                RunState::Missed,
                RunOrigin::Schedule,
                Some("older than the catch-up window"),
            )
        } else if is_active && one_of_many {
            (
                RunState::SkippedOverlap,
                RunOrigin::Schedule,
                Some(STILL_GOING),
            )
        } else {
            (RunState::Claimed, RunOrigin::CatchUp, Some(CAUGHT_UP))
        };
        let (scheduled_for, lateness_ms) = (*fire, lateness(fire));
        Verdict {
            scheduled_for,
            state,
            origin,
            lateness_ms,
            reason: reason.map(str::to_owned),
        }
    };
    fires.iter().enumerate().map(verdict).collect()
}

const HELD_UP: &str = "several were due at once (held up); the newest runs for it";
const STILL_GOING: &str = "the previous run is still going";
const SHORTLY_BEFORE: &str = "due shortly before the daemon was there";
const CAUGHT_UP: &str = "caught up: nobody could run it in time";

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::{JobKind, ScheduleId, Trigger};

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
            tags: Vec::new(),
            description: None,
            owner: None,
        }
    }

    fn at(minute: i64, second: i64) -> Timestamp {
        Timestamp::from_second(1_767_571_200 + minute * 60 + second).unwrap()
    }

    fn states(schedule: &Schedule, fires: &[i64], now: Timestamp, active: bool) -> Vec<RunState> {
        let fires: Vec<Timestamp> = fires.iter().map(|minute| at(*minute, 0)).collect();
        decide(schedule, &fires, now, Timestamp::MIN, active)
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
            Timestamp::MIN,
            false,
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
        let verdicts = decide(&every_minute(), &[at(1, 0)], at(1, 9), at(1, 8), false);
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
        let verdicts = decide(&jittered, &[at(1, 0)], now, Timestamp::MIN, false);
        assert_eq!((verdicts[0].state, verdicts[0].lateness_ms), (Claimed, 0));
    }

    proptest::proptest! {
        #[test]
        fn every_fire_gets_one_verdict_and_under_skip_at_most_one_runs(
            minutes in proptest::collection::btree_set(0_i64..200, 1..50),
            late_s in 0_i64..20_000,
            active: bool,
            run_once: bool,
        ) {
            let fires: Vec<Timestamp> = minutes.iter().map(|minute| at(*minute, 0)).collect();
            let now = at(*minutes.last().unwrap(), late_s);
            let policy = if run_once { MisfirePolicy::RunOnce } else { MisfirePolicy::Skip };
            let schedule = Schedule { misfire_policy: policy, ..every_minute() };
            let verdicts = decide(&schedule, &fires, now, Timestamp::MIN, active);
            let decided: Vec<_> = verdicts.iter().map(|verdict| verdict.scheduled_for).collect();
            proptest::prop_assert_eq!(decided, fires);
            let running = verdicts.iter().filter(|verdict| verdict.state == Claimed).count();
            proptest::prop_assert!(running <= usize::from(!active));
        }
    }
}
