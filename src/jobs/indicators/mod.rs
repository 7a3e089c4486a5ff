//! Job `indicators`: the values and signals of the stored final bars. Asks no upstream.
//!
//! A symbol whose series is what it was costs two small queries. New bars are pushed onto the state
//! of the newest one, restored from the bars of its windows and its anchors; a correction goes back
//! to an older such state, or to the first bar. Nothing is kept in memory between two runs, so
//! memory is bounded: the bars of the tasks in flight, and [`COMPUTATIONS`] states.

mod compute;
mod plan;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use tokio::sync::Semaphore;

use self::compute::{Beginning, Computed, Task, compute};
use self::plan::Way;
use super::{Done, Services, store_fault};
use crate::domain::{FaultClass, Symbol};
use crate::indicators::Anchors;
use crate::store::{Base, IndicatorState, SeriesVersion, SignalChanges, Stretch};
use crate::telemetry::events;
use crate::upstream::{Budget, Fault};

pub use plan::IndicatorPlan;

/// Computations at once: they are off the runtime, and the machine has other work.
static SLOTS: Semaphore = Semaphore::const_new(COMPUTATIONS);

/// How many: so many symbols' states are held at most.
pub const COMPUTATIONS: usize = 2;

/// A base farther back than this many bars is replaced: what a correction replays stays short.
const BASE_MAX_LAG: u64 = 512;

/// Signals of sessions that long ago are stored, and no news.
const NEWS_DAYS: i64 = 7;

/// Bars read beyond the window: some may be such that no indicator takes them.
const SPARE_BARS: u64 = 16;

/// Tries when another process writes the same symbol.
const ATTEMPTS: usize = 3;

pub(super) async fn perform(
    symbol: &Symbol,
    plan: IndicatorPlan,
    services: &Services,
    budget: &Budget,
) -> Result<Done, Fault> {
    let _turn = services.freshness.turn(symbol, budget).await;
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt(symbol, plan, services).await? {
            return Ok(done);
        }
    }
    let message = "another process writes the indicators of this symbol, again and again";
    Err(Fault::new(FaultClass::Store, message.to_owned()))
}

/// What follows a run: one line for what is no everyday work.
pub(super) fn after_run(plan: IndicatorPlan) {
    plan.tell_tally();
}

/// What is stored of a symbol before it is computed.
struct Known {
    state: Option<IndicatorState>,
    /// What the series is now.
    series: SeriesVersion,
    has_history: bool,
}

/// From where to compute.
enum From {
    First,
    Newest(IndicatorState),
    Older(Base),
}

/// One try; `None` when another process was faster.
async fn attempt(
    symbol: &Symbol,
    plan: IndicatorPlan,
    services: &Services,
) -> Result<Option<Done>, Fault> {
    let store = &services.store;
    let state = store.indicator_state(symbol, plan.set_id()).await;
    let state = state.map_err(store_fault)?;
    let series = store.series_version(symbol, Date::MAX).await;
    let Some(series) = series.map_err(store_fault)? else {
        return Ok(Some(Done::default()));
    };
    let kept_before = state.as_ref().is_some_and(|state| state.has_history);
    let known = Known {
        // What was kept once is kept up, whichever schedule computes.
        has_history: plan.keeps_history() || kept_before,
        state,
        series,
    };
    let is_kept_alike = known.has_history == kept_before;
    let is_same = |state: &IndicatorState| state.version.is_still(&series) && is_kept_alike;
    if known.state.as_ref().is_some_and(is_same) {
        return Ok(Some(Done::default()));
    }
    let (from, way) = from(symbol, &known, is_kept_alike, services).await?;
    let Some(computed) = computed(symbol, plan, from, known.has_history, services).await? else {
        return Ok(Some(Done::default()));
    };
    let now = services.clock.now();
    let saved = store
        .save_indicators(symbol, &computed.new, known.state.as_ref(), now)
        .await;
    let Some(changes) = saved.map_err(store_fault)? else {
        return Ok(None);
    };
    plan.note(way, changes.raised.len(), changes.withdrawn.len());
    tell(symbol, plan, way, (&computed, &changes), now);
    Ok(Some(Done {
        rows_written: changes.rows,
        rows_rejected: computed.refused.len() as u64,
    }))
}

/// The shortest way to the values of the series as it is now.
async fn from(
    symbol: &Symbol,
    known: &Known,
    is_kept_alike: bool,
    services: &Services,
) -> Result<(From, Way), Fault> {
    let Some(state) = &known.state else {
        return Ok((From::First, Way::New));
    };
    if !is_kept_alike {
        return Ok((From::First, Way::New));
    }
    let holds = async |version: SeriesVersion| {
        let until = services.store.series_version(symbol, version.last).await;
        let until = until.map_err(store_fault)?;
        Ok::<bool, Fault>(until.is_some_and(|until| version.is_still(&until)))
    };
    let base = state.base.as_ref();
    if known.series.last > state.version.last && holds(state.version).await? {
        // Its own bars are not read twice; once in some hundred sessions the base moves up.
        let lag = base.map_or(0, |base| state.version.bars - base.version.bars);
        let from = match base {
            Some(base) if lag > BASE_MAX_LAG => From::Older(base.clone()),
            _ => From::Newest(state.clone()),
        };
        return Ok((from, Way::Appended));
    }
    let from = match base {
        Some(base) if holds(base.version).await? => From::Older(base.clone()),
        _ => From::First,
    };
    Ok((from, Way::Corrected))
}

/// Reads and computes; when the stored state is of no use, from the first bar.
async fn computed(
    symbol: &Symbol,
    plan: IndicatorPlan,
    from: From,
    has_history: bool,
    services: &Services,
) -> Result<Option<Computed>, Fault> {
    let beginning = match from {
        From::First => Ok(None),
        From::Newest(state) => {
            let IndicatorState {
                version,
                anchors,
                base,
                ..
            } = state;
            beginning(symbol, plan, (version, &anchors), base, services).await?
        }
        From::Older(base) => {
            let place = (base.version, base.anchors.as_str());
            beginning(symbol, plan, place, Some(base.clone()), services).await?
        }
    };
    let reason = match beginning {
        Ok(beginning) => match run(symbol, plan, beginning, has_history, services).await? {
            Ok(computed) => return Ok(computed),
            Err(reason) => reason,
        },
        Err(reason) => reason,
    };
    events::IndicatorsStateLost {
        symbol: symbol.as_str(),
        reason: &reason,
    }
    .emit();
    let anew = run(symbol, plan, None, has_history, services).await?;
    Ok(anew.ok().flatten())
}

/// The state to begin with, and the bars that fill its windows; a reason in words when the stored
/// text cannot be read.
async fn beginning(
    symbol: &Symbol,
    plan: IndicatorPlan,
    (version, anchors): (SeriesVersion, &str),
    base: Option<Base>,
    services: &Services,
) -> Result<Result<Option<Beginning>, String>, Fault> {
    let anchors = match Anchors::of_text(anchors) {
        Ok(anchors) => anchors,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let session = Offset::UTC.to_datetime(anchors.at()).date();
    let window = plan.set().window() as u64 + SPARE_BARS;
    let window = Stretch::UpTo(session, window);
    let before = services.store.final_bars(symbol, window).await;
    Ok(Ok(Some(Beginning {
        version,
        anchors,
        before: before.map_err(store_fault)?,
        base,
    })))
}

/// One computation, off the runtime.
async fn run(
    symbol: &Symbol,
    plan: IndicatorPlan,
    beginning: Option<Beginning>,
    has_history: bool,
    services: &Services,
) -> Result<Result<Option<Computed>, String>, Fault> {
    let store = &services.store;
    // The trail first: what is replaced meanwhile makes the version differ the next time.
    let replaced = store.replaced(symbol).await.map_err(store_fault)?;
    let after = beginning.as_ref().map(|beginning| beginning.version.last);
    let later = store.final_bars(symbol, Stretch::After(after)).await;
    let task = Task {
        plan,
        beginning,
        later: later.map_err(store_fault)?,
        replaced,
        has_history,
    };
    let internal = |reason: String| Fault::new(FaultClass::Internal, reason);
    let slot = SLOTS.acquire().await;
    let slot = slot.map_err(|error| internal(error.to_string()))?;
    let computing = tokio::task::spawn_blocking(move || {
        // Held to the end, though nobody may wait for it any more.
        let _slot = slot;
        compute(&task)
    });
    computing
        .await
        .map_err(|error| internal(format!("the computation panicked: {error}")))
}

/// Says what is news: signals of the last days, and bars no indicator takes.
fn tell(
    symbol: &Symbol,
    plan: IndicatorPlan,
    way: Way,
    (computed, changes): (&Computed, &SignalChanges),
    now: Timestamp,
) {
    if let Some(first) = computed.refused.first() {
        events::IndicatorsBarsRefused {
            symbol: symbol.as_str(),
            bars: computed.refused.len() as u64,
            first_date: &first.to_string(),
        }
        .emit();
    }
    // A first load is history; the summary of the run counts it.
    if way == Way::New {
        return;
    }
    let today = Offset::UTC.to_datetime(now).date();
    let is_news = |date: Date| date >= today.saturating_sub(NEWS_DAYS.days());
    for edge in &changes.raised {
        if is_news(edge.trading_date) && plan.tells(edge.kind) {
            events::SignalRaised {
                signal: &format!("{symbol}:{}", edge.kind),
                symbol: symbol.as_str(),
                kind: edge.kind,
                trading_date: &edge.trading_date.to_string(),
                close: edge.close,
                set: plan.set_id(),
            }
            .emit();
        }
    }
    for (date, kind) in &changes.withdrawn {
        if is_news(*date) && plan.tells(kind) {
            events::SignalWithdrawn {
                symbol: symbol.as_str(),
                kind,
                trading_date: &date.to_string(),
                set: plan.set_id(),
            }
            .emit();
        }
    }
}
