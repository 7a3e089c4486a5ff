//! Which fires must have a row: the rules of docs/schedules.md, told independently of the planner.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use finstage::clock::{self, signed};
use finstage::domain::{MisfirePolicy, Schedule, ScheduleId};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::books::Books;
use super::journal::Journal;

/// Fires nobody was there for are recorded this far back at least.
const RECORD_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A tick that began so long ago is over, when the ledger answers.
const SETTLED: Duration = Duration::from_secs(15);

/// Looks that are remembered.
const LOOKS: usize = 64;

/// After which instant every fire of a schedule is accounted for in this life.
#[derive(Default)]
pub(crate) struct Dues {
    since: BTreeMap<ScheduleId, Timestamp>,
    looks: VecDeque<(Instant, Timestamp)>,
    pub(crate) checked: u64,
}

impl Dues {
    pub(crate) fn begin_life(&mut self) {
        self.since.clear();
        self.looks.clear();
    }

    /// The planner plans the schedule at its start; `latest` is its newest row up to now.
    pub(crate) fn planned(&mut self, one: &Schedule, latest: Option<Timestamp>, now: Timestamp) {
        if !one.enabled {
            return;
        }
        let window = signed(one.catchup_window);
        let since = match latest {
            Some(latest) => latest.max(now - RECORD_WINDOW.max(window)),
            None if one.misfire_policy == MisfirePolicy::Skip => now,
            None => first_start(one, now),
        };
        self.since.insert(one.id.clone(), since);
    }

    /// The schedule of a running planner is replaced.
    pub(crate) fn replaced(&mut self, old: Option<&Schedule>, new: &Schedule, now: Timestamp) {
        let goes_on = old.is_some_and(|old| old.enabled && old.has_timing_of(new));
        if !new.enabled {
            self.since.remove(&new.id);
        } else if !goes_on || !self.since.contains_key(&new.id) {
            self.since.insert(new.id.clone(), now);
        }
    }

    pub(crate) fn removed(&mut self, id: &ScheduleId) {
        self.since.remove(id);
    }

    /// The planner looks at the clock; gives whether it was stepped back.
    pub(crate) fn looked(&mut self, now: Timestamp) -> bool {
        let is_back = self.looks.back().is_some_and(|(_, last)| now < *last);
        if is_back {
            for since in self.since.values_mut() {
                *since = now.min(*since);
            }
        }
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((clock::monotonic(), now));
        is_back
    }

    /// Up to when everything must have been decided, when the ledger answers.
    fn settled(&self) -> Option<Timestamp> {
        let before = clock::monotonic().checked_sub(SETTLED)?;
        let old = self.looks.iter().rposition(|(at, _)| *at <= before)?;
        self.looks.iter().skip(old).map(|(_, now)| *now).min()
    }

    /// Every due fire has a row.
    pub(crate) fn check(
        &mut self,
        schedules: &BTreeMap<ScheduleId, Arc<Schedule>>,
        books: &Books,
        journal: &mut Journal,
    ) {
        let Some(until) = self.settled() else {
            return;
        };
        for (id, since) in &mut self.since {
            let Some(one) = schedules.get(id) else {
                continue;
            };
            while let Some(fire) = one.next_after(*since) {
                if one.dispatch_at(fire) > until {
                    break;
                }
                self.checked += 1;
                if books.row_of(id, fire).is_none() {
                    journal.violated(&format!("{id}: the fire of {fire} has no row at {until}"));
                }
                *since = fire;
            }
        }
    }
}

/// A first start owes the newest fire of the catch-up window, and all after it.
fn first_start(one: &Schedule, now: Timestamp) -> Timestamp {
    let back = signed(one.catchup_window + one.jitter_offset());
    let mut at = now - back;
    let mut newest = None;
    while let Some(fire) = one.next_after(at).filter(|fire| *fire <= now) {
        newest = Some(fire);
        at = fire;
    }
    newest.map_or(now, |fire| fire - SignedDuration::from_nanos(1))
}
