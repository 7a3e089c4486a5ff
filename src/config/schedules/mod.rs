//! `[defaults]` and `[schedules.*]`.

mod after;
mod common;
mod indicators;
mod moments;
mod trigger;

use std::collections::HashSet;
use std::sync::Arc;

use super::calendars::Calendars;
use super::groups::{Groups, find};
use super::problem::suggestion;
use super::reader::{At, Table};
use super::sections::is_loopback;
use crate::domain::{HeartbeatUrl, JobKind, OverlapPolicy, Schedule, ScheduleId, Symbol};
pub(super) use common::{Common, defaults};
pub(super) use trigger::timezone;

/// Keys the documentation knows and this version does not.
const PLANNED: [&str; 2] = ["batch", "fire_without_ledger"];

/// What schedules may refer to.
pub(super) struct Named<'n> {
    pub(super) defaults: &'n Common,
    pub(super) groups: &'n Groups,
    pub(super) calendars: &'n Calendars,
}

/// Reads every schedule; those with problems are left out (and reported).
pub(super) fn read(root: &Table<'_>, named: &Named<'_>) -> Vec<Arc<Schedule>> {
    let tables = root.tables("schedules");
    if tables.is_empty() {
        root.context().missing(
            0..0,
            "there is no schedule".to_owned(),
            "add one: [schedules.us-quotes] with job, cron and symbols",
        );
    }
    let drafts = tables
        .iter()
        .filter_map(|(name, table)| schedule(name, table, named));
    let mut schedules: Vec<Schedule> = drafts.collect();
    after::check(&tables);
    after::inherit(&mut schedules);
    schedules.into_iter().map(Arc::new).collect()
}

fn schedule(name: &At<&str>, table: &Table<'_>, named: &Named<'_>) -> Option<Schedule> {
    let context = table.context();
    let id = ScheduleId::try_new(name.value)
        .map_err(|error| context.error(name.span.clone(), error.to_string(), ""))
        .ok();
    let job = job(table);
    let indicators = indicators::read(table, job);
    let common = named.defaults.overlaid(table, named.calendars);
    let trigger = trigger::read(table, &common.calendar);
    let symbols = symbols(table, named.groups);
    let enabled = table.flag("enabled").unwrap_or(true);
    let (starts_at, expires_at) = moments::life(table, &common.timezone);
    let heartbeat_url = heartbeat_url(table);
    let tags = table.texts("tags").unwrap_or_default();
    let description = table.text("description").map(|at| at.value.to_owned());
    let owner = table.text("owner").map(|at| at.value.to_owned());
    table.finish(&PLANNED);
    let trigger = trigger?;
    // What a leader has done while its follower was going is not lost on the follower.
    let usual = match trigger.leader() {
        Some(_) => OverlapPolicy::BufferOne,
        None => OverlapPolicy::Skip,
    };
    Some(Schedule {
        id: id?,
        job: job?,
        trigger,
        timezone: common.timezone,
        calendar: common.calendar.into_named(),
        symbols: symbols?.into(),
        enabled,
        concurrency: common.concurrency,
        timeout: common.timeout,
        task_timeout: common.task_timeout,
        jitter: common.jitter,
        overlap_policy: common.overlap_policy.unwrap_or(usual),
        misfire_policy: common.misfire_policy,
        misfire_threshold: common.misfire_threshold,
        catchup_window: common.catchup_window,
        max_catchup: common.max_catchup,
        cancel_grace: common.cancel_grace,
        retry: common.retry,
        pause_after_failures: common.pause_after_failures,
        starts_at,
        expires_at,
        sla: common.sla,
        heartbeat_url,
        tags: tags.iter().map(|at| at.value.to_owned()).collect(),
        description,
        owner,
        providers: common.providers,
        indicators,
    })
}

/// https, or http to this machine; `/start` and `/fail` are put behind it.
fn heartbeat_url(table: &Table<'_>) -> Option<HeartbeatUrl> {
    let text = table.text("heartbeat_url")?;
    let hint = "write it like \"https://hc-ping.com/UUID\"; /start and /fail are added to it";
    let complain = |reason: &str| {
        let message = format!("`heartbeat_url` {reason}");
        table.context().error(text.span.clone(), message, hint);
    };
    let Some((scheme, rest)) = text.value.split_once("://") else {
        complain("has no scheme");
        return None;
    };
    let host = rest.split('/').next().unwrap_or_default();
    let is_plain = rest
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"?#@\"<>\\".contains(&b));
    match scheme {
        _ if host.is_empty() || !is_plain => {
            complain("must be host and path only: no user, query or fragment");
        }
        "https" => return Some(HeartbeatUrl::new(text.value.to_owned())),
        "http" if is_loopback(host) => return Some(HeartbeatUrl::new(text.value.to_owned())),
        "http" => complain("must be https; plain http is for this machine only"),
        _ => complain("has an unknown scheme"),
    }
    None
}

fn job(table: &Table<'_>) -> Option<JobKind> {
    let names = JobKind::ALL.map(JobKind::as_str);
    if !table.has("job") {
        let message = format!("{} has no `job`", table.name());
        table.context().missing(
            table.span(),
            message,
            format!("one of: {}", names.join(", ")),
        );
        return None;
    }
    let text = table.text("job")?;
    let found = JobKind::from_name(text.value);
    if found.is_none() {
        let message = format!("there is no job `{}`", text.value);
        table
            .context()
            .error(text.span, message, suggestion(text.value, &names));
    }
    found
}

fn symbols(table: &Table<'_>, groups: &Groups) -> Option<Vec<Symbol>> {
    let context = table.context();
    let before = context.count();
    let Some(texts) = table.texts("symbols") else {
        if !table.has("symbols") && table.has("after") {
            // Those of the schedule it runs after.
            return Some(Vec::new());
        }
        if !table.has("symbols") {
            let message = format!("{} has no `symbols`", table.name());
            let hint = "symbols = [\"AAPL\", \"@group\"], groups stand under [symbols]";
            context.missing(table.span(), message, hint);
        }
        return None;
    };
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    let mut complete = true;
    for At { value, span } in texts {
        match find(value, groups) {
            Ok(None) => complete = false,
            Ok(Some(symbols)) => all.extend(symbols.into_iter().filter(|s| seen.insert(s.clone()))),
            Err((message, hint)) => {
                complete = false;
                context.error(span, message, hint);
            }
        }
    }
    if all.is_empty() && complete && context.count() == before {
        let message = format!("{} has no symbol to work on", table.name());
        context.missing(
            table.span(),
            message,
            "name at least one symbol or a group that has some",
        );
        return None;
    }
    (complete && !all.is_empty()).then_some(all)
}
