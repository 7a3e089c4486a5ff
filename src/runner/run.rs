//! The work of a run: rounds of tasks until all are done or time is up.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::SignedDuration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::control::Control;
use super::fan_out::{Bounds, CutOff, fan_out};
use super::record::Recorder;
use super::{Desk, News, RunSpec};
use crate::clock;
use crate::domain::{RunState, format_span};
use crate::store::RunEnd;
use crate::telemetry::Work;
use crate::upstream::Waits;

/// Longest time for what goes before and after a run's tasks.
const SIDE_WORK: Duration = Duration::from_secs(5);

/// The run over those of its symbols that have something to do: all, when nobody can say in time. A
/// resumed run keeps its symbols, of which some are done.
pub(super) async fn narrowed(mut spec: RunSpec, desk: &Desk, control: &Control) -> RunSpec {
    if spec.is_resumed {
        return spec;
    }
    let needed = desk
        .work
        .needed(spec.assignment, &spec.symbols, spec.origin.is_planned());
    let needed = AssertUnwindSafe(tokio::time::timeout(SIDE_WORK, needed));
    if let Ok(Ok(symbols)) = needed.catch_unwind().await {
        control.set_tasks_total(symbols.len());
        spec.symbols = symbols;
    }
    spec
}

/// What follows a run that has its end; it is never in the way of one.
pub(super) async fn followed_up(spec: &RunSpec, desk: &Desk, abort: &CancellationToken) {
    let follow_up = AssertUnwindSafe(desk.work.ran(spec.assignment)).catch_unwind();
    tokio::select! {
        biased;
        () = abort.cancelled() => {}
        _ = tokio::time::timeout(SIDE_WORK, follow_up) => {}
    }
}

/// Runs all tasks of `spec`; gives the end, and what writes it to the ledger.
pub(super) async fn work<'r>(
    spec: &'r RunSpec,
    desk: &'r Desk,
    control: &Control,
    abort: &CancellationToken,
) -> (Recorder<'r>, RunEnd) {
    let started = clock::monotonic();
    let mut recorder = Recorder::start(spec, desk).await;
    let bounds = Bounds {
        deadline: started + spec.timeout,
        slow_at: spec.schedule.sla.max_runtime.map(|limit| started + limit),
        control,
        abort,
    };
    let cut_off = rounds(spec, desk, &bounds, &mut recorder).await;
    desk.meter
        .record(Work::Run, spec.assignment.name(), started.elapsed());
    let totals = recorder.totals();
    let (state, reason) = match cut_off {
        None => (totals.final_state(), None),
        Some(CutOff::Timeout) => {
            let limit = format_span(spec.timeout);
            (RunState::TimedOut, Some(format!("not done within {limit}")))
        }
        Some(CutOff::Cancel) => (
            RunState::Cancelled,
            Some(control.reason().unwrap_or("cancelled").to_owned()),
        ),
        Some(CutOff::Abort) => (
            RunState::Cancelled,
            Some("the daemon stopped before it was done".to_owned()),
        ),
    };
    let end = RunEnd {
        state,
        totals,
        duration_ms: clock::elapsed_ms(started),
        reason,
        cost: recorder.toll.so_far(),
    };
    (recorder, end)
}

/// All tasks, then as often as `retry` allows those that failed for a reason that may pass.
async fn rounds(
    spec: &RunSpec,
    desk: &Desk,
    bounds: &Bounds<'_>,
    recorder: &mut Recorder<'_>,
) -> Option<CutOff> {
    let mut symbols = recorder.unfinished();
    let mut waits = spec.schedule.retry.as_ref().map(Waits::new);
    loop {
        if let Some(cut_off) = fan_out(&symbols, spec, desk, bounds, recorder).await {
            return Some(cut_off);
        }
        symbols = recorder.worth_another_try();
        if symbols.is_empty() {
            return None;
        }
        let wait = waits.as_mut().and_then(Waits::next)?;
        let again = clock::monotonic() + wait;
        if again >= bounds.deadline || is_past_next_fire(spec, desk, wait) {
            return None;
        }
        recorder.write_some().await;
        if let Some(on_news) = &spec.on_news {
            let symbols = symbols.as_slice();
            on_news(News::Waits { symbols, wait });
        }
        if let Some(cut_off) = wait_until(again, bounds).await {
            return Some(cut_off);
        }
    }
}

/// The next fire does the same work: a repetition must not come after it.
fn is_past_next_fire(spec: &RunSpec, desk: &Desk, wait: std::time::Duration) -> bool {
    let now = desk.clock.now();
    let next = spec.schedule.next_after(now);
    let again = now.saturating_add(clock::signed(wait));
    next.zip(again.ok())
        .is_some_and(|(next, again)| again.duration_since(next) >= SignedDuration::ZERO)
}

/// Waits for the moment of the next round; gives why not, when the run is told to end meanwhile.
async fn wait_until(at: Instant, bounds: &Bounds<'_>) -> Option<CutOff> {
    tokio::select! {
        biased;
        () = bounds.abort.cancelled() => Some(CutOff::Abort),
        () = bounds.control.cancelled() => Some(CutOff::Cancel),
        () = tokio::time::sleep_until(at) => None,
    }
}
