//! `finstage next`.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::course::Course;
use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;
use crate::domain::Schedule;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this schedule
    id: Option<String>,
    /// Fires to show
    #[arg(short, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    n: u16,
    /// Fires after this instant instead of now, e.g. 2027-03-13T00:00:00Z
    #[arg(long, value_name = "T")]
    from: Option<Timestamp>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// One planned fire.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    schedule: String,
    scheduled_for: Timestamp,
    local: String,
    timezone: String,
    dst: Option<&'static str>,
    /// The schedule after whose run of that instant it runs.
    after: Option<String>,
    /// Why it will be recorded and not run.
    holiday: Option<String>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let from = args.from.unwrap_or_else(|| Clock::system().now());
    let chosen: Vec<&Arc<Schedule>> = match &args.id {
        Some(id) => vec![open::schedule(&config, id)?],
        None => config
            .schedules
            .iter()
            .filter(|schedule| schedule.enabled)
            .collect(),
    };
    let limit = usize::from(args.n);
    let courses: Vec<Course<'_>> = chosen.iter().map(|one| Course::of(&config, one)).collect();
    let fires = courses.iter().flat_map(|one| fires_of(one, from, limit));
    let mut rows: Vec<Row> = fires.collect();
    rows.sort_by(|a, b| (a.scheduled_for, &a.schedule).cmp(&(b.scheduled_for, &b.schedule)));
    rows.truncate(limit);
    show(&rows, args.json);
    courses.iter().for_each(say_if_led_by_nobody);
    Ok(Exit::Success)
}

/// Says that a schedule is not due as long as one it runs after is disabled.
pub(super) fn say_if_led_by_nobody(course: &Course<'_>) {
    if let Some(leader) = course.disabled_leader() {
        let id = &course.own().id;
        output::say(&format!(
            "{id} is not due: {leader}, which it runs after, is disabled"
        ));
    }
}

/// The next `limit` fires of a schedule after `from`, those on holidays marked; none while one it
/// runs after is disabled.
pub(super) fn fires_of(course: &Course<'_>, from: Timestamp, limit: usize) -> Vec<Row> {
    if course.disabled_leader().is_some() {
        return Vec::new();
    }
    let own = course.own();
    let (name, zone) = (own.id.as_str(), &own.timezone);
    let mut rows = fires(name, |at| course.next_after(at), zone, from, limit);
    for row in &mut rows {
        row.holiday = course.holiday(row.scheduled_for);
        row.after = course.leader().map(ToString::to_string);
    }
    rows
}

/// The next `limit` fires after `from`.
pub(super) fn fires(
    name: &str,
    next_after: impl Fn(Timestamp) -> Option<Timestamp>,
    zone: &TimeZone,
    from: Timestamp,
    limit: usize,
) -> Vec<Row> {
    let mut rows = Vec::with_capacity(limit);
    let mut at = from;
    while let Some(next) = next_after(at).filter(|_| rows.len() < limit) {
        rows.push(Row {
            schedule: name.to_owned(),
            scheduled_for: next,
            local: output::local(next, zone),
            timezone: zone.iana_name().unwrap_or("UTC").to_owned(),
            dst: dst_mark(at, next, zone),
            after: None,
            holiday: None,
        });
        at = next;
    }
    rows
}

/// Says when the zone's offset has changed since the fire before.
fn dst_mark(before: Timestamp, at: Timestamp, zone: &TimeZone) -> Option<&'static str> {
    let (old, new) = (
        zone.to_offset(before).seconds(),
        zone.to_offset(at).seconds(),
    );
    match new.cmp(&old) {
        std::cmp::Ordering::Greater => Some("clock went forward"),
        std::cmp::Ordering::Less => Some("clock went back"),
        std::cmp::Ordering::Equal => None,
    }
}

fn note(row: &Row) -> String {
    let holiday = row.holiday.as_ref().map(|why| format!("not run: {why}"));
    let after = row
        .after
        .as_ref()
        .map(|leader| format!("once {leader} has run"));
    let notes = row.dst.map(str::to_owned).into_iter();
    let notes = notes.chain(holiday).chain(after);
    notes.collect::<Vec<_>>().join("; ")
}

/// Prints fires as a table or as JSON.
pub(super) fn show(rows: &[Row], json: bool) {
    if json {
        output::print_json(rows);
        return;
    }
    let cells = rows.iter().map(|row| {
        vec![
            row.schedule.clone(),
            row.local.clone(),
            output::utc(row.scheduled_for),
            note(row),
        ]
    });
    output::print(&output::table(
        &["schedule", "local", "utc", "note"],
        &[],
        cells.collect(),
    ));
}
