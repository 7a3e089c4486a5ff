//! Runs a person asked for, in this process: `once` and `backfill`.

use std::sync::Arc;
use std::time::Duration;

use super::assembly::{Assembly, StartError};
use super::shutdown::{Ended, Signals, drain};
use crate::clock::Clock;
use crate::domain::{Fire, RunOrigin, RunState, Schedule, Symbol};
use crate::jobs::Assignment;
use crate::runner::{Admission, OnNews, RunSpec};
use crate::store::{Claim, RunEnd};

/// How long the task in flight may finish after a Ctrl-C.
const MANUAL_DRAIN: Duration = Duration::ZERO;

/// Tries to find an instant nobody has used for the same schedule.
const CLAIM_ATTEMPTS: usize = 100;

/// What to run.
pub struct ManualRun<'a> {
    /// Whose run it is.
    pub schedule: &'a Arc<Schedule>,
    /// What made it due.
    pub origin: RunOrigin,
    /// What to do.
    pub assignment: Assignment,
    /// For which symbols.
    pub symbols: Arc<[Symbol]>,
    /// Bound on the run.
    pub timeout: Duration,
    /// Who watches it.
    pub on_news: Option<OnNews>,
}

/// What came of it.
#[derive(Debug)]
pub struct ManualEnd {
    /// The run's number in its database.
    pub run_id: i64,
    /// The instant it was planned for.
    pub scheduled_for: jiff::Timestamp,
    /// How it ended.
    pub end: RunEnd,
}

/// Claims and runs it. Ctrl-C ends it with its records closed.
pub async fn run_manually(
    assembly: &Assembly,
    run: ManualRun<'_>,
    clock: &Clock,
) -> Result<ManualEnd, StartError> {
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let (run_id, scheduled_for) = claim(assembly, &run, clock).await?;
    let spec = RunSpec {
        run_id,
        schedule: Arc::clone(run.schedule),
        scheduled_for,
        origin: run.origin,
        assignment: run.assignment,
        symbols: run.symbols,
        timeout: run.timeout,
        lateness_ms: 0,
        is_resumed: false,
        is_awaited: true,
        on_news: run.on_news,
    };
    let mut ending = assembly.runner.admit(spec, Admission::Beside);
    let end = tokio::select! {
        end = &mut ending => end,
        _ = signals.next() => {
            match drain(&assembly.runner, MANUAL_DRAIN, &mut signals).await {
                Ended::ByThemselves | Ended::Aborted(_) => ending.await,
            }
        }
    };
    let end = end.unwrap_or_else(|error| RunEnd {
        state: RunState::Failed,
        totals: crate::domain::RunTotals::default(),
        duration_ms: 0,
        reason: Some(format!("the run itself failed: {error}")),
        cost: None,
    });
    Ok(ManualEnd {
        run_id,
        scheduled_for,
        end,
    })
}

/// A manual run is planned for "now"; whole seconds are left to the schedules' own fires.
async fn claim(
    assembly: &Assembly,
    run: &ManualRun<'_>,
    clock: &Clock,
) -> Result<(i64, jiff::Timestamp), StartError> {
    let schedule = run.schedule.id.clone();
    let now = clock.now();
    let mut at_ms = now.as_millisecond();
    for _ in 0..CLAIM_ATTEMPTS {
        at_ms += i64::from(at_ms % 1_000 == 0);
        let scheduled_for = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(now);
        let claim = Claim {
            fire: Fire {
                schedule: schedule.clone(),
                scheduled_for,
            },
            job: run.schedule.job,
            origin: run.origin,
            state: RunState::Claimed,
            lateness_ms: 0,
            reason: None,
        };
        let ours = assembly
            .services
            .store
            .claim(&[claim], assembly.epoch, now)
            .await?;
        if let Some(Some(ours)) = ours.first()
            && ours.is_open
        {
            return Ok((ours.run_id, scheduled_for));
        }
        at_ms += 1;
    }
    Err(StartError::Store(crate::store::StoreError::Timeout {
        what: "the claim of a manual run",
        after: Duration::ZERO,
    }))
}
