//! What a schedule wants computed, checked and made ready once for all its runs.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::IndicatorChoice;
use crate::indicators::{Anchors, Bar, IndicatorSet, Indicators, ResumeError};
use crate::telemetry::events;

/// A choice of indicators, ready to be computed. There is one of each choice in a process: equal
/// choices are the same plan, and what a configuration once named stays (a few hundred bytes).
#[derive(Clone, Copy)]
pub struct IndicatorPlan(&'static Inner);

struct Inner {
    choice: IndicatorChoice,
    set_id: String,
    /// Before the first bar: constants are shared by all symbols.
    ground: Indicators,
    tally: Tally,
}

/// What tasks have done since it was told last.
#[derive(Default)]
struct Tally {
    new: AtomicU64,
    corrected: AtomicU64,
    raised: AtomicU64,
    withdrawn: AtomicU64,
}

/// How a task came by its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the first bar, for the first time.
    New,
    /// Only new bars came.
    Appended,
    /// Bars were corrected.
    Corrected,
}

static PLANS: Mutex<Vec<&'static Inner>> = Mutex::new(Vec::new());

impl IndicatorPlan {
    /// The plan of a choice the configuration has checked.
    pub fn of(choice: &IndicatorChoice) -> Self {
        let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = plans.iter().find(|plan| plan.choice == *choice) {
            return Self(known);
        }
        // Unchecked parameters never come here; were it so, the default is at least a set.
        let set = IndicatorSet::try_new(&choice.parameters).unwrap_or_default();
        let plan: &'static Inner = Box::leak(Box::new(Inner {
            choice: choice.clone(),
            set_id: format!("{:016x}", set.identity_hash()),
            ground: Indicators::new(&set),
            tally: Tally::default(),
        }));
        plans.push(plan);
        Self(plan)
    }

    /// The key of its set in the tables.
    pub fn set_id(self) -> &'static str {
        &self.0.set_id
    }

    /// Its set.
    pub fn set(self) -> &'static IndicatorSet {
        self.0.ground.set()
    }

    pub(super) fn keeps_history(self) -> bool {
        self.0.choice.history
    }

    pub(super) fn tells(self, kind: &str) -> bool {
        self.0.choice.tell.contains(&kind)
    }

    /// A state before the first bar.
    pub(super) fn ground(self) -> Indicators {
        self.0.ground.sibling()
    }

    /// The state that never stopped, from its anchors and the bars of its windows.
    pub(super) fn resumed(
        self,
        anchors: &Anchors,
        bars: &[Bar],
    ) -> Result<Indicators, ResumeError> {
        self.0.ground.resumed(anchors, bars)
    }

    /// How many symbols' states are held at this moment: none between two tasks.
    pub fn states(self) -> usize {
        self.0.ground.siblings().saturating_sub(1)
    }

    pub(super) fn note(self, way: Way, raised: usize, withdrawn: usize) {
        let tally = &self.0.tally;
        let add = |sum: &AtomicU64, count: usize| sum.fetch_add(count as u64, Ordering::Relaxed);
        match way {
            Way::New => add(&tally.new, 1),
            Way::Corrected => add(&tally.corrected, 1),
            Way::Appended => return,
        };
        add(&tally.raised, raised);
        add(&tally.withdrawn, withdrawn);
    }

    /// Says in one line what is no everyday work.
    pub(super) fn tell_tally(self) {
        let tally = &self.0.tally;
        let take = |sum: &AtomicU64| sum.swap(0, Ordering::Relaxed);
        let (symbols_new, symbols_corrected) = (take(&tally.new), take(&tally.corrected));
        let (signals_raised, signals_withdrawn) = (take(&tally.raised), take(&tally.withdrawn));
        if symbols_new + symbols_corrected > 0 {
            events::IndicatorsComputed {
                set: self.set_id(),
                symbols_new,
                symbols_corrected,
                signals_raised,
                signals_withdrawn,
            }
            .emit();
        }
    }
}

impl PartialEq for IndicatorPlan {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for IndicatorPlan {}

impl fmt::Debug for IndicatorPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IndicatorPlan")
            .field(&self.0.choice)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_choices_are_one_plan_and_others_are_not() {
        let usual = IndicatorPlan::of(&IndicatorChoice::default());
        assert_eq!(usual, IndicatorPlan::of(&IndicatorChoice::default()));
        let kept = IndicatorPlan::of(&IndicatorChoice {
            history: true,
            ..IndicatorChoice::default()
        });
        assert_ne!(usual, kept);
        assert_eq!(usual.set_id(), kept.set_id(), "the same numbers");
        assert_eq!(usual.set_id().len(), 16);
    }
}
