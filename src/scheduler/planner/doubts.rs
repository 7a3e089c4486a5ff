//! Claims whose answer was lost: there may be a row of ours that nobody runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Loop;
use crate::domain::{RunState, RunTotals, ScheduleId};
use crate::store::{Claim, Ours, RunEnd};

const LOST: &str = "not run: the database did not answer in time";

/// Fires that were claimed to be run, and nobody knows whether they are ours.
#[derive(Default)]
pub(super) struct Doubts(BTreeMap<(ScheduleId, Timestamp), Claim>);

impl Doubts {
    /// The answer to these was lost.
    pub(super) fn add(&mut self, claims: Vec<Claim>) {
        let to_run = claims
            .into_iter()
            .filter(|claim| !claim.state.is_terminal());
        self.0.extend(to_run.map(|claim| (key(&claim), claim)));
    }

    /// These were answered.
    pub(super) fn resolve(&mut self, claims: &[Claim]) {
        if self.0.is_empty() {
            return;
        }
        for claim in claims {
            self.0.remove(&key(claim));
        }
    }
}

fn key(claim: &Claim) -> (ScheduleId, Timestamp) {
    (claim.fire.schedule.clone(), claim.fire.scheduled_for)
}

impl Loop {
    /// A fire in doubt is asked for again as long as the plan holds it. Of one that is planned no
    /// more, and of a run a person asked for, the row is closed, or written closed.
    pub(super) async fn settle_doubts(&mut self, now: Timestamp) {
        let is_forsaken =
            |claim: &&Claim| !claim.origin.is_planned() || !self.plan.is_undecided(&claim.fire);
        let forsaken: Vec<Claim> = self
            .doubts
            .0
            .values()
            .filter(is_forsaken)
            .map(|claim| Claim {
                state: RunState::Cancelled,
                reason: Some(reason(claim)),
                ..claim.clone()
            })
            .collect();
        if forsaken.is_empty() {
            return;
        }
        let ledger = Arc::clone(&self.ledger);
        let ours = ledger.claim(&forsaken, self.epoch, now);
        let Ok(ours) = self.in_time("the claim of fires in doubt", ours).await else {
            return;
        };
        for (claim, ours) in forsaken.iter().zip(ours) {
            if let Some(Ours { run_id, is_open }) = ours
                && is_open
                && !self.started.contains(&run_id)
            {
                let end = RunEnd {
                    state: RunState::Cancelled,
                    totals: RunTotals::default(),
                    duration_ms: 0,
                    reason: claim.reason.clone(),
                    cost: None,
                };
                let ended = ledger.run_ended(run_id, &end, now);
                if self.in_time("the end of a run", ended).await.is_err() {
                    return;
                }
            }
            self.doubts.0.remove(&key(claim));
        }
    }
}

fn reason(claim: &Claim) -> String {
    match &claim.reason {
        Some(reason) => format!("{reason}; {LOST}"),
        None => LOST.to_owned(),
    }
}
