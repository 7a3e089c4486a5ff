//! `[defaults]` and `[schedules.*]`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::groups::Groups;
use super::problem::{closest, suggestion};
use super::reader::{At, Table};
use crate::domain::{
    CronExpr, JobKind, MisfirePolicy, OverlapPolicy, Schedule, ScheduleId, Symbol, Trigger,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Keys the documentation knows and this version does not.
const PLANNED: [&str; 16] = [
    "at",
    "calendar",
    "after",
    "max_catchup",
    "cancel_grace",
    "retry",
    "pause_after_failures",
    "starts_at",
    "expires_at",
    "params",
    "sla",
    "heartbeat_url",
    "providers",
    "batch",
    "fire_without_ledger",
    "alerts",
];

const OVERLAP: [(&str, OverlapPolicy); 3] = [
    ("skip", OverlapPolicy::Skip),
    ("forbid", OverlapPolicy::Skip),
    ("allow_all", OverlapPolicy::AllowAll),
];

const MISFIRE: [(&str, MisfirePolicy); 2] = [
    ("run_once", MisfirePolicy::RunOnce),
    ("skip", MisfirePolicy::Skip),
];

/// What `[defaults]` and each schedule may both say.
#[derive(Clone)]
pub(super) struct Common {
    timezone: TimeZone,
    timeout: Duration,
    task_timeout: Duration,
    concurrency: usize,
    jitter: Duration,
    overlap_policy: OverlapPolicy,
    misfire_policy: MisfirePolicy,
    misfire_threshold: Duration,
    catchup_window: Duration,
}

impl Common {
    /// `self`, with what `table` says laid over it.
    fn overlaid(&self, table: &Table<'_>) -> Self {
        let concurrency = table
            .count("concurrency", 1_000)
            .and_then(|n| usize::try_from(n).ok());
        Self {
            timezone: timezone(table).unwrap_or_else(|| self.timezone.clone()),
            timeout: table
                .time_span("timeout", SECOND, 7 * DAY)
                .unwrap_or(self.timeout),
            task_timeout: table
                .time_span("task_timeout", 100 * MS, DAY)
                .unwrap_or(self.task_timeout),
            concurrency: concurrency.unwrap_or(self.concurrency),
            jitter: table
                .time_span("jitter", Duration::ZERO, DAY)
                .unwrap_or(self.jitter),
            overlap_policy: table
                .choice("overlap_policy", &OVERLAP)
                .unwrap_or(self.overlap_policy),
            misfire_policy: table
                .choice("misfire_policy", &MISFIRE)
                .unwrap_or(self.misfire_policy),
            misfire_threshold: table
                .time_span("misfire_threshold", SECOND, DAY)
                .unwrap_or(self.misfire_threshold),
            catchup_window: table
                .time_span("catchup_window", Duration::ZERO, 366 * DAY)
                .unwrap_or(self.catchup_window),
        }
    }
}

/// Reads `[defaults]` over the built-in ones; `concurrency` is the upstream's.
pub(super) fn defaults(table: Option<&Table<'_>>, concurrency: u32) -> Common {
    let built_in = Common {
        timezone: TimeZone::UTC,
        timeout: Duration::from_mins(5),
        task_timeout: Duration::from_mins(1),
        concurrency: usize::try_from(concurrency).unwrap_or(1),
        jitter: Duration::ZERO,
        overlap_policy: OverlapPolicy::Skip,
        misfire_policy: MisfirePolicy::RunOnce,
        misfire_threshold: Duration::from_mins(1),
        catchup_window: Duration::from_hours(1),
    };
    let Some(table) = table else { return built_in };
    let defaults = built_in.overlaid(table);
    table.finish(&PLANNED);
    defaults
}

/// Reads every schedule; those with problems are left out (and reported).
pub(super) fn read(root: &Table<'_>, defaults: &Common, groups: &Groups) -> Vec<Arc<Schedule>> {
    let tables = root.tables("schedules");
    if tables.is_empty() {
        root.context().missing(
            0..0,
            "there is no schedule".to_owned(),
            "add one: [schedules.us-quotes] with job, cron and symbols",
        );
    }
    tables
        .iter()
        .filter_map(|(name, table)| schedule(name, table, defaults, groups))
        .map(Arc::new)
        .collect()
}

fn schedule(
    name: &At<&str>,
    table: &Table<'_>,
    defaults: &Common,
    groups: &Groups,
) -> Option<Schedule> {
    let context = table.context();
    let id = ScheduleId::try_new(name.value)
        .map_err(|error| context.error(name.span.clone(), error.to_string(), ""))
        .ok();
    let job = job(table);
    let trigger = trigger(table);
    let common = defaults.overlaid(table);
    let symbols = symbols(table, groups);
    let enabled = table.flag("enabled").unwrap_or(true);
    let tags = table.texts("tags").unwrap_or_default();
    let description = table.text("description").map(|at| at.value.to_owned());
    let owner = table.text("owner").map(|at| at.value.to_owned());
    table.finish(&PLANNED);
    Some(Schedule {
        id: id?,
        job: job?,
        trigger: trigger?,
        timezone: common.timezone,
        symbols: symbols?.into(),
        enabled,
        concurrency: common.concurrency,
        timeout: common.timeout,
        task_timeout: common.task_timeout,
        jitter: common.jitter,
        overlap_policy: common.overlap_policy,
        misfire_policy: common.misfire_policy,
        misfire_threshold: common.misfire_threshold,
        catchup_window: common.catchup_window,
        max_catchup: 100,
        cancel_grace: Duration::from_secs(10),
        retry: None,
        pause_after_failures: None,
        starts_at: None,
        expires_at: None,
        sla: crate::domain::Sla::default(),
        heartbeat_url: None,
        tags: tags.iter().map(|at| at.value.to_owned()).collect(),
        description,
        owner,
    })
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

fn trigger(table: &Table<'_>) -> Option<Trigger> {
    let context = table.context();
    let (has_cron, has_every) = (table.has("cron"), table.has("every"));
    let offset = table.time_span("offset", Duration::ZERO, 7 * DAY);
    match (has_cron, has_every) {
        (true, true) => {
            let message = format!("{} has both `cron` and `every`", table.name());
            context.error(table.span(), message, "keep one of them");
            None
        }
        (false, false) => {
            // `at` is known and refused by name; do not also ask for a cron then.
            if !table.holds("at") {
                let message = format!("{} does not say when: no `cron`, no `every`", table.name());
                let hint = "cron = \"*/5 9-16 * * MON-FRI\" or every = \"15m\"";
                context.missing(table.span(), message, hint);
            }
            None
        }
        (true, false) => {
            if offset.is_some() {
                let message = "`offset` goes with `every`, not with `cron`".to_owned();
                context.error(
                    table.span(),
                    message,
                    "remove it; to spread load use `jitter`",
                );
            }
            crons(table)
        }
        (false, true) => {
            let period = table.time_span("every", SECOND, 366 * DAY)?;
            let offset = offset.unwrap_or_default();
            if offset >= period {
                let message = "`offset` must be shorter than `every`".to_owned();
                context.error(table.span(), message, "");
                return None;
            }
            Some(Trigger::Every { period, offset })
        }
    }
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
        match CronExpr::try_new(value) {
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

fn timezone(table: &Table<'_>) -> Option<TimeZone> {
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

fn symbols(table: &Table<'_>, groups: &Groups) -> Option<Vec<Symbol>> {
    let context = table.context();
    let before = context.count();
    let Some(texts) = table.texts("symbols") else {
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
        let found = match value.strip_prefix('@') {
            Some(group) if groups.get(group).is_some_and(Option::is_none) => {
                complete = false;
                continue;
            }
            Some(group) => groups.get(group).cloned().flatten().ok_or_else(|| {
                let names: Vec<&str> = groups.keys().map(String::as_str).collect();
                (
                    format!("there is no group `@{group}` under [symbols]"),
                    suggestion(group, &names),
                )
            }),
            None => Symbol::try_new(value)
                .map(|symbol| vec![symbol])
                .map_err(|error| (error.to_string(), String::new())),
        };
        match found {
            Ok(symbols) => all.extend(symbols.into_iter().filter(|s| seen.insert(s.clone()))),
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
