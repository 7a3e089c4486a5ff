//! What becomes of the runs a dead daemon left open: a pure function, like the verdict on a fire.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::clock::signed;
use crate::domain::{MisfirePolicy, OverlapPolicy, Schedule, ScheduleId};
use crate::store::{Interrupted, Recovery};

const DIED: &str = "its daemon died";

/// Decides about `interrupted` (oldest first). `has_newer` tells whether fires of a schedule are
/// due that will run; `is_paused` whether it is paused.
pub(super) fn recover<'s>(
    interrupted: &[Interrupted],
    schedule: impl Fn(&ScheduleId) -> Option<&'s Schedule>,
    has_newer: impl Fn(&ScheduleId) -> bool,
    is_paused: impl Fn(&ScheduleId) -> bool,
    now: Timestamp,
) -> Vec<Recovery> {
    // The newest of each schedule stands for those before it, where one run does for many.
    let newest: BTreeMap<&ScheduleId, i64> = interrupted
        .iter()
        .filter(|run| run.origin.is_planned())
        .map(|run| (&run.fire.schedule, run.run_id))
        .collect();
    let newest: BTreeSet<i64> = newest.into_values().collect();
    let fate = |run: &Interrupted| {
        let id = &run.fire.schedule;
        let Some(schedule) = schedule(id).filter(|schedule| schedule.enabled) else {
            return Some("the schedule is no longer there");
        };
        let is_one_of_many = schedule.misfire_policy != MisfirePolicy::RunAll
            && matches!(
                schedule.overlap_policy,
                OverlapPolicy::Skip | OverlapPolicy::CancelOther | OverlapPolicy::BufferOne
            );
        let oldest = now.saturating_sub(signed(schedule.catchup_window)).ok();
        let due = schedule.dispatch_at(run.fire.scheduled_for);
        if !run.origin.is_planned() {
            Some("a person had asked for it")
        } else if schedule.misfire_policy == MisfirePolicy::Skip {
            Some("misfire_policy is skip")
        } else if is_paused(id) {
            Some("the schedule is paused")
        } else if is_one_of_many && (has_newer(id) || !newest.contains(&run.run_id)) {
            Some("a newer fire runs for it")
        } else if oldest.is_some_and(|oldest| due < oldest) {
            Some("older than the catch-up window")
        } else {
            None
        }
    };
    let decide = |run: &Interrupted| {
        let why_not = fate(run);
        Recovery {
            run_id: run.run_id,
            from: run.epoch,
            is_resumed: why_not.is_none(),
            reason: match why_not {
                Some(why_not) => format!("{DIED}; {why_not}"),
                None => format!("resumed: {DIED}"),
            },
        }
    };
    interrupted.iter().map(decide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Fire, RunOrigin};
    use crate::scheduler::decide::tests::every_minute;
    use crate::store::Epoch;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_767_571_200 + minute * 60).unwrap()
    }

    fn run(run_id: i64, minute: i64) -> Interrupted {
        Interrupted {
            run_id,
            fire: Fire {
                schedule: every_minute().id,
                scheduled_for: at(minute),
            },
            origin: RunOrigin::Schedule,
            epoch: Epoch(1),
            lateness_ms: 0,
        }
    }

    fn resumed(schedule: &Schedule, runs: &[Interrupted], now: i64, newer: bool) -> Vec<i64> {
        recover(runs, |_| Some(schedule), |_| newer, |_| false, at(now))
            .into_iter()
            .filter(|recovery| recovery.is_resumed)
            .map(|recovery| recovery.run_id)
            .collect()
    }

    #[test]
    fn the_newest_is_resumed_unless_a_newer_fire_runs_for_it() {
        let runs = [run(1, 10), run(2, 11)];
        assert_eq!(resumed(&every_minute(), &runs, 11, false), [2]);
        assert!(resumed(&every_minute(), &runs, 12, true).is_empty());
        let all = Schedule {
            overlap_policy: OverlapPolicy::BufferAll,
            ..every_minute()
        };
        assert_eq!(resumed(&all, &runs, 12, true), [1, 2]);
        let run_all = Schedule {
            misfire_policy: MisfirePolicy::RunAll,
            ..every_minute()
        };
        assert_eq!(resumed(&run_all, &runs, 12, true), [1, 2]);
    }

    #[test]
    fn what_is_too_old_not_wanted_or_gone_is_abandoned_with_the_reason() {
        let reason = |schedule: Option<&Schedule>, run: &Interrupted, now, paused| {
            let found = recover(
                std::slice::from_ref(run),
                |_| schedule,
                |_| false,
                |_| paused,
                at(now),
            );
            found[0].reason.clone()
        };
        let schedule = every_minute();
        assert_eq!(
            reason(Some(&schedule), &run(1, 0), 60, false),
            "resumed: its daemon died"
        );
        assert!(reason(Some(&schedule), &run(1, 0), 61, false).contains("catch-up window"));
        assert!(reason(Some(&schedule), &run(1, 0), 1, true).contains("paused"));
        assert!(reason(None, &run(1, 0), 1, false).contains("no longer there"));
        let skip = Schedule {
            misfire_policy: MisfirePolicy::Skip,
            ..every_minute()
        };
        assert!(reason(Some(&skip), &run(1, 0), 1, false).contains("misfire_policy"));
        let manual = Interrupted {
            origin: RunOrigin::Manual,
            ..run(1, 0)
        };
        assert!(reason(Some(&schedule), &manual, 1, false).contains("a person"));
    }
}
