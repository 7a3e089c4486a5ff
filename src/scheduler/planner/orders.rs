//! What people ask of a running planner: runs now, pauses, other schedules, how things stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Loop;
use crate::clock;
use crate::domain::{Fire, Pause, RunState, Schedule, ScheduleId};
use crate::jobs::Assignment;
use crate::runner::{Admission, RunSpec};
use crate::scheduler::command::{Command, PlanStatus, Refusal, ScheduleStatus, Trigger, Triggered};
use crate::scheduler::decide::decide_manual;
use crate::store::{Claim, Ours, Timing};
use crate::telemetry::events;

/// Tries to find an instant nobody has used for the same schedule.
const CLAIM_ATTEMPTS: usize = 100;

const UNREAD: &str = "it was not read yet since the start";
const UNDECIDED: &str = "what was due until now could not be written";

/// New schedules whose latest fires are looked up in one go.
const LATEST_FIRES: usize = 500;

impl Loop {
    // A reply that nobody waits for any more is no error.
    pub(super) async fn obey(&mut self, order: Command) {
        let unready = || Refusal::Store(UNREAD.to_owned());
        match order {
            Command::Ended(ended) if self.is_open => self.note_end(ended).await,
            // Before it is open it will find that run by itself.
            Command::Stop | Command::Ended(_) => {}
            // A run started now would be taken for one that a dead daemon has left, and a pause
            // that was written before is not known yet.
            Command::Trigger(_, reply) if !self.is_open => drop(reply.send(Err(unready()))),
            Command::Pause(_, reply) if !self.is_open => drop(reply.send(Err(unready()))),
            Command::Resume(_, reply) if !self.is_open => drop(reply.send(Err(unready()))),
            Command::Replace(schedules, reply) => {
                self.replace(schedules).await;
                let _ = reply.send(());
            }
            Command::Trigger(trigger, reply) => {
                let _ = reply.send(self.trigger(trigger).await);
            }
            Command::Pause(pause, reply) => {
                let _ = reply.send(self.obey_pause(pause).await);
            }
            Command::Resume(id, reply) => {
                let _ = reply.send(self.resume(&id).await);
            }
            Command::Status(reply) => {
                let _ = reply.send(self.status(self.clock.now()));
            }
        }
    }

    async fn replace(&mut self, schedules: Vec<Arc<Schedule>>) {
        let is_new_or_changed = |one: &&Arc<Schedule>| {
            let old = self.schedules.get(&one.id);
            old.is_none_or(|old| old.timing() != one.timing())
        };
        let changed: Vec<Arc<Schedule>> = schedules
            .iter()
            .filter(is_new_or_changed)
            .cloned()
            .collect();
        // Without an answer a fire may be claimed that has a row: then it is not ours.
        let mut latest = BTreeMap::new();
        for some in changed.chunks(LATEST_FIRES) {
            let decided = self.decided(some, self.clock.now()).await;
            latest.extend(decided.unwrap_or_default());
            self.keep_up().await;
        }
        self.forget_timings(&schedules).await;
        // What is due by now was due by the old times, however lately: of a schedule whose times
        // change, fires count from here on.
        let _ = self.decide_due().await;
        let now = self.clock.now();
        self.plan.begin_replace(&schedules, &latest, now);
        let by_id = |schedule: Arc<Schedule>| (schedule.id.clone(), schedule);
        let schedules = schedules.into_iter().map(by_id).collect();
        let old = std::mem::replace(&mut self.schedules, schedules);
        self.follow_these();
        // As at a first start; without an answer they wait for the next run of their leader.
        let is_new = |id: &ScheduleId| !old.contains_key(id);
        let _ = self.find_unfollowed(&latest, now, is_new).await;
        while self.plan.plan_some() {
            self.keep_up().await;
        }
        self.load_promises().await;
    }

    /// A schedule that is gone and comes back some day counts from then.
    async fn forget_timings(&mut self, schedules: &[Arc<Schedule>]) {
        let kept: BTreeSet<&ScheduleId> = schedules.iter().map(|one| &one.id).collect();
        let gone = self
            .schedules
            .values()
            .filter(|one| !kept.contains(&one.id));
        let now = self.clock.now();
        let gone: Vec<Timing> = gone
            .map(|one| {
                let disabled = Schedule {
                    enabled: false,
                    ..(**one).clone()
                };
                Timing {
                    schedule: one.id.clone(),
                    words: disabled.timing(),
                    since: now,
                }
            })
            .collect();
        if !gone.is_empty() {
            let ledger = Arc::clone(&self.ledger);
            let noted = ledger.note_timings(&gone, now);
            let _ = self.in_time("the timing of schedules", noted).await;
        }
    }

    /// In the middle of something long: what is due meanwhile is not kept waiting.
    pub(super) async fn keep_up(&mut self) {
        let now = self.clock.now();
        let is_due = self.plan.next_dispatch().is_some_and(|at| at <= now);
        if is_due && self.is_open && !self.is_away() {
            self.tick(now).await;
        }
        self.show_life();
    }

    /// A run is planned for "now"; whole seconds are left to the schedules' own fires.
    async fn trigger(&mut self, trigger: Trigger) -> Result<Triggered, Refusal> {
        let id = &trigger.schedule;
        let Some(schedule) = self.schedules.get(id).cloned() else {
            return Err(Refusal::UnknownSchedule(id.clone()));
        };
        let (running, waiting) = self.runner.count(id);
        let policy = trigger.overlap_policy.unwrap_or(schedule.overlap_policy);
        let decided = decide_manual(policy, running, waiting);
        let (state, reason) = match &decided {
            Ok(_) => (RunState::Claimed, trigger.reason.clone()),
            Err(reason) => (
                RunState::SkippedOverlap,
                format!("{}; {reason}", trigger.reason),
            ),
        };
        let now = self.clock.now();
        let mut at_ms = now.as_millisecond();
        for _ in 0..CLAIM_ATTEMPTS {
            at_ms += i64::from(at_ms % 1_000 == 0);
            let scheduled_for = Timestamp::from_millisecond(at_ms).unwrap_or(now);
            let claim = Claim {
                fire: Fire {
                    schedule: id.clone(),
                    scheduled_for,
                },
                job: schedule.job,
                origin: trigger.origin,
                state,
                lateness_ms: 0,
                reason: Some(reason.clone()),
            };
            let ledger = Arc::clone(&self.ledger);
            let claims = [claim];
            let ours = ledger.claim(&claims, self.epoch, now);
            let ours = match self.in_time("the claim of a run", ours).await {
                Ok(ours) => ours,
                Err(reason) => {
                    self.doubts.add(claims.into());
                    return Err(Refusal::Store(reason));
                }
            };
            self.doubts.resolve(&claims);
            // A row of ours that was there before is another trigger's.
            if let Some(Some(Ours { run_id, .. })) = ours.first()
                && self.started.insert(*run_id)
            {
                let fire = (*run_id, scheduled_for);
                return Ok(self.admit(&schedule, &trigger, fire, decided.ok()));
            }
            at_ms += 1;
        }
        Err(Refusal::Store("no free instant was found".to_owned()))
    }

    fn admit(
        &self,
        schedule: &Arc<Schedule>,
        trigger: &Trigger,
        (run_id, scheduled_for): (i64, Timestamp),
        admission: Option<Admission>,
    ) -> Triggered {
        let Some(admission) = admission else {
            return Triggered {
                run_id,
                state: RunState::SkippedOverlap,
                is_waiting: false,
                ending: None,
            };
        };
        let symbols = trigger.symbols.as_ref().unwrap_or(&schedule.symbols);
        let spec = RunSpec {
            run_id,
            schedule: Arc::clone(schedule),
            scheduled_for,
            origin: trigger.origin,
            assignment: Assignment::of(schedule),
            symbols: Arc::clone(symbols),
            timeout: schedule.timeout,
            lateness_ms: 0,
            is_resumed: false,
            is_awaited: false,
            on_news: None,
        };
        let ending = self.runner.admit(spec, admission);
        Triggered {
            run_id,
            state: RunState::Claimed,
            // Others may wait while this one runs beside what they wait for.
            is_waiting: admission != Admission::Beside && self.runner.count(&schedule.id).1 > 0,
            ending: Some(ending),
        }
    }

    async fn obey_pause(&mut self, mut pause: Pause) -> Result<(), Refusal> {
        if !self.schedules.contains_key(&pause.schedule) {
            return Err(Refusal::UnknownSchedule(pause.schedule));
        }
        if self.pauses.contains_key(&pause.schedule) {
            self.decide_due().await?;
        }
        if let Some(before) = self.pauses.get(&pause.schedule) {
            // What its jitter still holds back was due during the pause that was there.
            pause.paused_at = pause.paused_at.min(before.paused_at);
        }
        self.pause(pause).await
    }

    /// What was due up to now was due during the pause: it is not for a later one, or none, to
    /// decide about.
    async fn decide_due(&mut self) -> Result<(), Refusal> {
        let now = self.clock.now();
        while self.plan.is_due(now) {
            self.show_life();
            if !self.tick(now).await {
                return Err(Refusal::Store(UNDECIDED.to_owned()));
            }
        }
        Ok(())
    }

    pub(super) async fn pause(&mut self, pause: Pause) -> Result<(), Refusal> {
        let ledger = Arc::clone(&self.ledger);
        let written = self.in_time("a pause", ledger.pause(&pause)).await;
        written.map_err(Refusal::Store)?;
        log_paused(&pause);
        self.pauses.insert(pause.schedule.clone(), pause);
        Ok(())
    }

    async fn resume(&mut self, id: &ScheduleId) -> Result<Option<Pause>, Refusal> {
        if !self.schedules.contains_key(id) && !self.pauses.contains_key(id) {
            return Err(Refusal::UnknownSchedule(id.clone()));
        }
        if !self.pauses.contains_key(id) {
            return Ok(None);
        }
        self.decide_due().await?;
        let now = self.clock.now();
        let ledger = Arc::clone(&self.ledger);
        let written = self.in_time("a resumption", ledger.resume(id, now)).await;
        written.map_err(Refusal::Store)?;
        let schedule = id.as_str();
        events::ScheduleResumed { schedule }.emit();
        Ok(self.pauses.remove(id))
    }

    /// Pauses that have an end end by themselves, once what was due in them has its verdict: a
    /// fire that is dispatched later by its jitter is due at its planned instant all the same.
    pub(super) async fn end_pauses(&mut self, now: Timestamp) {
        let is_over = |pause: &&Pause| {
            let schedule = self.schedules.get(&pause.schedule);
            let jitter = schedule.map_or(Duration::ZERO, |one| one.jitter_offset());
            let decided = now.saturating_sub(clock::signed(jitter)).unwrap_or(now);
            pause.is_over(decided)
        };
        let over: Vec<ScheduleId> = self
            .pauses
            .values()
            .filter(is_over)
            .map(|pause| pause.schedule.clone())
            .collect();
        if self.is_away() {
            return;
        }
        for id in over {
            let ledger = Arc::clone(&self.ledger);
            if self
                .in_time("a resumption", ledger.resume(&id, now))
                .await
                .is_err()
            {
                return;
            }
            self.pauses.remove(&id);
            let schedule = id.as_str();
            events::ScheduleResumed { schedule }.emit();
        }
    }

    fn status(&self, now: Timestamp) -> PlanStatus {
        let next: BTreeMap<&ScheduleId, Option<Timestamp>> = self.plan.next_fires().collect();
        let schedules = self.schedules.values().map(|schedule| {
            let id = &schedule.id;
            let (running, waiting) = self.runner.count(id);
            let next = next.get(id).copied().flatten();
            let overdue =
                next.map(|at| now.as_millisecond() - schedule.dispatch_at(at).as_millisecond());
            ScheduleStatus {
                id: id.clone(),
                enabled: schedule.enabled,
                next,
                after: schedule.trigger.leader().cloned(),
                overdue_ms: overdue.unwrap_or(0).max(0),
                running,
                waiting,
                pause: self.pauses.get(id).filter(|p| p.covers(now)).cloned(),
                stale_since: self.promises.stale_since(schedule),
            }
        });
        PlanStatus {
            schedules: schedules.collect(),
            store_down_ms: self.away_ms(),
        }
    }
}

pub(super) fn log_paused(pause: &Pause) {
    events::SchedulePaused {
        schedule: pause.schedule.as_str(),
        by: &pause.paused_by,
        until: &pause.until.map(|at| at.to_string()).unwrap_or_default(),
        note: pause.note.as_deref().unwrap_or_default(),
    }
    .emit();
}
