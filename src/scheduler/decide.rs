//! What becomes of fires that are due: a pure function of the schedule, the fires and the time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::situation::Situation;
use crate::domain::{MisfirePolicy, OverlapPolicy, RunOrigin, RunState, Schedule};
use crate::runner::Admission;

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
    /// How it joins the runs going on, when it is run.
    pub admission: Admission,
}

/// Decides about `fires` (ascending, all due at `now`); every one gets exactly one verdict.
pub fn decide(
    schedule: &Schedule,
    fires: &[Timestamp],
    now: Timestamp,
    situation: &Situation<'_>,
) -> Vec<Verdict> {
    let mut bench = Bench::new((schedule, None), fires, now, situation);
    fires.iter().map(|fire| bench.verdict(*fire)).collect()
}

/// Decides about a run a person asks for at `now`: whether it runs at all, and how it joins.
pub(super) fn decide_manual(
    policy: OverlapPolicy,
    running: usize,
    waiting: usize,
) -> Result<Admission, &'static str> {
    join(policy, running, waiting)
}

/// Decides about the fire of a schedule that follows another's run, at the run's end: it is never
/// late.
pub(super) fn decide_following(
    schedule: &Schedule,
    fire: Timestamp,
    now: Timestamp,
    situation: &Situation<'_>,
) -> Verdict {
    let mut bench = Bench::new((schedule, None), &[], now, situation);
    let decided = match bench.bar(fire) {
        Some((state, reason)) => Err((state, reason)),
        None => bench
            .enter(false)
            .map_err(|(state, reason)| (state, reason.to_owned())),
    };
    let (state, reason, admission) = match decided {
        Ok(admission) => (RunState::Claimed, None, admission),
        Err((state, reason)) => (state, Some(reason), Admission::After),
    };
    Verdict {
        scheduled_for: fire,
        state,
        origin: RunOrigin::Schedule,
        lateness_ms: 0,
        reason,
        admission,
    }
}

/// Decides about fires of a schedule that follows another's runs, which ended while nobody listened:
/// each instant with that end, since when it is due.
pub(super) fn decide_unfollowed(
    schedule: &Schedule,
    fires: &BTreeMap<Timestamp, Timestamp>,
    now: Timestamp,
    situation: &Situation<'_>,
) -> Vec<Verdict> {
    let instants: Vec<Timestamp> = fires.keys().copied().collect();
    let mut bench = Bench::new((schedule, Some(fires)), &instants, now, situation);
    instants.iter().map(|fire| bench.verdict(*fire)).collect()
}

/// How a fire joins `running` and `waiting` others, or why it does not.
fn join(policy: OverlapPolicy, running: usize, waiting: usize) -> Result<Admission, &'static str> {
    let is_idle = running + waiting == 0;
    match policy {
        OverlapPolicy::AllowAll => Ok(Admission::Beside),
        OverlapPolicy::CancelOther => Ok(Admission::Instead),
        _ if is_idle => Ok(Admission::After),
        OverlapPolicy::Skip => Err(STILL_GOING),
        OverlapPolicy::BufferOne if waiting == 0 => Ok(Admission::After),
        OverlapPolicy::BufferOne => Err(ONE_WAITS),
        OverlapPolicy::BufferAll if waiting < MAX_WAITING => Ok(Admission::After),
        OverlapPolicy::BufferAll => Err(TOO_MANY_WAIT),
    }
}

/// Runs of one schedule that may wait under `buffer_all`.
const MAX_WAITING: usize = 1_000;

const STILL_GOING: &str = "the previous run is still going";
const ONE_WAITS: &str = "the previous run is still going and another fire waits already";
const TOO_MANY_WAIT: &str = "1,000 fires wait already";
const HELD_UP: &str = "several were due at once (held up); the newest runs for it";
const NEWER_RUNS: &str = "a newer fire runs for it";
const TOO_OLD: &str = "older than the catch-up window";
const TOO_MANY: &str = "more than max_catchup fires were missed; newer ones run";
const POLICY_SKIPS: &str = "misfire_policy is skip";
const SHORTLY_BEFORE: &str = "due shortly before the daemon was there";
const CAUGHT_UP: &str = "caught up: nobody could run it in time";

/// The fires of one moment, and how many places they have taken so far.
struct Bench<'s> {
    schedule: &'s Schedule,
    /// When the runs ended that these fires follow.
    ends: Option<&'s BTreeMap<Timestamp, Timestamp>>,
    situation: &'s Situation<'s>,
    now: Timestamp,
    /// The newest fires that may run at all, punctual and not.
    newest_punctual: Option<Timestamp>,
    newest_misfire: Option<Timestamp>,
    /// The oldest misfire `max_catchup` leaves room for.
    oldest_caught_up: Option<Timestamp>,
    running: usize,
    waiting: usize,
}

impl<'s> Bench<'s> {
    fn new(
        (schedule, ends): (&'s Schedule, Option<&'s BTreeMap<Timestamp, Timestamp>>),
        fires: &[Timestamp],
        now: Timestamp,
        situation: &'s Situation<'s>,
    ) -> Self {
        let mut bench = Self {
            schedule,
            ends,
            situation,
            now,
            newest_punctual: None,
            newest_misfire: None,
            oldest_caught_up: None,
            running: situation.running,
            waiting: situation.waiting,
        };
        // Under `allow_all` nothing waits; else no more are caught up than can wait.
        let room = match schedule.overlap_policy {
            OverlapPolicy::AllowAll => usize::MAX,
            _ => MAX_WAITING.saturating_sub(situation.waiting),
        };
        let mut misfires = 0;
        for fire in fires.iter().rev() {
            if bench.bar(*fire).is_some() {
                continue;
            }
            if bench.is_misfire(*fire) {
                bench.newest_misfire.get_or_insert(*fire);
                misfires += 1;
                if misfires <= schedule.max_catchup.min(room) {
                    bench.oldest_caught_up = Some(*fire);
                }
            } else {
                bench.newest_punctual.get_or_insert(*fire);
            }
        }
        bench
    }

    /// The state of a fire that is not to run whatever the time.
    fn bar(&self, fire: Timestamp) -> Option<(RunState, String)> {
        if let Some(pause) = self.situation.pause.filter(|pause| pause.covers(fire)) {
            return Some((RunState::Paused, pause.reason()));
        }
        let closed = self.schedule.holiday(fire)?;
        Some((RunState::Holiday, closed))
    }

    /// From when on it is due.
    fn due_at(&self, fire: Timestamp) -> Timestamp {
        let end = self.ends.and_then(|ends| ends.get(&fire)).copied();
        end.unwrap_or_else(|| self.schedule.dispatch_at(fire))
    }

    fn lateness_ms(&self, fire: Timestamp) -> i64 {
        let due = self.due_at(fire).as_millisecond();
        self.now.as_millisecond().saturating_sub(due).max(0)
    }

    fn is_later_than(&self, fire: Timestamp, limit: std::time::Duration) -> bool {
        self.lateness_ms(fire) > i64::try_from(limit.as_millis()).unwrap_or(i64::MAX)
    }

    fn is_misfire(&self, fire: Timestamp) -> bool {
        self.is_later_than(fire, self.schedule.misfire_threshold)
    }

    /// Under these the newest stands for all that are due at once.
    fn is_one_of_many(&self) -> bool {
        matches!(
            self.schedule.overlap_policy,
            OverlapPolicy::Skip | OverlapPolicy::CancelOther
        )
    }

    fn runs_all(&self) -> bool {
        self.schedule.misfire_policy == MisfirePolicy::RunAll
    }

    fn verdict(&mut self, fire: Timestamp) -> Verdict {
        let (state, origin, reason, admission) = if let Some((state, reason)) = self.bar(fire) {
            (state, RunOrigin::Schedule, Some(reason), Admission::After)
        } else {
            let decided = if self.is_misfire(fire) {
                self.misfire(fire)
            } else {
                self.punctual(fire)
            };
            match decided {
                Ok((origin, reason, admission)) => {
                    let reason = reason.map(str::to_owned);
                    (RunState::Claimed, origin, reason, admission)
                }
                Err((state, reason)) => {
                    let reason = Some(reason.to_owned());
                    (state, RunOrigin::Schedule, reason, Admission::After)
                }
            }
        };
        Verdict {
            scheduled_for: fire,
            state,
            origin,
            lateness_ms: self.lateness_ms(fire),
            reason,
            admission,
        }
    }

    fn punctual(&mut self, fire: Timestamp) -> Decided {
        let served = self.due_at(fire) >= self.situation.served_since;
        let (origin, reason) = if served {
            (RunOrigin::Schedule, None)
        } else {
            (RunOrigin::CatchUp, Some(SHORTLY_BEFORE))
        };
        let follows_caught_up = self.runs_all() && self.newest_misfire.is_some();
        if self.is_one_of_many() && self.newest_punctual != Some(fire) && !follows_caught_up {
            return Err((RunState::Missed, HELD_UP));
        }
        let admission = self.enter(follows_caught_up)?;
        Ok((origin, reason, admission))
    }

    fn misfire(&mut self, fire: Timestamp) -> Decided {
        let missed = |reason| Err((RunState::Missed, reason));
        let stands_for_others = self.newest_misfire == Some(fire) && self.newest_punctual.is_none();
        match self.schedule.misfire_policy {
            MisfirePolicy::Skip => return missed(POLICY_SKIPS),
            MisfirePolicy::RunOnce if !stands_for_others => return missed(NEWER_RUNS),
            _ if self.is_later_than(fire, self.schedule.catchup_window) => return missed(TOO_OLD),
            MisfirePolicy::RunAll if self.oldest_caught_up.is_none_or(|first| fire < first) => {
                return missed(TOO_MANY);
            }
            MisfirePolicy::RunOnce | MisfirePolicy::RunAll => {}
        }
        let admission = self.enter(self.runs_all())?;
        Ok((RunOrigin::CatchUp, Some(CAUGHT_UP), admission))
    }

    /// Takes a place among the runs; `in_turn` when it has to run whatever else does.
    fn enter(&mut self, in_turn: bool) -> Result<Admission, (RunState, &'static str)> {
        let policy = if in_turn && self.schedule.overlap_policy != OverlapPolicy::AllowAll {
            OverlapPolicy::BufferAll
        } else {
            self.schedule.overlap_policy
        };
        let admission = join(policy, self.running, self.waiting)
            .map_err(|reason| (RunState::SkippedOverlap, reason))?;
        if self.running == 0 || admission == Admission::Beside {
            self.running += 1;
        } else if admission == Admission::After {
            self.waiting += 1;
        }
        Ok(admission)
    }
}

type Decided = Result<(RunOrigin, Option<&'static str>, Admission), (RunState, &'static str)>;

#[cfg(test)]
pub(super) mod tests;
