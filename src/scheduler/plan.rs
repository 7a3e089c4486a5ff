//! Which schedule is due next: a heap over the schedules, no I/O, no clock of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::clock::signed;
use crate::domain::{MisfirePolicy, Schedule};

/// Fires of one schedule that get a row each when many are due at once; of more, the newest.
const MAX_CATCHUP_FIRES: usize = 10_000;

/// Fires nobody was there for are recorded as missed this far back, whatever the catch-up window.
const RECORD_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

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
}

struct Entry {
    schedule: Arc<Schedule>,
    /// Every fire up to here has its verdict.
    decided_until: Timestamp,
}

/// The schedules with their next fires.
pub struct Plan {
    entries: Vec<Entry>,
    // (instant of dispatch, index): the jitter is in the key, never in the fire.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl Plan {
    /// Plans the enabled ones of `schedules`. `latest` holds the newest fire of each schedule that
    /// the ledger knows: fires after it are still to be decided.
    ///
    /// Of a schedule the ledger has never seen, the newest fire within the catch-up window is due
    /// at once: a first start brings data now and not tomorrow evening.
    pub fn new(
        schedules: &[Schedule],
        latest: &BTreeMap<String, Timestamp>,
        now: Timestamp,
    ) -> Self {
        let entries = schedules
            .iter()
            .filter(|schedule| schedule.enabled)
            .map(|schedule| Entry {
                schedule: Arc::new(schedule.clone()),
                decided_until: decided_until(schedule, latest.get(schedule.id.as_str()), now),
            })
            .collect();
        let mut plan = Self {
            entries,
            queue: BinaryHeap::new(),
        };
        for index in 0..plan.entries.len() {
            plan.enqueue(index);
        }
        plan
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

    /// Takes all schedules due at `now` out of the queue; each must come back by [`Self::decided`]
    /// or [`Self::put_back`].
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some(Reverse((at, index))) = self.queue.peek().copied() {
            if at > now {
                break;
            }
            self.queue.pop();
            let Some(entry) = self.entries.get(index) else {
                continue;
            };
            let jitter = signed(entry.schedule.jitter_offset());
            let until = now.saturating_sub(jitter).unwrap_or(now);
            let (fires, unlisted) = newest_fires(&entry.schedule, entry.decided_until, until);
            due.push(Due {
                index,
                schedule: Arc::clone(&entry.schedule),
                fires,
                unlisted,
            });
        }
        due
    }

    /// All fires of `due` are in the ledger.
    pub fn decided(&mut self, due: &Due) {
        if let (Some(entry), Some(last)) = (self.entries.get_mut(due.index), due.fires.last()) {
            entry.decided_until = entry.decided_until.max(*last);
        }
        self.enqueue(due.index);
    }

    /// The wall clock was stepped back to `now`: what was decided for instants that come again is
    /// in the ledger, so deciding starts over from here.
    pub fn rebase(&mut self, now: Timestamp) {
        for entry in &mut self.entries {
            entry.decided_until = entry.decided_until.min(now);
        }
        self.queue.clear();
        for index in 0..self.entries.len() {
            self.enqueue(index);
        }
    }

    /// The ledger could not be asked: the fires of `due` stay due.
    pub fn put_back(&mut self, due: &Due) {
        self.enqueue(due.index);
    }

    fn enqueue(&mut self, index: usize) {
        let Some(entry) = self.entries.get(index) else {
            return;
        };
        if let Some(next) = entry.schedule.next_after(entry.decided_until) {
            let jitter = signed(entry.schedule.jitter_offset());
            let dispatch = next.saturating_add(jitter).unwrap_or(next);
            self.queue.push(Reverse((dispatch, index)));
        }
    }
}

fn decided_until(schedule: &Schedule, latest: Option<&Timestamp>, now: Timestamp) -> Timestamp {
    let window = signed(schedule.catchup_window);
    let jitter = signed(schedule.jitter_offset());
    let back = |span: SignedDuration| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
    if let Some(latest) = latest {
        // A row from the future (the clock was wrong once) must not silence the schedule.
        return (*latest).min(now).max(back(RECORD_WINDOW.max(window)));
    }
    if schedule.misfire_policy == MisfirePolicy::Skip {
        return now;
    }
    let instant = SignedDuration::from_nanos(1);
    schedule
        .latest_between(back(window.saturating_add(jitter)), now)
        .and_then(|newest| newest.checked_sub(instant).ok())
        .unwrap_or(now)
}

/// The newest fires in `(from, until]`, oldest first, and whether there were more.
fn newest_fires(schedule: &Schedule, from: Timestamp, until: Timestamp) -> (Vec<Timestamp>, bool) {
    // Look back twice as far each time: a week of one fire a second is not walked through.
    let mut back = SignedDuration::from_mins(2);
    loop {
        let start = until.saturating_sub(back).unwrap_or(from).max(from);
        let mut newest = VecDeque::new();
        let mut overflowed = false;
        let mut at = start;
        while let Some(fire) = schedule.next_after(at).filter(|fire| *fire <= until) {
            if newest.len() == MAX_CATCHUP_FIRES {
                newest.pop_front();
                overflowed = true;
            }
            newest.push_back(fire);
            at = fire;
        }
        if start == from || newest.len() == MAX_CATCHUP_FIRES {
            return (newest.into(), overflowed || start > from);
        }
        back = back.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Trigger;
    use crate::scheduler::decide::tests::every_minute;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn seen(latest: &str) -> BTreeMap<String, Timestamp> {
        BTreeMap::from([("s".to_owned(), at(latest))])
    }

    fn texts(fires: &[Timestamp]) -> Vec<String> {
        fires.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_schedule_never_seen_is_due_at_once_for_its_newest_fire_only() {
        let now = at("2026-01-05T10:00:30Z");
        let mut plan = Plan::new(&[every_minute()], &BTreeMap::new(), now);
        let due = plan.take_due(now);
        assert_eq!(texts(&due[0].fires), ["2026-01-05T10:00:00Z"]);
        plan.decided(&due[0]);
        assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T10:01:00Z")));
    }

    #[test]
    fn fires_since_the_last_row_are_due_within_the_catch_up_window() {
        let now = at("2026-01-05T10:00:30Z");
        let mut plan = Plan::new(&[every_minute()], &seen("2026-01-05T09:57:00Z"), now);
        let due = plan.take_due(now);
        let expected = [
            "2026-01-05T09:58:00Z",
            "2026-01-05T09:59:00Z",
            "2026-01-05T10:00:00Z",
        ];
        assert_eq!(texts(&due[0].fires), expected);
        assert!(!due[0].unlisted);
    }

    #[test]
    fn a_month_of_missed_seconds_is_bounded_and_quickly_found() {
        let trigger = Trigger::Every {
            period: Duration::from_secs(1),
            offset: Duration::ZERO,
        };
        let window = Duration::from_hours(24 * 7);
        let schedule = Schedule {
            trigger,
            catchup_window: window,
            ..every_minute()
        };
        let now = at("2026-01-05T10:00:00Z");
        let mut plan = Plan::new(&[schedule], &seen("2025-12-01T00:00:00Z"), now);
        let due = plan.take_due(now);
        assert_eq!(due[0].fires.len(), MAX_CATCHUP_FIRES);
        assert_eq!(due[0].fires.last(), Some(&now));
        assert!(due[0].unlisted);
    }

    #[test]
    fn a_daily_fire_missed_outside_the_catch_up_window_is_due_for_its_verdict_all_the_same() {
        let trigger = Trigger::Every {
            period: Duration::from_hours(24),
            offset: Duration::ZERO,
        };
        let schedule = Schedule {
            trigger,
            ..every_minute()
        };
        let now = at("2026-01-06T05:00:00Z");
        let mut plan = Plan::new(&[schedule], &seen("2026-01-05T00:00:00Z"), now);
        assert_eq!(
            texts(&plan.take_due(now)[0].fires),
            ["2026-01-06T00:00:00Z"]
        );
    }

    #[test]
    fn a_row_from_the_future_does_not_silence_its_schedule() {
        let now = at("2026-01-05T10:00:30Z");
        let plan = Plan::new(&[every_minute()], &seen("2030-01-01T00:00:00Z"), now);
        assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T10:01:00Z")));
    }

    #[test]
    fn what_is_put_back_stays_due() {
        let now = at("2026-01-05T10:00:30Z");
        let mut plan = Plan::new(&[every_minute()], &BTreeMap::new(), now);
        let due = plan.take_due(now);
        assert!(plan.take_due(now).is_empty());
        plan.put_back(&due[0]);
        assert_eq!(plan.take_due(now)[0].fires, due[0].fires);
    }

    #[test]
    fn a_clock_that_goes_back_is_followed_and_not_waited_for() {
        let now = at("2026-01-06T10:00:30Z");
        let mut plan = Plan::new(&[every_minute()], &BTreeMap::new(), now);
        let due = plan.take_due(now);
        plan.decided(&due[0]);
        let yesterday = at("2026-01-05T10:00:30Z");
        assert!(plan.take_due(yesterday).is_empty());
        plan.rebase(yesterday);
        assert_eq!(plan.next_dispatch(), Some(at("2026-01-05T10:01:00Z")));
    }

    #[test]
    fn a_disabled_schedule_is_not_planned() {
        let schedule = Schedule {
            enabled: false,
            ..every_minute()
        };
        assert!(Plan::new(&[schedule], &BTreeMap::new(), Timestamp::UNIX_EPOCH).is_empty());
    }
}
