//! Which fires of a schedule are due after an absence, without walking through all of it.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::{MAX_CATCHUP_FIRES, RECORD_WINDOW};
use crate::clock::signed;
use crate::domain::{MisfirePolicy, Schedule};

/// Up to where the fires of a schedule that is planned anew have their verdict.
pub(super) fn decided_until(
    schedule: &Schedule,
    latest: Option<&Timestamp>,
    now: Timestamp,
) -> Timestamp {
    let window = signed(schedule.catchup_window);
    let jitter = signed(schedule.jitter_offset());
    let back = |span: SignedDuration| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
    if let Some(latest) = latest {
        // A row from the future (the clock was wrong once) must not silence the schedule.
        return (*latest).min(now).max(back(RECORD_WINDOW.max(window)));
    }
    // A fire less late than the threshold is no misfire.
    let window = if schedule.misfire_policy == MisfirePolicy::Skip {
        signed(schedule.misfire_threshold)
    } else {
        window
    };
    if schedule.trigger.leader().is_some() {
        // Its instants are those of runs that have ended: they are looked for in the ledger.
        return back(window);
    }
    let instant = SignedDuration::from_nanos(1);
    schedule
        .latest_between(back(window.saturating_add(jitter)), now)
        .and_then(|newest| newest.checked_sub(instant).ok())
        .unwrap_or(now)
}

/// The newest fires in `(from, until]`, oldest first, and whether there were more.
pub(super) fn newest_fires(
    schedule: &Schedule,
    from: Timestamp,
    until: Timestamp,
) -> (Vec<Timestamp>, bool) {
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
