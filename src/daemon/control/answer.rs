//! What each request comes to.

use std::collections::HashSet;

use super::ended;
use super::protocol::{
    Answer, CacheAnswer, ChangedSchedule, EndAnswer, PaceAnswer, ProgressAnswer, ReloadAnswer,
    Request, RunAnswer, ScheduleAnswer, StatusAnswer,
};
use crate::cache::Counts;
use crate::config::{Config, Difference, Problems};
use crate::daemon::live::Live;
use crate::daemon::reload::Reload;
use crate::domain::{OverlapPolicy, Pause, Provider, RunOrigin, RunState, ScheduleId, Symbol};
use crate::runner::Progress;
use crate::scheduler::{Command, Refusal, ScheduleStatus, Trigger, Triggered};
use crate::store::{RunEnd, RunRow, TaskRow};

/// A fire that waits longer than this for its verdict is late.
const LATE_MS: i64 = 5_000;

const ENDING: &str = "the daemon is ending";

/// The end of a run, once it has come; `None` when the daemon ends before.
pub(super) type Ending = futures_util::future::BoxFuture<'static, Option<Answer>>;

/// Answers one request of `asked_by`.
pub(super) async fn answer(
    live: &Live,
    request: Request,
    asked_by: &str,
) -> (Answer, Option<Ending>) {
    let answered = match request {
        Request::Trigger {
            schedule,
            symbols,
            overlap_policy,
            wait,
        } => {
            let trigger = trigger(&schedule, &symbols, overlap_policy.as_deref(), asked_by);
            return run_now(live, trigger, wait).await;
        }
        Request::Retry { run, wait } => {
            let trigger = retry(live, run, asked_by).await;
            return run_now(live, trigger, wait).await;
        }
        Request::Pause {
            schedule,
            until,
            note,
        } => pause(live, &schedule, until, note, asked_by).await,
        Request::Resume { schedule } => resume(live, &schedule).await,
        Request::Cancel { run } => cancel(live, run, asked_by).await,
        Request::Ended(run) => ended::of_another(live, &run).await,
        Request::Reload { dry_run } => reload(live, dry_run, asked_by).await,
        Request::Status => {
            let status = status(live).await.map(Box::new);
            status.map(Answer::Status).ok_or_else(ending)
        }
    };
    (answered.unwrap_or_else(|refused| refused), None)
}

fn ending() -> Answer {
    Answer::Unavailable(ENDING.to_owned())
}

fn refused(error: impl std::fmt::Display) -> Answer {
    Answer::Refused(error.to_string())
}

#[allow(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn of_refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::UnknownSchedule(_) => Answer::Refused(refusal.to_string()),
        Refusal::Store(_) => Answer::Unavailable(refusal.to_string()),
    }
}

fn schedule_id(name: &str) -> Result<ScheduleId, Answer> {
    ScheduleId::try_new(name).map_err(refused)
}

fn trigger(
    schedule: &str,
    symbols: &[String],
    overlap_policy: Option<&str>,
    asked_by: &str,
) -> Result<Trigger, Answer> {
    let mut seen = HashSet::new();
    let distinct = symbols.iter().filter(|text| seen.insert(text.as_str()));
    let parsed: Result<Vec<Symbol>, _> = distinct.map(|text| Symbol::try_new(text)).collect();
    let parsed = parsed.map_err(refused)?;
    let policy = |name: &str| {
        let found = OverlapPolicy::ALL.into_iter().find(|p| p.as_str() == name);
        found.ok_or_else(|| refused(format!("there is no overlap policy `{name}`")))
    };
    Ok(Trigger {
        schedule: schedule_id(schedule)?,
        symbols: (!parsed.is_empty()).then(|| parsed.into()),
        origin: RunOrigin::Manual,
        overlap_policy: overlap_policy.map(policy).transpose()?,
        reason: format!("triggered by {asked_by}"),
    })
}

/// The failed tasks of a run that has ended, as a run of their own.
async fn retry(live: &Live, run_id: i64, asked_by: &str) -> Result<Trigger, Answer> {
    let unavailable = |error: crate::store::StoreError| Answer::Unavailable(error.to_string());
    let run = live.store.run(run_id).await.map_err(unavailable)?;
    let Some(run) = run else {
        return Err(refused(format!("there is no run {run_id}")));
    };
    if RunState::from_name(&run.state).is_none_or(|state| !state.is_terminal()) {
        return Err(refused(format!(
            "run {run_id} is {}; it has not ended",
            run.state
        )));
    }
    if run.trigger == RunOrigin::Backfill.as_str() {
        let message = format!("run {run_id} was a backfill; repeat it with `finstage backfill`");
        return Err(refused(message));
    }
    let tasks = live.store.tasks(run_id).await.map_err(unavailable)?;
    let symbols = undone(&live.loaded().config, &run, &tasks);
    if symbols.is_empty() && !tasks.is_empty() {
        return Err(refused(format!("no task of run {run_id} failed")));
    }
    Ok(Trigger {
        schedule: schedule_id(&run.schedule)?,
        // A run that never began has no tasks: all of its schedule's are meant.
        symbols: (!symbols.is_empty()).then(|| symbols.into()),
        origin: RunOrigin::Retry,
        overlap_policy: None,
        reason: format!("retry of run {run_id} by {asked_by}"),
    })
}

/// The symbols of a run that did not succeed; of one that was cut off, those without an outcome,
/// too: what its schedule has and the run has not done.
fn undone(config: &Config, run: &RunRow, tasks: &[TaskRow]) -> Vec<Symbol> {
    let failed = tasks.iter().filter(|task| task.outcome != "succeeded");
    let mut symbols: Vec<Symbol> = failed
        .filter_map(|task| Symbol::try_new(&task.symbol).ok())
        .collect();
    let is_whole = usize::try_from(run.tasks_total).is_ok_and(|total| tasks.len() >= total);
    let was_cut_off = run.state == RunState::Abandoned.as_str() || !is_whole;
    if let Some(schedule) = config.schedule(&run.schedule).filter(|_| was_cut_off) {
        let is_told = |symbol: &&Symbol| tasks.iter().any(|t| t.symbol == symbol.as_str());
        symbols.extend(schedule.symbols.iter().filter(|s| !is_told(s)).cloned());
    }
    symbols
}

async fn run_now(
    live: &Live,
    trigger: Result<Trigger, Answer>,
    wait: bool,
) -> (Answer, Option<Ending>) {
    let trigger = match trigger {
        Ok(trigger) => trigger,
        Err(answer) => return (answer, None),
    };
    let schedule = trigger.schedule.clone();
    let own = live.loaded().config;
    let own = own.schedule(schedule.as_str());
    let symbols = trigger.symbols.as_ref();
    let tasks_total = symbols.map_or_else(|| own.map_or(0, |own| own.symbols.len()), |s| s.len());
    let triggered = live.order(|reply| Command::Trigger(trigger, reply)).await;
    let Triggered {
        run_id,
        state,
        is_waiting,
        ending,
    } = match triggered {
        Some(Ok(triggered)) => triggered,
        Some(Err(refusal)) => return (of_refusal(refusal), None),
        None => return (ending(), None),
    };
    let first = Answer::Run(RunAnswer {
        id: run_id,
        schedule: schedule.as_str().to_owned(),
        state: state.as_str().to_owned(),
        is_waiting,
        tasks_total,
    });
    let ending = ending.filter(|_| wait).map(|ending| -> Ending {
        Box::pin(async move { ending.await.ok().map(|end| ended(run_id, &end)) })
    });
    (first, ending)
}

fn ended(id: i64, end: &RunEnd) -> Answer {
    Answer::Ended(Box::new(EndAnswer {
        id,
        state: end.state.as_str().to_owned(),
        duration_ms: end.duration_ms,
        tasks_total: end.totals.tasks_total,
        tasks_succeeded: end.totals.tasks_succeeded,
        tasks_failed: end.totals.tasks_failed,
        rows_written: end.totals.rows_written,
        reason: end.reason.clone(),
    }))
}

async fn pause(
    live: &Live,
    schedule: &str,
    until: Option<jiff::Timestamp>,
    note: Option<String>,
    asked_by: &str,
) -> Result<Answer, Answer> {
    let now = live.clock.now();
    if until.is_some_and(|until| until <= now) {
        return Err(refused("the pause would end in the past"));
    }
    let pause = Pause {
        schedule: schedule_id(schedule)?,
        paused_at: now,
        until,
        note,
        paused_by: asked_by.to_owned(),
    };
    let done = live.order(|reply| Command::Pause(pause, reply)).await;
    done.ok_or_else(ending)?.map_err(of_refusal)?;
    let until = until.map_or_else(
        || "until somebody resumes it".to_owned(),
        |until| format!("until {until}"),
    );
    let words = format!("{schedule} is paused {until}; fires meanwhile are recorded as paused");
    Ok(Answer::Done(words))
}

async fn resume(live: &Live, schedule: &str) -> Result<Answer, Answer> {
    let id = schedule_id(schedule)?;
    let done = live.order(|reply| Command::Resume(id, reply)).await;
    let pause = done.ok_or_else(ending)?.map_err(of_refusal)?;
    Ok(Answer::Done(match pause {
        Some(pause) => format!("{schedule} is resumed; it was {}", pause.reason()),
        None => format!("{schedule} was not paused"),
    }))
}

async fn cancel(live: &Live, run_id: i64, asked_by: &str) -> Result<Answer, Answer> {
    if live
        .runner
        .cancel(run_id, &format!("cancelled by {asked_by}"))
    {
        let words = format!("run {run_id} is being cancelled; tasks in flight have their grace");
        return Ok(Answer::Done(words));
    }
    let found = live.store.run(run_id).await;
    let found = found.map_err(|error| Answer::Unavailable(error.to_string()))?;
    Err(refused(match found {
        Some(run) => format!(
            "run {run_id} is not going on in this daemon; its state is {}",
            run.state
        ),
        None => format!("there is no run {run_id}"),
    }))
}

async fn reload(live: &Live, dry_run: bool, asked_by: &str) -> Result<Answer, Answer> {
    let rejected =
        |problems: Problems| Answer::Rejected(problems.iter().map(ToString::to_string).collect());
    let cause = format!("asked by {asked_by}");
    let read = if dry_run {
        live.look_at_file().await
    } else {
        live.reload(&cause).await
    };
    let Reload {
        difference, lints, ..
    } = read.map_err(rejected)?;
    Ok(Answer::Reloaded(Box::new(reload_answer(
        dry_run,
        &difference,
        &lints,
    ))))
}

fn reload_answer(dry_run: bool, difference: &Difference, lints: &Problems) -> ReloadAnswer {
    let names = |ids: &[ScheduleId]| ids.iter().map(ToString::to_string).collect();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    ReloadAnswer {
        dry_run,
        added: names(&difference.added),
        removed: names(&difference.removed),
        changed: difference
            .changed
            .iter()
            .map(|(id, keys)| ChangedSchedule {
                schedule: id.to_string(),
                keys: texts(keys),
            })
            .collect(),
        sections: texts(&difference.sections),
        needs_restart: texts(&difference.needs_restart),
        lints: lints.iter().map(ToString::to_string).collect(),
    }
}

/// How the daemon stands; `None` when it is ending.
pub(in crate::daemon) async fn status(live: &Live) -> Option<StatusAnswer> {
    let plan = live.plan_status().await?;
    let loaded = live.loaded();
    let schedules: Vec<ScheduleAnswer> = plan.schedules.iter().map(schedule_answer).collect();
    let is_late = plan.store_down_ms.is_some()
        || schedules
            .iter()
            .any(|schedule| ["late", "stale"].contains(&schedule.state.as_str()));
    Some(StatusAnswer {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        epoch: live.epoch.0,
        started_at: live.started_at,
        config_file: loaded.config.file.display().to_string(),
        config_loaded_at: loaded.at,
        config_problems: loaded.problems,
        store_down_ms: plan.store_down_ms,
        planner_age_ms: live.pulse.age_ms(),
        is_late,
        schedules,
        runs: live.runner.progress().iter().map(progress_answer).collect(),
        cache: live.answers.as_ref().map(|all| cache_answer(all.counts())),
        paces: paces(live),
    })
}

/// The bound is that of the start: a reload does not change it.
fn paces(live: &Live) -> Vec<PaceAnswer> {
    let paces = live.upstream.paces().into_iter();
    paces
        .map(|(provider, pace_rps)| PaceAnswer {
            max_rps: Provider::from_name(provider)
                .map_or(pace_rps, |one| live.at_start.upstream(one).max_rps),
            provider: provider.to_owned(),
            pace_rps,
        })
        .collect()
}

fn cache_answer(counts: Counts) -> CacheAnswer {
    CacheAnswer {
        hits: counts.hits,
        negative_hits: counts.negative_hits,
        misses: counts.misses,
        loads: counts.loads,
        load_errors: counts.load_errors,
        shared: counts.shared,
        stale: counts.stale,
        evictions: counts.evictions,
        backend_errors: counts.backend_errors,
        bytes: counts.bytes,
        entries: counts.entries,
    }
}

fn schedule_answer(status: &ScheduleStatus) -> ScheduleAnswer {
    let state = if !status.enabled {
        "disabled"
    } else if status.pause.is_some() {
        "paused"
    } else if status.overdue_ms > LATE_MS {
        "late"
    } else if status.stale_since.is_some() {
        "stale"
    } else if status.running > 0 {
        "running"
    } else {
        "ok"
    };
    ScheduleAnswer {
        schedule: status.id.to_string(),
        state: state.to_owned(),
        next: status.next,
        after: status.after.as_ref().map(ToString::to_string),
        overdue_ms: status.overdue_ms,
        running: status.running,
        waiting: status.waiting,
        paused_until: status.pause.as_ref().and_then(|pause| pause.until),
        paused_because: status.pause.as_ref().map(Pause::reason),
    }
}

fn progress_answer(progress: &Progress) -> ProgressAnswer {
    ProgressAnswer {
        id: progress.run_id,
        schedule: progress.schedule.to_string(),
        trigger: progress.origin.as_str().to_owned(),
        scheduled_for: progress.scheduled_for,
        started_at: progress.started_at,
        tasks_total: progress.tasks_total,
        tasks_done: progress.tasks_done,
    }
}
