//! Whether a provider is worth asking first: one that was out of order for several tasks in a row
//! rests for a while, then a single task tries it.

use std::time::Duration;

use tokio::time::Instant;

/// Tasks in a row a provider has to fail before it rests.
const FAILED_TASKS: u32 = 3;

/// The first rest; doubled each time the one that tries it fails, too.
const FIRST_REST: Duration = Duration::from_secs(30);

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_mins(10);

/// What a task's outcome has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It rests for this long; told once, not each time a try fails.
    Unusable(Duration),
    /// It answers again.
    Usable,
}

/// How the last tasks fared with one provider. A value: time is an argument.
#[derive(Debug, Default)]
pub(super) struct Health {
    failed_tasks: u32,
    resting: Option<Rest>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Instant,
    length: Duration,
    /// Whether somebody has been let through since it began.
    is_tried: bool,
}

impl Health {
    /// Whether to ask now. After a rest one caller is told yes, the others go on resting until its
    /// outcome is noted, or for as long again.
    pub(super) fn may_ask(&mut self, now: Instant) -> bool {
        match &mut self.resting {
            None => true,
            Some(rest) if now < rest.until => false,
            Some(rest) => {
                rest.until = now + rest.length;
                rest.is_tried = true;
                true
            }
        }
    }

    /// Whether it rests, or is being tried after a rest.
    pub(super) fn is_resting(&self) -> bool {
        self.resting.is_some()
    }

    /// It gave an answer, be it that it does not know the symbol.
    pub(super) fn answered(&mut self) -> Option<Change> {
        self.failed_tasks = 0;
        self.resting.take().map(|_| Change::Usable)
    }

    /// It could not be asked, or its answer was of no use.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Change> {
        self.failed_tasks = self.failed_tasks.saturating_add(1);
        if self.failed_tasks < FAILED_TASKS {
            return None;
        }
        let Some(rest) = &mut self.resting else {
            let length = FIRST_REST;
            self.resting = Some(Rest {
                until: now + length,
                length,
                is_tried: false,
            });
            return Some(Change::Unusable(length));
        };
        // Tasks that were under way when the rest began do not prolong it.
        if std::mem::take(&mut rest.is_tried) {
            rest.length = (rest.length * 2).min(LONGEST_REST);
            rest.until = now + rest.length;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_make_it_rest_and_it_is_told_once() {
        let start = clock::monotonic();
        let mut health = Health::default();
        assert_eq!(health.failed(start), None);
        assert_eq!(health.failed(start), None);
        assert_eq!(health.answered(), None, "not in a row");
        let told: Vec<_> = (0..5).filter_map(|_| health.failed(start)).collect();
        assert_eq!(told, [Change::Unusable(FIRST_REST)]);
        assert!(!health.may_ask(start + FIRST_REST / 2));
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_rest_one_task_tries_and_the_others_go_on_resting() {
        let start = clock::monotonic();
        let mut health = Health::default();
        for _ in 0..3 {
            health.failed(start);
        }
        let later = start + FIRST_REST;
        assert!(health.may_ask(later));
        assert!(!health.may_ask(later));
        assert_eq!(health.failed(later), None, "told already");
        assert!(
            !health.may_ask(later + FIRST_REST),
            "it rests twice as long"
        );
        let again = later + FIRST_REST * 2;
        assert!(health.may_ask(again));
        assert_eq!(health.answered(), Some(Change::Usable));
        assert!(health.may_ask(again) && health.may_ask(again));
    }
}
