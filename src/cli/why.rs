//! `finstage why`: what became of a fire, from the ledger and the plan.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::course::Course;
use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;
use crate::domain::{RunState, Schedule};
use crate::store::{RunRow, Store};

/// Rows looked at around the instant asked for.
const NEAR: SignedDuration = SignedDuration::from_hours(24);

/// The same of the schedule it runs after.
const LED_NEAR: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schedule
    id: String,
    /// The instant asked about: UTC (2026-11-22T21:00:00Z) or local to the schedule's zone
    /// (2026-11-22T16:00) [default: the newest fire that was due]
    #[arg(long, value_name = "T")]
    at: Option<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// What is known about one fire.
#[derive(Debug, Serialize)]
struct Answer {
    schedule: String,
    /// The planned instant the answer is about.
    scheduled_for: Timestamp,
    local: String,
    /// In words.
    because: String,
    /// Its row.
    run: Option<RunRow>,
    /// Planned instants before and after.
    before: Option<Timestamp>,
    after: Option<Timestamp>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let schedule = open::schedule(&config, &args.id)?;
    let now = Clock::system().now();
    let course = Course::of(&config, schedule);
    let asked = match &args.at {
        Some(text) => instant(text, schedule)?,
        None => newest_due(&course, now)?,
    };
    let answer = open::small_runtime()?.block_on(async {
        let (rows, led) = match open::store_if_there(&config).await? {
            Some(store) => {
                let led = match course.leader() {
                    Some(leader) => runs_near(&store, leader.as_str(), asked, LED_NEAR).await?,
                    None => Vec::new(),
                };
                (runs_near(&store, &args.id, asked, NEAR).await?, led)
            }
            None => (Vec::new(), Vec::new()),
        };
        Ok(explain(&course, asked, (&rows, &led), now))
    })?;
    if args.json {
        output::print_json(&answer);
    } else {
        show(&answer);
    }
    Ok(Exit::Success)
}

/// The runs of a schedule up to `near` before and after `asked`.
async fn runs_near(
    store: &Store,
    id: &str,
    asked: Timestamp,
    near: SignedDuration,
) -> Result<Vec<RunRow>, Exit> {
    let around = |span| asked.saturating_add(span).unwrap_or(asked);
    let rows = store.runs_between(id, around(-near), around(near));
    rows.await.map_err(open::store_failed)
}

fn instant(text: &str, schedule: &Schedule) -> Result<Timestamp, Exit> {
    let local = || {
        let time = text.parse::<jiff::civil::DateTime>().ok()?;
        let zoned = time.to_zoned(schedule.timezone.clone()).ok()?;
        Some(zoned.timestamp())
    };
    text.parse().ok().or_else(local).ok_or_else(|| {
        output::complain(&format!(
            "`{text}` is not an instant; write 2026-11-22T21:00:00Z, or 2026-11-22T16:00 for {} \
             time",
            schedule.timezone_name()
        ));
        Exit::Usage
    })
}

fn newest_due(course: &Course<'_>, now: Timestamp) -> Result<Timestamp, Exit> {
    let year = SignedDuration::from_hours(366 * 24);
    let from = now.saturating_sub(year).unwrap_or(Timestamp::MIN);
    course.latest_between(from, now).ok_or_else(|| {
        let id = &course.own().id;
        output::complain(&format!("{id} has not been due for a year"));
        Exit::Usage
    })
}

/// The fire at `asked`, or the one asked about most likely: a row nearby, the next planned instant.
/// `led` are the runs of the schedule it runs after.
fn explain(
    course: &Course<'_>,
    asked: Timestamp,
    (rows, led): (&[RunRow], &[RunRow]),
    now: Timestamp,
) -> Answer {
    let schedule = course.own();
    let second = SignedDuration::from_secs(1);
    let just_before = |at: Timestamp| at.saturating_sub(second).unwrap_or(at);
    let planned = course
        .next_after(just_before(asked))
        .filter(|at| at.duration_since(asked) < SignedDuration::from_mins(1));
    let row = row_at(rows, planned, asked);
    let led = row_at(led, planned, asked);
    let scheduled_for = row
        .or(led)
        .map(|row| row.scheduled_for)
        .or(planned)
        .unwrap_or(asked);
    let because = match (row, planned) {
        (Some(row), _) => of_row(row),
        (None, _) if course.leader().is_some() => not_followed(course, led, scheduled_for, now),
        (None, None) => not_planned(schedule, asked),
        (None, Some(at)) => no_row(schedule, at, rows, now),
    };
    let day = SignedDuration::from_hours(366 * 24);
    let from = asked.saturating_sub(day).unwrap_or(Timestamp::MIN);
    Answer {
        schedule: schedule.id.to_string(),
        scheduled_for,
        local: output::local(scheduled_for, &schedule.timezone),
        because,
        run: row.cloned(),
        before: course.latest_between(from, just_before(scheduled_for)),
        after: course.next_after(scheduled_for),
    }
}

/// The row of the planned instant, else the nearest within a minute.
fn row_at(rows: &[RunRow], planned: Option<Timestamp>, asked: Timestamp) -> Option<&RunRow> {
    let apart = |row: &RunRow| row.scheduled_for.duration_since(asked).abs();
    match planned {
        // The fire itself, and not a run somebody asked for at about that time.
        Some(at) => rows.iter().find(|row| row.scheduled_for == at),
        None => rows
            .iter()
            .filter(|row| apart(row) < SignedDuration::from_mins(1))
            .min_by_key(|row| apart(row)),
    }
}

/// Why a follower has no row: what became of the run it would follow.
fn not_followed(
    course: &Course<'_>,
    led: Option<&RunRow>,
    at: Timestamp,
    now: Timestamp,
) -> String {
    let (own, leader) = (course.own(), course.leader());
    let leader = leader.map_or("", |leader| leader.as_str());
    if !own.enabled {
        return "the schedule is disabled (enabled = false)".to_owned();
    }
    if let Some(disabled) = course.disabled_leader() {
        return format!("it runs after {leader}, and {disabled} is disabled (enabled = false)");
    }
    let Some(led) = led else {
        let comes = if at > now {
            "it is still to come: "
        } else {
            ""
        };
        return format!(
            "{comes}it runs once {leader} has, which has no run for that instant; ask \
             `finstage why {leader} --at {at}`"
        );
    };
    let run = led.id;
    let why = led.reason.as_ref().map(|reason| format!(": {reason}"));
    let why = why.unwrap_or_default();
    match RunState::from_name(&led.state) {
        Some(RunState::Claimed | RunState::Running) => {
            format!(
                "it runs once {leader} has: run {run} of it is {}",
                led.state
            )
        }
        Some(state) if state.is_unrun() => {
            format!(
                "there was nothing to run after: {leader} was not run ({}{why})",
                led.state
            )
        }
        Some(RunState::Abandoned) => format!(
            "run {run} of {leader} was cut off with its daemon and is abandoned{why}; if a task of it \
             had written rows, the next start of a daemon runs what comes after it, else there is \
             nothing to run after"
        ),
        Some(state) if !state.has_done_some() => format!(
            "there was nothing to run after: run {run} of {leader} is {}{why}",
            led.state
        ),
        _ => format!(
            "run {run} of {leader} is {} and has no run after it: no daemon has heard of its end, \
             or the schedule is newer. The next start of a daemon makes it good",
            led.state
        ),
    }
}

fn of_row(row: &RunRow) -> String {
    let late = if row.lateness_ms > 0 {
        format!(", {} late", output::duration_ms(row.lateness_ms))
    } else {
        String::new()
    };
    let why = row.reason.as_ref().map(|reason| format!(": {reason}"));
    let why = why.unwrap_or_default();
    match RunState::from_name(&row.state) {
        Some(
            RunState::SkippedOverlap | RunState::Missed | RunState::Paused | RunState::Holiday,
        ) => {
            format!("it was not run, but recorded as {}{why}", row.state)
        }
        Some(RunState::Claimed) => {
            format!("it is claimed and has not begun (run {}){why}", row.id)
        }
        Some(RunState::Running) => format!("it is running (run {}{late}){why}", row.id),
        _ => format!(
            "it ran (run {}{late}) and {}: {} of {} symbols{why}",
            row.id, row.state, row.tasks_succeeded, row.tasks_total
        ),
    }
}

fn not_planned(schedule: &Schedule, asked: Timestamp) -> String {
    if schedule.starts_at.is_some_and(|start| asked < start) {
        return "the schedule had not started (starts_at)".to_owned();
    }
    if schedule.expires_at.is_some_and(|end| asked >= end) {
        return "the schedule had expired (expires_at)".to_owned();
    }
    format!("it is not planned: the schedule fires {}", schedule.trigger)
}

fn no_row(schedule: &Schedule, at: Timestamp, rows: &[RunRow], now: Timestamp) -> String {
    if !schedule.enabled {
        return "the schedule is disabled (enabled = false)".to_owned();
    }
    if schedule.dispatch_at(at) > now {
        let holiday = schedule.holiday(at);
        return match holiday {
            Some(closed) => format!("it is still to come, and will not be run: {closed}"),
            None => "it is still to come".to_owned(),
        };
    }
    let is_after_others = rows.iter().any(|row| row.scheduled_for < at);
    let is_before_others = rows.iter().any(|row| row.scheduled_for > at);
    match (is_after_others, is_before_others) {
        (true, true) => {
            "it was due and has no row, though rows before and after it have: the schedule's times \
             were probably changed since"
        }
        (false, true) => {
            "it was due before the ledger's first row near it: the schedule was not there yet, or \
             [history] has removed the row"
        }
        (_, false) => {
            "it was due and no daemon has recorded it: none was running then, or the schedule is newer. \
             What was missed is recorded at a start, seven days back at most"
        }
    }
    .to_owned()
}

fn show(answer: &Answer) {
    output::print(&format!(
        "{} at {} ({}):",
        answer.schedule,
        answer.local,
        output::utc(answer.scheduled_for)
    ));
    output::print(&output::with_colored_states(&format!(
        "  {}",
        answer.because
    )));
    if let Some(run) = answer.run.as_ref().filter(|run| run.tasks_failed > 0) {
        output::print(&format!("  see: finstage runs --tasks {}", run.id));
    }
    let told = |at: Option<Timestamp>| at.map_or_else(|| "none".to_owned(), output::utc);
    output::print(&format!(
        "  planned before: {}, after: {}",
        told(answer.before),
        told(answer.after)
    ));
}
