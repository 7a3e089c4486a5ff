//! Who goes next: live work before backfill, first come first served within a lane, and for a
//! probe somebody whose symbol is known to be good.

use std::collections::{BTreeMap, BTreeSet};

/// So many live requests go before one of a backfill that waits.
const LIVE_PER_BACKFILL: u32 = 9;

/// What a request is for. Live work goes first; of ten requests, one is a backfill's if one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lane {
    /// The run of a schedule, or a person who waits.
    #[default]
    Live,
    /// History that nobody waits for.
    Backfill,
}

/// One lane, in order of arrival.
#[derive(Debug)]
struct Queue<T> {
    waiting: BTreeMap<u64, T>,
    /// Those of them whose symbol is known to be good.
    good: BTreeSet<u64>,
}

/// Everybody who waits. A place in it is a number drawn on arrival, smallest first; it may be left
/// and taken again.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    live: Queue<T>,
    backfill: Queue<T>,
    /// Live requests that went while a backfill waited, since the last of a backfill.
    live_in_a_row: u32,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            good: BTreeSet::new(),
        }
    }
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            live: Queue::default(),
            backfill: Queue::default(),
            live_in_a_row: 0,
        }
    }
}

impl<T> Lanes<T> {
    fn queue(&mut self, lane: Lane) -> &mut Queue<T> {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Backfill => &mut self.backfill,
        }
    }

    /// Takes the place `number` in its lane.
    pub(super) fn join(&mut self, lane: Lane, number: u64, is_good: bool, waiter: T) {
        let queue = self.queue(lane);
        queue.waiting.insert(number, waiter);
        if is_good {
            queue.good.insert(number);
        }
    }

    /// Gives the place up, without having gone.
    pub(super) fn quit(&mut self, lane: Lane, number: u64) {
        let queue = self.queue(lane);
        queue.waiting.remove(&number);
        queue.good.remove(&number);
    }

    /// The one that is next goes.
    pub(super) fn go(&mut self, lane: Lane, number: u64) {
        self.quit(lane, number);
        self.live_in_a_row = match lane {
            Lane::Live if !self.backfill.waiting.is_empty() => self.live_in_a_row + 1,
            Lane::Live | Lane::Backfill => 0,
        };
    }

    /// The next in order.
    pub(super) fn next(&self) -> Option<(u64, &T)> {
        let live = self.live.waiting.first_key_value();
        let backfill = self.backfill.waiting.first_key_value();
        let next = if self.live_in_a_row >= LIVE_PER_BACKFILL {
            backfill.or(live)
        } else {
            live.or(backfill)
        };
        next.map(|(number, waiter)| (*number, waiter))
    }

    /// The next to try for all: one with a good symbol, if any waits.
    pub(super) fn next_probe(&self) -> Option<(u64, &T)> {
        let good = |queue: &'_ Queue<T>| queue.good.first().copied();
        let find = |number: u64| {
            let live = self.live.waiting.get(&number);
            live.or_else(|| self.backfill.waiting.get(&number))
                .map(|waiter| (number, waiter))
        };
        good(&self.live)
            .or_else(|| good(&self.backfill))
            .and_then(find)
            .or_else(|| self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(live: u64, backfill: u64) -> Lanes<()> {
        let mut lanes = Lanes::default();
        // The backfill was there first.
        for number in 0..backfill {
            lanes.join(Lane::Backfill, number, false, ());
        }
        for number in backfill..backfill + live {
            lanes.join(Lane::Live, number, false, ());
        }
        lanes
    }

    fn drain(lanes: &mut Lanes<()>, backfill: u64) -> Vec<u64> {
        std::iter::from_fn(|| {
            let (number, ()) = lanes.next()?;
            let lane = if number < backfill {
                Lane::Backfill
            } else {
                Lane::Live
            };
            lanes.go(lane, number);
            Some(number)
        })
        .collect()
    }

    #[test]
    fn live_work_goes_first_but_every_tenth_is_a_backfills_and_each_lane_keeps_its_order() {
        let order = drain(&mut lanes(90, 20), 20);
        let (backfill, live): (Vec<u64>, Vec<u64>) = order.iter().partition(|n| **n < 20);
        assert!(backfill.is_sorted() && live.is_sorted());
        assert_eq!(order.len(), 110);
        for (place, number) in order.iter().take(100).enumerate() {
            assert_eq!(*number < 20, place % 10 == 9, "place {place}");
        }
    }

    #[test]
    fn a_backfill_alone_has_the_whole_pace_and_saves_up_no_claim() {
        let mut lanes = lanes(50, 0);
        for number in 0..30 {
            lanes.go(Lane::Live, number);
        }
        lanes.join(Lane::Backfill, 100, false, ());
        assert_eq!(lanes.next().unwrap().0, 30, "nine live ones after it came");
        for number in 30..50 {
            lanes.quit(Lane::Live, number);
        }
        assert_eq!(lanes.next().unwrap().0, 100);
    }

    #[test]
    fn a_probe_is_of_a_good_symbol_if_one_waits_and_else_of_whoever_is_next() {
        let mut lanes = lanes(3, 2);
        assert_eq!(lanes.next_probe().unwrap().0, 2);
        lanes.join(Lane::Backfill, 7, true, ());
        assert_eq!(lanes.next_probe().unwrap().0, 7);
        lanes.join(Lane::Live, 9, true, ());
        assert_eq!(lanes.next_probe().unwrap().0, 9);
        lanes.quit(Lane::Live, 9);
        lanes.quit(Lane::Backfill, 7);
        assert_eq!(lanes.next_probe().unwrap().0, 2);
    }
}
