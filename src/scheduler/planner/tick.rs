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
use crate::telemetry::{events, metric};

/// Fires claimed in one statement at most, unless one schedule has more.
pub(super) const CLAIM_FIRES: usize = 6_000;

/// Runs started lately that are remembered.
const REMEMBERED_RUNS: usize = 20_000;

impl Loop {
    /// Decides about what is due, a few thousand fires at a time: after a long absence the rest
    /// waits for the next look, with a fresh clock and an ear for orders in between. False when the
    /// ledger could not be asked.
    pub(super) async fn tick(&mut self, now: Timestamp) -> bool {
        let due = self.plan.take_due(now, CLAIM_FIRES);
        if due.is_empty() {
            return true;
        }
        if self.claim_group(&due, now).await {
            self.show_life();
            return true;
        }
        for due in &due {
            self.plan.put_back(due);
        }
        false
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
        let _together = self.runner.hold_back();
        let mut ours = ours.into_iter();
        for (due, verdicts) in group.iter().zip(&verdicts) {
            let ours: Vec<Option<Ours>> = ours.by_ref().take(verdicts.len()).collect();
            self.act(&due.schedule, verdicts, &ours, due.unlisted);
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

    /// Starts what is ours to run and logs what is not run; `unlisted` fires are older still.
    pub(super) fn act(
        &mut self,
        schedule: &Arc<Schedule>,
        verdicts: &[Verdict],
        ours: &[Option<Ours>],
        unlisted: bool,
    ) {
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
            } else if !verdict.state.is_unrun() || self.started.contains(&run_id) {
                // A fire that came again: its row has been run, whatever were decided now.
            } else if verdict.state == RunState::Missed {
                missed.push(verdict.scheduled_for);
            } else {
                log_not_run(schedule, verdict);
            }
        }
        if self.started.len() > REMEMBERED_RUNS {
            // The oldest half, but what waits or goes on: a fire that comes again must find it.
            let middle = self.started.iter().nth(REMEMBERED_RUNS / 2).copied();
            let held = self.runner.held();
            self.started
                .retain(|run| Some(*run) >= middle || held.contains(run));
        }
        if let (Some(first), Some(last)) = (missed.first(), missed.last()) {
            let (name, state) = (schedule.id.as_str(), RunState::Missed.as_str());
            metric::runs(name, state, missed.len() as u64);
            events::RunMissed {
                schedule: schedule.id.as_str(),
                fires: missed.len() as u64,
                first: &first.to_string(),
                last: &last.to_string(),
                older_unlisted: unlisted,
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
    metric::runs(name, verdict.state.as_str(), 1);
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

pub(super) fn claim(schedule: &Schedule, verdict: &Verdict) -> Claim {
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
        assignment: Assignment::of(schedule),
        symbols: Arc::clone(&schedule.symbols),
        timeout: schedule.timeout,
        lateness_ms: verdict.lateness_ms,
        is_resumed: false,
        is_awaited: false,
        on_news: None,
    }
}
