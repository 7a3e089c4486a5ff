//! The computation itself: bars in, values, signals and the state to go on from out. Pure.

use jiff::civil::Date;

use super::plan::IndicatorPlan;
use crate::indicators::{Anchors, Bar, Indicators, Row};
use crate::store::{
    Base, IndicatorRow, IndicatorState, NewIndicators, Replaced, SeriesVersion, SignalEdge,
    VersionedBar,
};

/// The base lies this many bars before the newest one: corrections are mostly younger.
const BASE_LAG: usize = 64;

/// Where a computation begins.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The series up to there.
    pub(super) version: SeriesVersion,
    /// The state there.
    pub(super) anchors: Anchors,
    /// The bars up to there that fill the windows, oldest first.
    pub(super) before: Vec<VersionedBar>,
    /// A base that may stay what it is.
    pub(super) base: Option<Base>,
}

/// All a computation needs.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) plan: IndicatorPlan,
    /// Absent: the first bar.
    pub(super) beginning: Option<Beginning>,
    /// The bars to compute, oldest first.
    pub(super) later: Vec<VersionedBar>,
    /// Bars that were replaced or removed one by one.
    pub(super) replaced: Replaced,
    pub(super) has_history: bool,
}

/// What has come of it.
pub(super) struct Computed {
    pub(super) new: NewIndicators,
    /// Sessions whose bar was refused.
    pub(super) refused: Vec<Date>,
}

/// Computes; `None` when there is no bar to speak of, an error in words when the beginning is of no
/// use.
pub(super) fn compute(task: &Task) -> Result<Option<Computed>, String> {
    let beginning = task.beginning.as_ref();
    let mut state = match beginning {
        Some(beginning) => resume(task.plan, beginning)?,
        None => task.plan.ground(),
    };
    let mut version = beginning.map(|beginning| beginning.version);
    let mut base = beginning.and_then(|beginning| beginning.base.clone());
    let mut out = Output::new(task);
    let base_at = task.later.len().checked_sub(BASE_LAG + 1);
    for (place, one) in task.later.iter().enumerate() {
        let date = one.bar.session;
        let grown = grown(version, one, &task.replaced);
        version = Some(grown);
        match state.push(&one.bar) {
            Ok(row) => out.take(&one.bar, row),
            Err(_) => out.refused.push(date),
        }
        if base_at == Some(place)
            && let Some(anchors) = state.anchors()
        {
            base = Some(Base {
                version: grown,
                anchors: anchors.to_text(),
            });
        }
    }
    let (Some(version), Some(anchors), Some((date, close))) = (version, state.anchors(), out.last)
    else {
        // What a resumption brings are windows and sums, not the values of its last bar.
        return match beginning {
            Some(_) => Err("there is no good bar after it".to_owned()),
            None => Ok(None),
        };
    };
    let state_now = IndicatorState {
        version,
        anchors: anchors.to_text(),
        base,
        has_history: task.has_history,
    };
    let latest = row_of(task.plan, date, close, state.row());
    Ok(Some(Computed {
        refused: out.refused,
        new: NewIndicators {
            set_id: task.plan.set_id().to_owned(),
            set_text: task.plan.set().identity(),
            after: beginning.map(|beginning| beginning.version.last),
            latest,
            state: state_now,
            signals: out.signals,
            history: out.history,
        },
    }))
}

/// The state at the beginning: exactly the one that never stopped, or an error.
fn resume(plan: IndicatorPlan, beginning: &Beginning) -> Result<Indicators, String> {
    let bars = beginning.before.iter().map(|one| one.bar);
    let bars: Vec<Bar> = bars.filter(Bar::is_sound).collect();
    let resumed = plan.resumed(&beginning.anchors, &bars);
    resumed.map_err(|error| error.to_string())
}

/// The version of the series with one more bar.
fn grown(version: Option<SeriesVersion>, one: &VersionedBar, replaced: &Replaced) -> SeriesVersion {
    let last = one.bar.session;
    let replaced = replaced.until(last);
    match version {
        None => SeriesVersion {
            first: last,
            last,
            bars: 1,
            revisions: one.revision,
            replaced,
        },
        Some(before) => SeriesVersion {
            last,
            bars: before.bars + 1,
            revisions: before.revisions + one.revision,
            replaced,
            ..before
        },
    }
}

struct Output {
    plan: IndicatorPlan,
    has_history: bool,
    signals: Vec<SignalEdge>,
    history: Vec<IndicatorRow>,
    refused: Vec<Date>,
    last: Option<(Date, f64)>,
}

impl Output {
    fn new(task: &Task) -> Self {
        Self {
            plan: task.plan,
            has_history: task.has_history,
            signals: Vec::new(),
            history: Vec::new(),
            refused: Vec::new(),
            last: None,
        }
    }

    fn take(&mut self, bar: &Bar, row: &Row) {
        self.last = Some((bar.session, bar.close));
        self.signals
            .extend(row.signals().iter().map(|signal| SignalEdge {
                trading_date: bar.session,
                kind: signal.name(),
                close: bar.close,
            }));
        if self.has_history {
            self.history
                .push(row_of(self.plan, bar.session, bar.close, row));
        }
    }
}

fn row_of(plan: IndicatorPlan, trading_date: Date, close: f64, row: &Row) -> IndicatorRow {
    let names = plan.set().columns().iter().cloned();
    IndicatorRow {
        trading_date,
        close,
        values: names.zip(row.values()).collect(),
    }
}
