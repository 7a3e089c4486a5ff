//! The end of a run that another process did (`once`, `backfill`): what runs after it is due.

use super::protocol::{Answer, EndedRun};
use crate::daemon::live::Live;
use crate::domain::{RunState, ScheduleId};
use crate::runner::Ended;
use crate::scheduler::Command;
use crate::store::RunRow;

/// Believes the ledger only: the run is looked up there.
pub(super) async fn of_another(live: &Live, told: &EndedRun) -> Result<Answer, Answer> {
    let (run_id, schedule) = (told.run, told.schedule.as_str());
    let run = live.store.run(run_id).await;
    let run = run.map_err(|error| Answer::Unavailable(error.to_string()))?;
    let Some(run) = run.filter(|run| is_that(run, told)) else {
        let words = format!(
            "the database of the daemon that answers has no run {run_id} of {schedule} for {}: it is \
             another one",
            told.scheduled_for
        );
        return Err(Answer::Refused(words));
    };
    let state = RunState::from_name(&run.state);
    let (Some(state), Some(finished_at)) = (state, run.finished_at) else {
        let words = format!("run {run_id} is {}; it has not ended", run.state);
        return Err(Answer::Refused(words));
    };
    let id = ScheduleId::try_new(schedule).map_err(|error| Answer::Refused(error.to_string()))?;
    let followers = if state.has_done_some() {
        live.loaded().config.followers(schedule).join(", ")
    } else {
        String::new()
    };
    let ended = Ended {
        schedule: id,
        state,
        scheduled_for: run.scheduled_for,
        finished_at,
    };
    // A planner that has ended hears nothing: the next start finds the run.
    let _ = live.commands.send(Command::Ended(ended));
    Ok(Answer::Done(followers))
}

/// The column keeps less than an instant has; runs that people ask for have whole milliseconds.
fn is_that(run: &RunRow, told: &EndedRun) -> bool {
    run.schedule == told.schedule
        && run.scheduled_for.as_millisecond() == told.scheduled_for.as_millisecond()
}
