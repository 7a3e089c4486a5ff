//! Things that are allowed and probably not meant.

use std::time::Duration;

use jiff::Timestamp;
use toml::de::DeTable;

use super::problem::{Problem, Severity, Source};
use super::settings::Config;
use crate::domain::{CronExpr, Schedule, Trigger, format_span};

/// Fires looked at to find a schedule's shortest period.
const FIRES_LOOKED_AT: usize = 8;

/// An arbitrary fixed week: lints must not depend on the day they are run.
const REFERENCE: Timestamp = Timestamp::constant(1_767_571_200, 0);

/// All lints of a valid configuration.
pub(super) fn check(config: &Config, source: &Source<'_>, root: &DeTable<'_>) -> Vec<Problem> {
    let mut lints = Vec::new();
    for schedule in &config.schedules {
        let span = place(root, schedule.id.as_str());
        let mut lint = |message: String, hint: String| {
            lints.push(source.problem(Severity::Lint, span.clone(), message, hint));
        };
        if let Trigger::Cron(crons) = &schedule.trigger {
            for cron in crons {
                cron_lints(cron, &mut lint);
            }
        }
        budget_lints(schedule, config, &mut lint);
    }
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

fn budget_lints(schedule: &Schedule, config: &Config, lint: &mut impl FnMut(String, String)) {
    let Some(period) = shortest_period(schedule) else {
        return;
    };
    if schedule.jitter >= period {
        lint(
            format!(
                "the jitter of `{}` is not shorter than its period",
                schedule.id
            ),
            format!(
                "it fires every {}; keep the jitter below that",
                format_span(period)
            ),
        );
    }
    #[allow(clippy::cast_precision_loss, reason = "a number of symbols")]
    let needed = Duration::from_secs_f64(schedule.symbols.len() as f64 / config.yahoo.max_rps);
    if needed > period {
        lint(
            format!(
                "`{}` asks for {} symbols every {}, but at {} requests/s that takes {}",
                schedule.id,
                schedule.symbols.len(),
                format_span(period),
                config.yahoo.max_rps,
                format_span(needed),
            ),
            "fire less often, name fewer symbols, or raise [upstream.yahoo] max_rps".to_owned(),
        );
    } else if needed > schedule.timeout {
        lint(
            format!(
                "a run of `{}` needs {} at {} requests/s, its timeout is {}",
                schedule.id,
                format_span(needed),
                config.yahoo.max_rps,
                format_span(schedule.timeout),
            ),
            "raise the schedule's timeout or [upstream.yahoo] max_rps".to_owned(),
        );
    }
}

fn shortest_period(schedule: &Schedule) -> Option<Duration> {
    let mut shortest = None;
    let mut at = schedule.next_after(REFERENCE)?;
    for _ in 0..FIRES_LOOKED_AT {
        let Some(next) = schedule.next_after(at) else {
            break;
        };
        let gap = Duration::try_from(next.duration_since(at)).ok()?;
        shortest = Some(shortest.map_or(gap, |least: Duration| least.min(gap)));
        at = next;
    }
    shortest
}
