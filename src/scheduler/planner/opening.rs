//! The planner's start: what the ledger knows, and what a dead daemon left behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Loop;
use super::orders::log_paused;
use crate::domain::{OverlapPolicy, RunState, Schedule, ScheduleId};
use crate::jobs::Assignment;
use crate::runner::{Admission, RunSpec};
use crate::scheduler::decide::decide;
use crate::scheduler::plan::Plan;
use crate::scheduler::recovery::recover;
use crate::scheduler::situation::Situation;
use crate::store::{Interrupted, KnownTiming, Recovery, Timing};
use crate::telemetry::events;

impl Loop {
    /// Plans all schedules and recovers interrupted runs; false when the ledger could not be asked.
    pub(super) async fn open(&mut self, now: Timestamp) -> bool {
        self.try_open(now).await.is_ok()
    }

    /// Up to where the fires of `schedules` are decided, as far as the ledger knows: by their newest
    /// fire, or by when they were first seen to fire as they do.
    pub(super) async fn decided(
        &mut self,
        schedules: &[Arc<Schedule>],
        now: Timestamp,
    ) -> Result<BTreeMap<ScheduleId, Timestamp>, String> {
        let ledger = Arc::clone(&self.ledger);
        let ids: Vec<ScheduleId> = schedules.iter().map(|one| one.id.clone()).collect();
        let latest = ledger.latest_fires(&ids, now);
        let mut decided = self.in_time("the latest fires", latest).await?;
        // A first start that dies before its first claim is still the first: what it would have
        // caught up on counts from before it.
        let begin = |one: &Arc<Schedule>| Timing {
            schedule: one.id.clone(),
            words: one.timing(),
            since: match decided.get(&one.id) {
                None if one.enabled => Plan::begin(one, now),
                _ => now,
            },
        };
        let timings: Vec<Timing> = schedules.iter().map(begin).collect();
        let known = ledger.note_timings(&timings, now);
        let known = self.in_time("the timing of schedules", known).await?;
        for (id, known) in known {
            let since = match known {
                // A clock that was ahead must not silence it.
                KnownTiming::Since(since) => since.min(now),
                KnownTiming::Changed => now,
            };
            let until = decided.entry(id).or_insert(since);
            *until = since.max(*until);
        }
        Ok(decided)
    }

    async fn try_open(&mut self, now: Timestamp) -> Result<(), String> {
        let ledger = Arc::clone(&self.ledger);
        let pauses = self.in_time("the pauses", ledger.pauses()).await?;
        let schedules: Vec<Arc<Schedule>> = self.schedules.values().cloned().collect();
        let latest = self.decided(&schedules, now).await?;
        let interrupted = self
            .in_time("interrupted runs", ledger.interrupted(self.epoch))
            .await?;
        self.pauses = pauses
            .into_iter()
            .map(|pause| (pause.schedule.clone(), pause))
            .collect();
        self.plan = Plan::new(&schedules, &latest, now);
        // Before any run goes on: its end is to be heard.
        self.follow_these();
        self.recover(&interrupted, now).await?;
        self.load_promises().await;
        self.find_unfollowed(&latest, now, |_| true).await?;
        // Whoever reads this log wonders else why nothing runs.
        for pause in self.pauses.values().filter(|pause| pause.covers(now)) {
            log_paused(pause);
        }
        if let Some(opened) = self.opened.take() {
            let _ = opened.send(self.plan.len());
        }
        Ok(())
    }

    async fn recover(&mut self, interrupted: &[Interrupted], now: Timestamp) -> Result<(), String> {
        if interrupted.is_empty() {
            return Ok(());
        }
        let recoveries = recover(
            interrupted,
            |id| self.schedules.get(id).map(AsRef::as_ref),
            |id| self.has_newer(id, now),
            |id| self.pauses.get(id).is_some_and(|pause| pause.covers(now)),
            now,
        );
        let ledger = Arc::clone(&self.ledger);
        let ours = ledger.recover(&recoveries, self.epoch, now);
        let ours = self.in_time("the recovery of runs", ours).await?;
        events::DaemonUncleanExit {
            runs: ours.len() as u64,
        }
        .emit();
        for (run, recovery) in interrupted.iter().zip(&recoveries) {
            // Asked again after a lost answer, what is ours already is not started twice.
            if ours.contains(&run.run_id) {
                self.follow_up(run, recovery);
            }
        }
        Ok(())
    }

    /// Whether a fire of the schedule is due that will run.
    fn has_newer(&self, id: &ScheduleId, now: Timestamp) -> bool {
        let Some(schedule) = self.schedules.get(id) else {
            return false;
        };
        let situation = Situation {
            served_since: self.served_since,
            running: 0,
            waiting: 0,
            pause: self.pauses.get(id),
        };
        let due = self.plan.due_fires(id, now);
        let verdicts = decide(schedule, &due, now, &situation);
        verdicts
            .iter()
            .any(|verdict| verdict.state == RunState::Claimed)
    }

    fn follow_up(&mut self, run: &Interrupted, recovery: &Recovery) {
        let id = &run.fire.schedule;
        let scheduled_for = &run.fire.scheduled_for.to_string();
        let Some(schedule) = self.schedules.get(id).filter(|_| recovery.is_resumed) else {
            events::RunAbandoned {
                run_id: run.run_id,
                schedule: id.as_str(),
                scheduled_for,
                reason: &recovery.reason,
            }
            .emit();
            return;
        };
        events::RunResumed {
            run_id: run.run_id,
            schedule: id.as_str(),
            scheduled_for,
        }
        .emit();
        self.started.insert(run.run_id);
        let admission = if schedule.overlap_policy == OverlapPolicy::AllowAll {
            Admission::Beside
        } else {
            Admission::After
        };
        let spec = RunSpec {
            run_id: run.run_id,
            schedule: Arc::clone(schedule),
            scheduled_for: run.fire.scheduled_for,
            origin: run.origin,
            assignment: Assignment::of(schedule),
            symbols: Arc::clone(&schedule.symbols),
            timeout: schedule.timeout,
            lateness_ms: run.lateness_ms,
            is_resumed: true,
            is_awaited: false,
            on_news: None,
        };
        drop(self.runner.admit(spec, admission));
    }
}
