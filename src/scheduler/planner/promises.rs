//! What was promised about schedules, and what follows when it is not kept: a schedule that goes
//! stale is told once, one that fails again and again is paused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Loop;
use crate::clock::signed;
use crate::domain::{Pause, RunState, Schedule, ScheduleId};
use crate::runner::Ended;
use crate::telemetry::events;

/// Who pauses a schedule after failures.
const OURSELVES: &str = "finstage";

/// The last success of schedules that promise one.
#[derive(Default)]
pub(super) struct Promises {
    last_success: BTreeMap<ScheduleId, Timestamp>,
    stale: BTreeSet<ScheduleId>,
}

impl Promises {
    /// Since when a schedule is stale.
    pub(super) fn stale_since(&self, schedule: &Schedule) -> Option<Timestamp> {
        let limit = schedule.sla.max_time_since_success?;
        let last = self.last_success.get(&schedule.id)?;
        let since = last.checked_add(signed(limit)).ok();
        since.filter(|_| self.stale.contains(&schedule.id))
    }

    /// Notes a success; false when a newer one is known. What the clock said when it was ahead is no
    /// success to come.
    fn succeed(&mut self, id: &ScheduleId, at: Timestamp, now: Timestamp) -> bool {
        let known = self.last_success.get(id).filter(|last| **last <= now);
        let is_newer = known.is_none_or(|last| *last < at);
        if is_newer {
            self.last_success.insert(id.clone(), at);
        }
        is_newer
    }
}

impl Loop {
    /// Looks up the last successes; what cannot be found counts from now on.
    pub(super) async fn load_promises(&mut self) {
        let promising: Vec<ScheduleId> = self
            .schedules
            .values()
            .filter(|schedule| schedule.sla.max_time_since_success.is_some())
            .map(|schedule| schedule.id.clone())
            .filter(|id| !self.promises.last_success.contains_key(id))
            .collect();
        for id in promising {
            let ledger = Arc::clone(&self.ledger);
            let found = self
                .in_time("the last success", ledger.last_success(&id))
                .await;
            // What the ledger could not be asked about is asked at the next reload.
            let Ok(found) = found else { return };
            let since = found.unwrap_or_else(|| self.clock.now());
            self.promises.last_success.insert(id, since);
            self.keep_up().await;
        }
    }

    /// Says once when a schedule has not succeeded for longer than promised.
    pub(super) fn check_promises(&mut self, now: Timestamp) {
        for schedule in self.schedules.values() {
            let Some(limit) = schedule.sla.max_time_since_success else {
                continue;
            };
            let id = &schedule.id;
            let is_resting =
                !schedule.enabled || self.pauses.get(id).is_some_and(|pause| pause.covers(now));
            let Some(last) = self.promises.last_success.get(id).filter(|_| !is_resting) else {
                continue;
            };
            if now.duration_since(*last) > signed(limit) && self.promises.stale.insert(id.clone()) {
                events::ScheduleStale {
                    schedule: id.as_str(),
                    last_success: &format!("{last:.3}"),
                    limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                }
                .emit();
            }
        }
    }

    pub(super) async fn note_end(&mut self, ended: Ended) {
        self.note_followers(&ended);
        let Some(schedule) = self.schedules.get(&ended.schedule).cloned() else {
            return;
        };
        if ended.state == RunState::Succeeded {
            let id = &ended.schedule;
            let is_newer = self
                .promises
                .succeed(id, ended.finished_at, self.clock.now());
            if is_newer && self.promises.stale.remove(id) {
                let schedule = id.as_str();
                events::ScheduleFresh { schedule }.emit();
            }
        } else if let (true, Some(limit)) =
            (ended.state.is_failure(), schedule.pause_after_failures)
        {
            self.pause_if_failing(&schedule, limit).await;
        }
    }

    async fn pause_if_failing(&mut self, schedule: &Schedule, limit: u32) {
        let ledger = Arc::clone(&self.ledger);
        let failures = ledger.failures_in_a_row(&schedule.id, limit);
        let failures = self.in_time("the latest runs", failures).await;
        if failures.is_ok_and(|failures| failures >= limit)
            && !self.pauses.contains_key(&schedule.id)
        {
            let pause = Pause {
                schedule: schedule.id.clone(),
                paused_at: self.clock.now(),
                until: None,
                note: Some(format!("{limit} runs failed in a row")),
                paused_by: OURSELVES.to_owned(),
            };
            // When it cannot be written, the next failure tries again.
            let _ = self.pause(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_success_told_late_changes_nothing_and_one_from_a_clock_ahead_holds_up_none() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let id = ScheduleId::try_new("bars").unwrap();
        let mut promises = Promises::default();
        let mut told = |second, now| {
            let is_newer = promises.succeed(&id, at(second), at(now));
            (is_newer, promises.last_success[&id].as_second())
        };
        assert_eq!(told(100, 100), (true, 100));
        assert_eq!(told(90, 110), (false, 100));
        assert_eq!(told(100, 110), (false, 100));
        assert_eq!(told(120, 120), (true, 120));
        assert_eq!(told(50, 60), (true, 50), "stepped back by a minute");
    }
}
