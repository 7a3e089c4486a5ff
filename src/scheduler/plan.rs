//! Which schedule is due next: a heap over the schedules, no I/O, no clock of its own.

mod fires;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::clock::signed;
use crate::domain::{Fire, Schedule, ScheduleId};
use fires::{decided_until, newest_fires};

/// Fires of one schedule that get a row each when many are due at once; of more, the newest.
const MAX_CATCHUP_FIRES: usize = 10_000;

/// Fires nobody was there for are recorded as missed this far back, whatever the catch-up window.
const RECORD_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Schedules whose fire after the next is looked up in one go.
const LOOK_AHEAD: usize = 50;

/// New schedules whose fires are looked up in one go: each may look back over its catch-up window.
const PLAN_AHEAD: usize = 50;

/// The fires of one schedule that are due.
#[derive(Debug, Clone)]
pub struct Due {
    /// Its place in the plan.
    index: usize,
    /// The schedule.
    pub schedule: Arc<Schedule>,
    /// Due instants, oldest first; at most [`MAX_CATCHUP_FIRES`].
    pub fires: Vec<Timestamp>,
    /// Older fires that are too many to list.
    pub unlisted: bool,
    /// Up to where fires were looked for.
    looked_until: Timestamp,
}

struct Entry {
    schedule: Arc<Schedule>,
    /// Every fire up to here has its verdict.
    decided_until: Timestamp,
    /// The first fire after that.
    next: Option<Timestamp>,
    /// The fire after the next, once it was looked up: what is due at a moment is then known
    /// without searching a calendar.
    following: Following,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Following {
    NotLookedUp,
    Is(Option<Timestamp>),
}

/// From where a schedule is planned that is new, or whose timing is.
#[derive(Clone, Copy)]
enum Start {
    /// After this instant.
    After(Timestamp),
    /// Where the ledger's newest fire, if it knows one, and the catch-up window say.
    Joining {
        latest: Option<Timestamp>,
        now: Timestamp,
    },
}

impl Entry {
    /// Not to be due before it is planned.
    fn unplanned(schedule: Arc<Schedule>, decided_until: Timestamp) -> Self {
        Self {
            schedule,
            decided_until,
            next: None,
            following: Following::NotLookedUp,
        }
    }

    fn new(schedule: Arc<Schedule>, decided_until: Timestamp) -> Self {
        let next = schedule.next_after(decided_until);
        Self {
            schedule,
            decided_until,
            next,
            following: Following::NotLookedUp,
        }
    }

    /// From where on fires that are due get a row: nobody wants to read of those before.
    fn recorded_from(&self, now: Timestamp) -> Timestamp {
        let window = RECORD_WINDOW.max(signed(self.schedule.catchup_window));
        let oldest = now.saturating_sub(window).unwrap_or(Timestamp::MIN);
        self.decided_until.max(oldest)
    }
}

/// The schedules with their next fires.
#[derive(Default)]
pub struct Plan {
    entries: Vec<Entry>,
    // (instant of dispatch, index): the jitter is in the key, never in the fire.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Entries whose fire after the next is not known yet.
    unprepared: Vec<usize>,
    /// Entries that are not planned yet.
    unplanned: Vec<(usize, Start)>,
    /// How far schedules that are gone or disabled were decided.
    retired: HashMap<ScheduleId, Timestamp>,
}

impl Plan {
    /// Plans the enabled ones of `schedules`. `latest` holds the newest fire of each schedule that
    /// the ledger knows: fires after it are still to be decided.
    ///
    /// Of a schedule the ledger has never seen, the newest fire within the catch-up window is due
    /// at once: a first start brings data now and not tomorrow evening.
    pub fn new(
        schedules: &[Arc<Schedule>],
        latest: &BTreeMap<ScheduleId, Timestamp>,
        now: Timestamp,
    ) -> Self {
        let mut plan = Self::default();
        plan.replace(schedules, latest, now);
        plan
    }

    /// Plans `schedules` instead. A schedule that keeps its timing goes on where it was, whatever
    /// its jitter; of one whose timing changed, or that was disabled, fires count from `now`; a new
    /// one is planned as by [`Self::new`].
    pub fn replace(
        &mut self,
        schedules: &[Arc<Schedule>],
        latest: &BTreeMap<ScheduleId, Timestamp>,
        now: Timestamp,
    ) {
        self.begin_replace(schedules, latest, now);
        while self.plan_some() {}
    }

    /// The same, but schedules that are new, or whose timing changed, are not due before
    /// [`Self::plan_some`] has come to them: thousands of them would hold up all others.
    pub fn begin_replace(
        &mut self,
        schedules: &[Arc<Schedule>],
        latest: &BTreeMap<ScheduleId, Timestamp>,
        now: Timestamp,
    ) {
        self.unplanned.clear();
        let mut old: HashMap<ScheduleId, Entry> = std::mem::take(&mut self.entries)
            .into_iter()
            .map(|entry| (entry.schedule.id.clone(), entry))
            .collect();
        for schedule in schedules {
            if !schedule.enabled {
                // Enabled later, it counts from then: nobody has missed anything.
                if !old.contains_key(&schedule.id) {
                    self.retired.entry(schedule.id.clone()).or_insert(now);
                }
                continue;
            }
            let schedule = Arc::clone(schedule);
            let entry = match old.remove(&schedule.id) {
                Some(entry) if entry.schedule.has_timing_of(&schedule) => {
                    Entry { schedule, ..entry }
                }
                entry => {
                    let decided = entry.map(|entry| entry.decided_until);
                    let decided = decided.or_else(|| self.retired.remove(&schedule.id));
                    let latest = latest.get(&schedule.id).copied();
                    let start = match decided {
                        Some(decided) => Start::After(decided.max(now)),
                        None => Start::Joining { latest, now },
                    };
                    self.unplanned.push((self.entries.len(), start));
                    Entry::unplanned(schedule, now)
                }
            };
            self.entries.push(entry);
        }
        let gone = old.into_iter().map(|(id, entry)| (id, entry.decided_until));
        self.retired.extend(gone);
        self.requeue();
    }

    /// Plans some of the schedules that are not planned yet; gives whether there are more.
    pub fn plan_some(&mut self) -> bool {
        for _ in 0..PLAN_AHEAD {
            let Some((index, start)) = self.unplanned.pop() else {
                return false;
            };
            if let Some(entry) = self.entries.get_mut(index) {
                let schedule = Arc::clone(&entry.schedule);
                let until = match start {
                    Start::After(instant) => instant,
                    Start::Joining { latest, now } => {
                        decided_until(&schedule, latest.as_ref(), now)
                    }
                };
                *entry = Entry::new(schedule, until);
                self.enqueue(index);
            }
        }
        !self.unplanned.is_empty()
    }

    /// Those of `schedules` whose fires were never decided in this plan's life.
    pub fn unknown(&self, schedules: &[Arc<Schedule>]) -> Vec<ScheduleId> {
        let known: HashSet<&ScheduleId> = self
            .entries
            .iter()
            .map(|entry| &entry.schedule.id)
            .chain(self.retired.keys())
            .collect();
        let ids = schedules.iter().map(|schedule| &schedule.id);
        ids.filter(|id| !known.contains(id)).cloned().collect()
    }

    /// From when the fires count of a schedule that nobody has seen before.
    pub(super) fn begin(schedule: &Schedule, now: Timestamp) -> Timestamp {
        decided_until(schedule, None, now)
    }

    /// From when the runs count that a schedule follows, `decided` being what is known of it.
    pub(super) fn followed_since(
        schedule: &Schedule,
        decided: Option<&Timestamp>,
        now: Timestamp,
    ) -> Timestamp {
        decided_until(schedule, decided, now)
    }

    /// How many schedules are planned.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When the next fire is to be dispatched.
    pub fn next_dispatch(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// The next fire of each planned schedule.
    pub fn next_fires(&self) -> impl Iterator<Item = (&ScheduleId, Option<Timestamp>)> {
        self.entries
            .iter()
            .map(|entry| (&entry.schedule.id, entry.next))
    }

    /// The fires of a schedule that wait for their verdict at `now`.
    pub fn due_fires(&self, id: &ScheduleId, now: Timestamp) -> Vec<Timestamp> {
        let entry = self.entries.iter().find(|entry| entry.schedule.id == *id);
        let Some(entry) = entry else {
            return Vec::new();
        };
        let jitter = signed(entry.schedule.jitter_offset());
        let until = now.saturating_sub(jitter).unwrap_or(now);
        newest_fires(&entry.schedule, entry.recorded_from(now), until).0
    }

    /// Whether a fire is still to be decided: now, or when its time comes. One that its schedule,
    /// replaced meanwhile, does not have any more is not.
    pub fn is_undecided(&self, fire: &Fire) -> bool {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.schedule.id == fire.schedule);
        entry.is_some_and(|entry| {
            let at = fire.scheduled_for;
            let before = at.checked_sub(SignedDuration::from_nanos(1)).ok();
            let next = before.and_then(|before| entry.schedule.next_after(before));
            entry.decided_until < at && next == Some(at)
        })
    }

    /// Whether anything is due at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_dispatch().is_some_and(|at| at <= now)
    }

    /// Takes schedules due at `now` out of the queue, until they have `most` fires together (one
    /// alone may have more); each must come back by [`Self::decided`] or [`Self::put_back`].
    pub fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<Due> {
        let mut due = Vec::new();
        let mut count = 0;
        while let Some(Reverse((at, index))) = self.queue.peek().copied() {
            if at > now || count >= most {
                break;
            }
            self.queue.pop();
            let Some(entry) = self.entries.get(index) else {
                continue;
            };
            let jitter = signed(entry.schedule.jitter_offset());
            let until = now.saturating_sub(jitter).unwrap_or(now);
            let (fires, unlisted) = match (entry.next, entry.following) {
                (Some(next), Following::Is(following))
                    if following.is_none_or(|then| then > until) =>
                {
                    (vec![next], false)
                }
                _ => newest_fires(&entry.schedule, entry.recorded_from(now), until),
            };
            count += fires.len();
            due.push(Due {
                index,
                schedule: Arc::clone(&entry.schedule),
                fires,
                unlisted,
                looked_until: until,
            });
        }
        due
    }

    /// All fires of `due` are in the ledger.
    pub fn decided(&mut self, due: &Due) {
        let Some(entry) = self.entries.get_mut(due.index) else {
            return;
        };
        let until = due.fires.last().copied().unwrap_or(due.looked_until);
        entry.decided_until = entry.decided_until.max(until);
        let following = std::mem::replace(&mut entry.following, Following::NotLookedUp);
        entry.next = match following {
            Following::Is(following) if entry.next == Some(until) => following,
            _ => entry.schedule.next_after(entry.decided_until),
        };
        self.unprepared.push(due.index);
        self.enqueue(due.index);
    }

    /// Looks up what comes after the next fire, for some schedules; gives whether there are more.
    pub fn look_ahead(&mut self) -> bool {
        for _ in 0..LOOK_AHEAD {
            let Some(index) = self.unprepared.pop() else {
                return false;
            };
            if let Some(entry) = self.entries.get_mut(index) {
                let following = entry.next.and_then(|next| entry.schedule.next_after(next));
                entry.following = Following::Is(following);
            }
        }
        !self.unprepared.is_empty()
    }

    /// The wall clock was stepped back to `now`: what was decided for instants that come again is
    /// in the ledger, so deciding starts over from here.
    pub fn rebase(&mut self, now: Timestamp) {
        for entry in &mut self.entries {
            if entry.decided_until > now {
                *entry = Entry::new(Arc::clone(&entry.schedule), now);
            }
        }
        for decided_until in self.retired.values_mut() {
            *decided_until = (*decided_until).min(now);
        }
        self.requeue();
    }

    /// The ledger could not be asked: the fires of `due` stay due.
    pub fn put_back(&mut self, due: &Due) {
        self.enqueue(due.index);
    }

    fn requeue(&mut self) {
        self.queue.clear();
        self.unprepared.clear();
        for index in 0..self.entries.len() {
            self.enqueue(index);
            if self
                .entries
                .get(index)
                .is_some_and(|entry| entry.following == Following::NotLookedUp)
            {
                self.unprepared.push(index);
            }
        }
    }

    fn enqueue(&mut self, index: usize) {
        let Some(entry) = self.entries.get(index) else {
            return;
        };
        if let Some(next) = entry.next {
            self.queue
                .push(Reverse((entry.schedule.dispatch_at(next), index)));
        }
    }
}

#[cfg(test)]
mod tests;
