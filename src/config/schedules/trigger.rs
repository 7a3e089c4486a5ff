//! When a schedule fires, as the file says it: `cron`, `every`, `at` or `after`.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::config::calendars::Chosen;
use crate::config::problem::closest;
use crate::config::reader::{At, Table};
use crate::domain::{ScheduleId, SessionCalendar, SessionMoment, Trigger};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// The ways to say when; exactly one is used.
const WAYS: [&str; 4] = ["cron", "every", "at", "after"];

pub(super) fn read(table: &Table<'_>, calendar: &Chosen) -> Option<Trigger> {
    let context = table.context();
    let used: Vec<&str> = WAYS.into_iter().filter(|way| table.has(way)).collect();
    let offset = table.time_span("offset", Duration::ZERO, 7 * DAY);
    if offset.is_some() && !used.contains(&"every") {
        let message = "`offset` goes with `every` only".to_owned();
        let hint = "remove it; to spread load use `jitter`, after a session `at = \"close+30m\"`";
        context.error(table.span(), message, hint);
    }
    match *used.as_slice() {
        ["every"] => {
            let period = table.time_span("every", SECOND, 366 * DAY)?;
            let offset = offset.unwrap_or_default();
            if offset >= period {
                let message = "`offset` must be shorter than `every`".to_owned();
                context.error(table.span(), message, "");
                return None;
            }
            Some(Trigger::Every { period, offset })
        }
        ["at"] => moments(table, calendar),
        ["after"] => after(table),
        [_] => crons(table),
        [] => {
            let message = format!(
                "{} does not say when: no `cron`, `every`, `at` or `after`",
                table.name()
            );
            let hint = "cron = \"*/5 9-16 * * MON-FRI\", every = \"15m\" or at = \"close+30m\"";
            context.missing(table.span(), message, hint);
            None
        }
        [first, second, ..] => {
            let message = format!("{} has both `{first}` and `{second}`", table.name());
            context.error(table.span(), message, "keep one of them");
            None
        }
    }
}

/// Whether there is such a schedule is asked when all are read.
fn after(table: &Table<'_>) -> Option<Trigger> {
    let text = table.text("after")?;
    ScheduleId::try_new(text.value).ok().map(Trigger::After)
}

fn moments(table: &Table<'_>, calendar: &Chosen) -> Option<Trigger> {
    let context = table.context();
    let texts = table.texts("at")?;
    let mut moments = Vec::with_capacity(texts.len());
    for At { value, span } in &texts {
        match SessionMoment::try_new(value) {
            Ok(moment) => moments.push(moment),
            Err(error) => context.error(span.clone(), error.to_string(), ""),
        }
    }
    let calendar: Arc<SessionCalendar> = match calendar {
        Chosen::Named(calendar) => Arc::clone(calendar),
        // Its own problem is told already.
        Chosen::Broken => return None,
        Chosen::None => {
            let message = format!("`at` in {} needs a calendar", table.name());
            let hint = "add calendar = \"XNYS\" (the market's MIC), here or in [defaults]";
            context.missing(table.span(), message, hint);
            return None;
        }
    };
    let is_whole = moments.len() == texts.len() && !moments.is_empty();
    is_whole.then_some(Trigger::Session { moments, calendar })
}

fn crons(table: &Table<'_>) -> Option<Trigger> {
    let context = table.context();
    let before = context.count();
    let texts = table.texts("cron")?;
    if texts.is_empty() && context.count() == before {
        let message = format!("`cron` in {} is an empty list", table.name());
        context.error(table.span(), message, "cron = \"*/5 9-16 * * MON-FRI\"");
    }
    let mut list = Vec::with_capacity(texts.len());
    for At { value, span } in &texts {
        match context.cron(value) {
            Ok(cron) => list.push(cron),
            Err(error) => context.error(
                span.clone(),
                error.to_string(),
                format!("try it out: finstage explain \"{value}\""),
            ),
        }
    }
    (list.len() == texts.len() && !list.is_empty()).then_some(Trigger::Cron(list))
}

pub(in crate::config) fn timezone(table: &Table<'_>) -> Option<TimeZone> {
    let text = table.text("timezone")?;
    let context = table.context();
    // Abbreviations are ambiguous (IST: India, Israel, Ireland) and know no summer time.
    let regional = text.value.contains('/') || text.value == "UTC";
    if let (true, Ok(zone)) = (regional, TimeZone::get(text.value)) {
        return Some(zone);
    }
    let known: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect();
    let regions = known
        .iter()
        .map(String::as_str)
        .filter(|name| name.contains('/'));
    let hint = match closest(text.value, regions) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "use an IANA name like \"America/New_York\", \"Asia/Seoul\" or \"UTC\"".to_owned(),
    };
    context.error(
        text.span,
        format!("there is no time zone `{}`", text.value),
        hint,
    );
    None
}
