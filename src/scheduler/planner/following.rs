//! Schedules that run after others: their fire is the end of a run, planned for the instant the
//! run was planned for.
//!
//! The row they claim is that of any fire, so each run of the leader is followed at most once,
//! whatever daemon hears of its end. A run that another process did tells the daemon itself. One
//! that ended while nobody listened is found by the next start: it has no row of the follower.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::Loop;
use super::tick::{CLAIM_FIRES, claim};
use crate::domain::{Schedule, ScheduleId, Trigger};
use crate::runner::Ended;
use crate::scheduler::decide::{Verdict, decide_following, decide_unfollowed};
use crate::scheduler::plan::Plan;
use crate::scheduler::situation::Situation;
use crate::store::{Claim, Ours};

/// Who follows whom, and which fires of followers wait for their row.
#[derive(Default)]
pub(super) struct Following {
    followers: BTreeMap<ScheduleId, Vec<ScheduleId>>,
    /// Those of older ends first.
    due: VecDeque<Due>,
}

struct Due {
    schedule: ScheduleId,
    /// The instants, and when the leader's runs ended; several only when nobody was there.
    fires: BTreeMap<Timestamp, Timestamp>,
    is_late: bool,
}

impl Following {
    pub(super) fn of<'s>(schedules: impl Iterator<Item = &'s Arc<Schedule>>) -> Self {
        let mut followers: BTreeMap<ScheduleId, Vec<ScheduleId>> = BTreeMap::new();
        for schedule in schedules.filter(|one| one.enabled) {
            if let Trigger::After(leader) = &schedule.trigger {
                let all = followers.entry(leader.clone()).or_default();
                all.push(schedule.id.clone());
            }
        }
        Self {
            followers,
            due: VecDeque::new(),
        }
    }

    fn leaders(&self) -> HashSet<ScheduleId> {
        self.followers.keys().cloned().collect()
    }

    /// Whether nothing is due.
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Takes what has been due for longest: up to about `most` fires, each follower once, since what
    /// becomes of its next fire depends on this one.
    fn take_group(&mut self, most: usize) -> Vec<Due> {
        let mut taken = HashSet::new();
        let mut fires = 0;
        let mut group = Vec::new();
        while fires < most
            && let Some(due) = self
                .due
                .pop_front_if(|due| taken.insert(due.schedule.clone()))
        {
            fires += due.fires.len();
            group.push(due);
        }
        group
    }

    fn put_back(&mut self, group: Vec<Due>) {
        for due in group.into_iter().rev() {
            self.due.push_front(due);
        }
    }
}

impl Loop {
    /// Other schedules follow from now on; what waits stays.
    pub(super) fn follow_these(&mut self) {
        let due = std::mem::take(&mut self.following.due);
        self.following = Following::of(self.schedules.values());
        self.following.due = due;
        self.runner.announce(self.following.leaders());
    }

    /// Finds runs that ended while nobody listened, for followers that are `wanted`. `decided` says
    /// from when fires count.
    pub(super) async fn find_unfollowed(
        &mut self,
        decided: &BTreeMap<ScheduleId, Timestamp>,
        now: Timestamp,
        wanted: impl Fn(&ScheduleId) -> bool,
    ) -> Result<(), String> {
        let pairs: Vec<(ScheduleId, ScheduleId)> = self
            .following
            .followers
            .iter()
            .flat_map(|(leader, all)| all.iter().map(|one| (leader.clone(), one.clone())))
            .filter(|(_, follower)| wanted(follower))
            .collect();
        // All or nothing: asked again, no fire is there twice.
        let mut found = Vec::new();
        for (leader, follower) in pairs {
            let Some(schedule) = self.schedules.get(&follower) else {
                continue;
            };
            let since = Plan::followed_since(schedule, decided.get(&follower), now);
            let ledger = Arc::clone(&self.ledger);
            let fires = ledger.unfollowed(&leader, &follower, since, now);
            let fires = self.in_time("runs to be followed", fires).await?;
            self.keep_up().await;
            if !fires.is_empty() {
                let fires = fires.into_iter();
                found.push(Due {
                    schedule: follower,
                    fires: fires.map(|it| (it.scheduled_for, it.finished_at)).collect(),
                    is_late: true,
                });
            }
        }
        self.following.due.extend(found);
        Ok(())
    }

    /// A run has ended: those that follow it are due.
    pub(super) fn note_followers(&mut self, ended: &Ended) {
        if !ended.state.has_done_some() {
            return;
        }
        let followers = self.following.followers.get(&ended.schedule);
        for schedule in followers.into_iter().flatten() {
            self.following.due.push_back(Due {
                schedule: schedule.clone(),
                fires: BTreeMap::from([(ended.scheduled_for, ended.finished_at)]),
                is_late: false,
            });
        }
    }

    /// Claims and runs a group of what is due, in one statement: the rest waits for the next look,
    /// with a fresh clock, fires of other schedules and an ear for orders in between. True once
    /// nothing waits; false, too, while the ledger cannot be asked.
    pub(super) async fn follow(&mut self, now: Timestamp) -> bool {
        let group = self.following.take_group(CLAIM_FIRES);
        let decided: Vec<(Arc<Schedule>, Vec<Verdict>)> = group
            .iter()
            .filter_map(|due| {
                let schedule = self.schedules.get(&due.schedule)?;
                Some((
                    Arc::clone(schedule),
                    self.follow_verdicts(schedule, due, now),
                ))
            })
            .collect();
        let claims: Vec<Claim> = decided
            .iter()
            .flat_map(|(schedule, verdicts)| verdicts.iter().map(|one| claim(schedule, one)))
            .collect();
        if !claims.is_empty() {
            let ledger = Arc::clone(&self.ledger);
            let ours = ledger.claim(&claims, self.epoch, now);
            let Ok(ours) = self.in_time("the claim of fires", ours).await else {
                self.doubts.add(claims);
                self.following.put_back(group);
                return false;
            };
            self.doubts.resolve(&claims);
            let _together = self.runner.hold_back();
            let mut ours = ours.into_iter();
            for (schedule, verdicts) in &decided {
                let ours: Vec<Option<Ours>> = ours.by_ref().take(verdicts.len()).collect();
                self.act(schedule, verdicts, &ours, false);
            }
            self.show_life();
        }
        self.following.is_empty()
    }

    fn follow_verdicts(&self, schedule: &Schedule, due: &Due, now: Timestamp) -> Vec<Verdict> {
        if !schedule.enabled {
            return Vec::new();
        }
        let lives = |fire: &Timestamp| {
            schedule.starts_at.is_none_or(|start| *fire >= start)
                && schedule.expires_at.is_none_or(|end| *fire < end)
        };
        let fires = due.fires.iter().filter(|(fire, _)| lives(fire));
        let fires: BTreeMap<Timestamp, Timestamp> =
            fires.map(|(fire, end)| (*fire, *end)).collect();
        let (running, waiting) = self.runner.count(&schedule.id);
        let situation = Situation {
            served_since: self.served_since,
            running,
            waiting,
            pause: self.pauses.get(&schedule.id),
        };
        if due.is_late {
            return decide_unfollowed(schedule, &fires, now, &situation);
        }
        let fires = fires.into_keys();
        fires
            .map(|fire| decide_following(schedule, fire, now, &situation))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OverlapPolicy, RunState};
    use crate::runner::Admission;
    use crate::scheduler::decide::tests::every_minute;

    fn at(minute: i64, second: i64) -> Timestamp {
        Timestamp::from_second(1_767_571_200 + minute * 60 + second).unwrap()
    }

    #[test]
    fn a_follower_joins_by_its_policy_is_never_late_and_heeds_pauses() {
        let pause = crate::domain::Pause {
            schedule: every_minute().id,
            paused_at: at(0, 0),
            until: None,
            note: None,
            paused_by: "tests".to_owned(),
        };
        let decide = |policy, running, pause| {
            let schedule = Schedule {
                overlap_policy: policy,
                ..every_minute()
            };
            let situation = Situation {
                served_since: at(0, 0),
                running,
                waiting: 0,
                pause,
            };
            // Its leader took half an hour.
            let verdict = decide_following(&schedule, at(10, 0), at(40, 0), &situation);
            assert_eq!((verdict.scheduled_for, verdict.lateness_ms), (at(10, 0), 0));
            (verdict.state, verdict.admission)
        };
        let skip = OverlapPolicy::Skip;
        let (claimed, after) = (RunState::Claimed, Admission::After);
        assert_eq!(decide(skip, 0, None), (claimed, after));
        assert_eq!(decide(skip, 1, None).0, RunState::SkippedOverlap);
        assert_eq!(decide(OverlapPolicy::BufferOne, 1, None), (claimed, after));
        let beside = (claimed, Admission::Beside);
        assert_eq!(decide(OverlapPolicy::AllowAll, 1, None), beside);
        assert_eq!(decide(skip, 0, Some(&pause)).0, RunState::Paused);
    }

    #[test]
    fn what_is_due_is_taken_from_the_oldest_each_follower_once_and_comes_back_in_its_order() {
        let due = |name: &str, fires: i64| Due {
            schedule: ScheduleId::try_new(name).unwrap(),
            fires: (0..fires).map(|n| (at(n, 0), at(n, 5))).collect(),
            is_late: false,
        };
        let mut following = Following::default();
        let all = [("a", 1), ("b", 2), ("c", 1), ("b", 1), ("d", 1)];
        following
            .due
            .extend(all.map(|(name, fires)| due(name, fires)));
        let mut taken = |most, is_put_back| {
            let group = following.take_group(most);
            let told: Vec<(String, usize)> = group
                .iter()
                .map(|due| (due.schedule.to_string(), due.fires.len()))
                .collect();
            if is_put_back {
                following.put_back(group);
            }
            told
        };
        let told = |all: &[(&str, usize)]| -> Vec<(String, usize)> {
            all.iter()
                .map(|(name, n)| ((*name).to_owned(), *n))
                .collect()
        };
        let until_b_comes_again = told(&[("a", 1), ("b", 2), ("c", 1)]);
        assert_eq!(taken(100, true), until_b_comes_again);
        assert_eq!(taken(2, true), told(&[("a", 1), ("b", 2)]), "bounded");
        assert_eq!(taken(100, false), until_b_comes_again);
        assert_eq!(taken(100, false), told(&[("b", 1), ("d", 1)]));
        assert_eq!(taken(100, false), Vec::new());
        assert!(following.is_empty());
    }

    #[test]
    fn one_found_at_a_start_is_as_late_as_its_leaders_end_and_the_newest_stands_for_all() {
        use crate::domain::MisfirePolicy;
        let situation = Situation {
            served_since: at(100, 0),
            running: 0,
            waiting: 0,
            pause: None,
        };
        // Leaders of minutes 0, 10 and 20, that ended at these; the catch-up window is an hour.
        let decide = |misfire_policy, ends: [i64; 3]| {
            let schedule = Schedule {
                misfire_policy,
                overlap_policy: OverlapPolicy::BufferOne,
                ..every_minute()
            };
            let fires = [0, 10, 20].map(|minute| at(minute, 0)).into_iter();
            let fires = fires.zip(ends.map(|minute| at(minute, 0))).collect();
            let verdicts = decide_unfollowed(&schedule, &fires, at(100, 0), &situation);
            let told = verdicts
                .iter()
                .map(|one| (one.state, one.lateness_ms / 60_000));
            told.collect::<Vec<_>>()
        };
        let (run, missed) = (RunState::Claimed, RunState::Missed);
        let (once, all) = (MisfirePolicy::RunOnce, MisfirePolicy::RunAll);
        let skip = MisfirePolicy::Skip;
        let cases = [
            // By their instants all would be out of the window.
            (once, [5, 15, 95], [(missed, 95), (missed, 85), (run, 5)]),
            (
                once,
                [5, 15, 25],
                [(missed, 95), (missed, 85), (missed, 75)],
            ),
            (all, [5, 45, 95], [(missed, 95), (run, 55), (run, 5)]),
            (skip, [5, 45, 95], [(missed, 95), (missed, 55), (missed, 5)]),
            // It has just ended: no misfire, whatever the policy.
            (skip, [5, 45, 100], [(missed, 95), (missed, 55), (run, 0)]),
        ];
        for (policy, ends, expected) in cases {
            assert_eq!(decide(policy, ends), expected, "{policy:?} {ends:?}");
        }
    }
}
