//! Things that are allowed and probably not meant.

mod alerts;
mod gaps;
mod pace;
mod providers;
mod reach;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use toml::de::DeTable;

use super::problem::{Problem, Severity, Source};
use super::settings::Config;
use crate::domain::{CronExpr, Schedule, ScheduleId, SessionCalendar, Trigger};

/// A calendar that ends within this time is told of.
const CALENDAR_NOTICE: SignedDuration = SignedDuration::from_hours(60 * 24);

/// All lints of a configuration without problems, and what only the whole of it shows to be one.
pub(super) fn check(
    config: &Config,
    source: &Source<'_>,
    root: &DeTable<'_>,
    now: Timestamp,
) -> Vec<Problem> {
    let mut lints = Vec::new();
    let mut gaps = gaps::Gaps::since(now);
    let mut pace = pace::Pace::default();
    for schedule in &config.schedules {
        let span = place(root, schedule.id.as_str());
        if let Some((message, hint)) = providers::mixture(schedule, config) {
            lints.push(source.problem(Severity::Error, span.clone(), message, hint));
        }
        for found in reach::check(schedule, root) {
            let (message, hint) = (found.message, found.hint);
            lints.push(source.problem(found.severity, found.span, message, hint));
        }
        let mut lint = |message: String, hint: String| {
            lints.push(source.problem(Severity::Lint, span.clone(), message, hint));
        };
        if let Trigger::Cron(crons) = &schedule.trigger {
            for cron in crons {
                cron_lints(cron, &mut lint);
                gaps.check(cron, &schedule.timezone, &mut lint);
            }
        }
        pace.check(schedule, config, &mut lint);
        if let Some((span, message)) = idle_jitter(schedule, root) {
            let hint = "remove it: a follower begins when its leader has ended".to_owned();
            lints.push(source.problem(Severity::Lint, span, message, hint));
        }
    }
    for (span, message, hint) in alerts::check(config, root) {
        lints.push(source.problem(Severity::Lint, span, message, hint));
    }
    let mut lint = |schedule: &ScheduleId, message, hint| {
        let span = place(root, schedule.as_str());
        lints.push(source.problem(Severity::Lint, span, message, hint));
    };
    led_by_nobody(config, &mut lint);
    calendar_lints(config, now, &mut lint);
    providers::check(config, &mut lint);
    lints
}

fn place(root: &DeTable<'_>, id: &str) -> std::ops::Range<usize> {
    let schedules = root
        .get("schedules")
        .and_then(|value| value.get_ref().as_table());
    schedules
        .and_then(|table| table.get_key_value(id))
        .map_or(0..0, |(key, _)| key.span())
}

fn cron_lints(cron: &CronExpr, lint: &mut impl FnMut(String, String)) {
    let fields: Vec<&str> = cron.as_str().split_ascii_whitespace().collect();
    if let (6, Some(&"*")) = (fields.len(), fields.first()) {
        lint(
            format!("cron `{cron}` fires every second of the minutes it matches"),
            "write 0 as the first field to fire once a minute".to_owned(),
        );
    }
    let days = fields
        .len()
        .checked_sub(3)
        .and_then(|at| fields.get(at))
        .copied();
    let restricted = |field: Option<&str>| field.is_some_and(|f| f != "*" && f != "?");
    if restricted(days) && restricted(fields.last().copied()) && fields.len() >= 5 {
        lint(
            format!("cron `{cron}` fires on the days of the month and also on the weekdays"),
            "cron joins the two by OR; leave one of them at *".to_owned(),
        );
    }
}

/// A follower's own `jitter` does nothing; that of the defaults is for others.
fn idle_jitter(schedule: &Schedule, root: &DeTable<'_>) -> Option<(Range<usize>, String)> {
    let leader = schedule.trigger.leader()?;
    let id = schedule.id.as_str();
    let schedules = root.get("schedules")?.get_ref().as_table()?;
    let table = schedules.get(id)?.get_ref().as_table()?;
    let (key, _) = table.get_key_value("jitter")?;
    let message = format!("`jitter` of `{id}` does nothing: it runs after `{leader}`");
    Some((key.span(), message))
}

/// A schedule that runs after a disabled one is never due.
fn led_by_nobody(config: &Config, mut lint: impl FnMut(&ScheduleId, String, String)) {
    for schedule in config.schedules.iter().filter(|schedule| schedule.enabled) {
        let leader = schedule.trigger.leader();
        let leader = leader.and_then(|leader| config.schedule(leader.as_str()));
        if let Some(leader) = leader.filter(|leader| !leader.enabled) {
            lint(
                &schedule.id,
                format!(
                    "`{}` is never due: `{}`, which it runs after, is disabled",
                    schedule.id, leader.id
                ),
                "disable it too, or let it run after another or by a time of its own".to_owned(),
            );
        }
    }
}

/// Calendars of `config` whose holidays are known for 60 more days at most, each once, with the
/// first schedule that uses it.
pub(super) fn ending_calendars(
    config: &Config,
    now: Timestamp,
) -> Vec<(&Arc<SessionCalendar>, &ScheduleId)> {
    let mut told = HashSet::new();
    let ends_soon = |calendar: &SessionCalendar| {
        let notice = now.saturating_add(CALENDAR_NOTICE).unwrap_or(now);
        let soon = notice.to_zoned(calendar.zone().clone()).date();
        calendar.valid_through().is_some_and(|end| end < soon)
    };
    let named = config
        .schedules
        .iter()
        .filter_map(|schedule| Some((schedule.calendar.as_ref()?, &schedule.id)));
    named
        .filter(|(calendar, _)| ends_soon(calendar) && told.insert(calendar.code()))
        .collect()
}

/// A calendar that ends soon knows no holidays afterwards; told once for each.
fn calendar_lints(
    config: &Config,
    now: Timestamp,
    mut lint: impl FnMut(&ScheduleId, String, String),
) {
    for (calendar, schedule) in ending_calendars(config, now) {
        let (code, end) = (calendar.code(), calendar.valid_through());
        let end = end.map(|end| end.to_string()).unwrap_or_default();
        lint(
            schedule,
            format!("the holidays of `{code}` are known through {end} only"),
            format!("update finstage, or add them: [calendars.{code}] holidays and valid_through"),
        );
    }
}
