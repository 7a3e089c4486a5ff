//! One tick: all that is due is decided, claimed at once, and acted on.

use std::sync::Arc;

use jiff::Timestamp;

use super::Loop;
use crate::domain::{Fire, RunOrigin, RunState, Schedule};
use crate::jobs::Assignment;
use crate::runner::RunSpec;
use crate::scheduler::decide::{Verdict, decide};
use crate::scheduler::plan::Due;
use crate::scheduler::situation::Situation;
use crate::store::{Claim, Ours};
use crate::telemetry::events;

/// Fires claimed together at most, unless one schedule has more.
const CLAIM_FIRES: usize = 6_000;

/// Runs started lately that are remembered.
const REMEMBERED_RUNS: usize = 20_000;

impl Loop {
    /// Decides about all that is due; false when the ledger could not be asked and some is left.
    pub(super) async fn tick(&mut self, now: Timestamp) -> bool {
        let due = self.plan.take_due(now);
        let mut rest = due.as_slice();
        while !rest.is_empty() {
            // All that is due goes in one statement; after a long absence in a few, so that what is
            // done is done, and the planner shows its life in between.
            let mut fires = 0;
            let count = rest.iter().take_while(|due| {
                let fits = fires == 0 || fires + due.fires.len() <= CLAIM_FIRES;
                fires += due.fires.len();
                fits
            });
            let (group, later) = rest.split_at(count.count());
            if !self.claim_group(group, now).await {
                for due in rest {
                    self.plan.put_back(due);
                }
                return false;
            }
            rest = later;
            self.show_life();
        }
        true
    }

    /// Decides about a group of due schedules, claims, and acts; false when the ledger could not be
    /// asked and nothing was decided.
    async fn claim_group(&mut self, group: &[Due], now: Timestamp) -> bool {
        let verdicts: Vec<Vec<Verdict>> = group.iter().map(|due| self.decide(due, now)).collect();
        let claims: Vec<Claim> = group
            .iter()
            .zip(&verdicts)
            .flat_map(|(due, verdicts)| verdicts.iter().map(|v| claim(&due.schedule, v)))
            .collect();
        let ledger = Arc::clone(&self.ledger);
        // A claim that is cut off may have been written: asked again, it is ours and still open.
        let ours = ledger.claim(&claims, self.epoch, now);
        let Ok(ours) = self.in_time("the claim of fires", ours).await else {
            self.doubts.add(claims);
            return false;
        };
        self.doubts.resolve(&claims);
        let mut ours = ours.into_iter();
        for (due, verdicts) in group.iter().zip(&verdicts) {
            let ours: Vec<Option<Ours>> = ours.by_ref().take(verdicts.len()).collect();
            self.act(due, verdicts, &ours);
            self.plan.decided(due);
        }
        true
    }

    fn decide(&self, due: &Due, now: Timestamp) -> Vec<Verdict> {
        let (running, waiting) = self.runner.count(&due.schedule.id);
        let situation = Situation {
            served_since: self.served_since,
            running,
            waiting,
            pause: self.pauses.get(&due.schedule.id),
        };
        decide(&due.schedule, &due.fires, now, &situation)
    }

    /// Starts what is ours to run and logs what is not run.
    fn act(&mut self, due: &Due, verdicts: &[Verdict], ours: &[Option<Ours>]) {
        let schedule = &due.schedule;
        let mut missed = Vec::new();
        for (verdict, ours) in verdicts.iter().zip(ours) {
            let Some(Ours { run_id, is_open }) = *ours else {
                continue;
            };
            if is_open {
                if self.started.insert(run_id) {
                    log_caught_up(schedule, verdict);
                    let spec = run_spec(schedule, verdict, run_id);
                    drop(self.runner.admit(spec, verdict.admission));
                }
            } else if verdict.state == RunState::Missed {
                missed.push(verdict.scheduled_for);
            } else {
                log_not_run(schedule, verdict);
            }
        }
        // The oldest first: a run that waits or goes on must not be forgotten.
        while self.started.len() > REMEMBERED_RUNS {
            self.started.pop_first();
        }
        if let (Some(first), Some(last)) = (missed.first(), missed.last()) {
            events::RunMissed {
                schedule: schedule.id.as_str(),
                fires: missed.len() as u64,
                first: &first.to_string(),
                last: &last.to_string(),
                older_unlisted: due.unlisted,
            }
            .emit();
        }
    }
}

fn log_caught_up(schedule: &Schedule, verdict: &Verdict) {
    if verdict.origin == RunOrigin::CatchUp {
        events::RunCaughtUp {
            schedule: schedule.id.as_str(),
            scheduled_for: &verdict.scheduled_for.to_string(),
            lateness_ms: verdict.lateness_ms,
        }
        .emit();
    }
}

fn log_not_run(schedule: &Schedule, verdict: &Verdict) {
    let name = schedule.id.as_str();
    let scheduled_for = &verdict.scheduled_for.to_string();
    match verdict.state {
        RunState::SkippedOverlap => events::RunSkippedOverlap {
            schedule: name,
            scheduled_for,
        }
        .emit(),
        RunState::Paused | RunState::Holiday => events::RunWithheld {
            schedule: name,
            scheduled_for,
            state: verdict.state.as_str(),
            reason: verdict.reason.as_deref().unwrap_or_default(),
        }
        .emit(),
        _ => {}
    }
}

fn claim(schedule: &Schedule, verdict: &Verdict) -> Claim {
    Claim {
        fire: Fire {
            schedule: schedule.id.clone(),
            scheduled_for: verdict.scheduled_for,
        },
        job: schedule.job,
        origin: verdict.origin,
        state: verdict.state,
        lateness_ms: verdict.lateness_ms,
        reason: verdict.reason.clone(),
    }
}

fn run_spec(schedule: &Arc<Schedule>, verdict: &Verdict, run_id: i64) -> RunSpec {
    RunSpec {
        run_id,
        schedule: Arc::clone(schedule),
        scheduled_for: verdict.scheduled_for,
        origin: verdict.origin,
        assignment: Assignment::Job(schedule.job),
        symbols: Arc::clone(&schedule.symbols),
        timeout: schedule.timeout,
        lateness_ms: verdict.lateness_ms,
        is_resumed: false,
        is_awaited: false,
        on_outcome: None,
    }
}
