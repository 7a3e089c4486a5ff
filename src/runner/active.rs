//! Which schedules have runs going on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ScheduleId;

/// A count of runs per schedule.
#[derive(Debug, Clone, Default)]
pub(super) struct Active(Arc<Mutex<HashMap<ScheduleId, u64>>>);

/// One run's place in the count; leaves when dropped, however the run ended.
#[derive(Debug)]
pub(super) struct Presence {
    active: Active,
    schedule: ScheduleId,
}

impl Active {
    fn lock(&self) -> MutexGuard<'_, HashMap<ScheduleId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self, schedule: &ScheduleId) -> Presence {
        *self.lock().entry(schedule.clone()).or_default() += 1;
        Presence {
            active: self.clone(),
            schedule: schedule.clone(),
        }
    }

    pub(super) fn contains(&self, schedule: &ScheduleId) -> bool {
        self.lock().contains_key(schedule)
    }

    pub(super) fn len(&self) -> u64 {
        self.lock().values().sum()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut counts = self.active.lock();
        if let Some(count) = counts.get_mut(&self.schedule) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.schedule);
            }
        }
    }
}
