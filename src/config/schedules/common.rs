//! What `[defaults]` and each schedule may both say.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::PLANNED;
use super::trigger::timezone;
use crate::config::calendars::{Calendars, Chosen};
use crate::config::problem::suggestion;
use crate::config::reader::{At, Table};
use crate::config::sections::read_retry;
use crate::domain::{MisfirePolicy, OverlapPolicy, Provider, Providers, Retry, Sla};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Temporal's names, and those of Kubernetes for three of them.
const OVERLAP: [(&str, OverlapPolicy); 8] = [
    ("skip", OverlapPolicy::Skip),
    ("buffer_one", OverlapPolicy::BufferOne),
    ("buffer_all", OverlapPolicy::BufferAll),
    ("cancel_other", OverlapPolicy::CancelOther),
    ("allow_all", OverlapPolicy::AllowAll),
    ("forbid", OverlapPolicy::Skip),
    ("replace", OverlapPolicy::CancelOther),
    ("allow", OverlapPolicy::AllowAll),
];

const MISFIRE: [(&str, MisfirePolicy); 3] = [
    ("run_once", MisfirePolicy::RunOnce),
    ("run_all", MisfirePolicy::RunAll),
    ("skip", MisfirePolicy::Skip),
];

/// What a schedule's `retry = {}` means where it says nothing.
const RETRY: Retry = Retry {
    max_attempts: 3,
    initial_interval: Duration::from_secs(30),
    multiplier: 2.0,
    max_interval: Duration::from_mins(10),
    randomization_factor: 0.2,
};

/// What `[defaults]` and each schedule may both say.
#[derive(Clone)]
pub(in crate::config) struct Common {
    pub(super) timezone: TimeZone,
    pub(super) calendar: Chosen,
    pub(super) timeout: Duration,
    pub(super) task_timeout: Duration,
    pub(super) cancel_grace: Duration,
    pub(super) concurrency: usize,
    pub(super) jitter: Duration,
    /// Absent where nobody says: it depends on what makes a schedule fire.
    pub(super) overlap_policy: Option<OverlapPolicy>,
    pub(super) misfire_policy: MisfirePolicy,
    pub(super) misfire_threshold: Duration,
    pub(super) catchup_window: Duration,
    pub(super) max_catchup: usize,
    pub(super) retry: Option<Retry>,
    pub(super) pause_after_failures: Option<u32>,
    pub(super) sla: Sla,
    pub(super) providers: Providers,
}

impl Common {
    /// `self`, with what `table` says laid over it.
    pub(super) fn overlaid(&self, table: &Table<'_>, calendars: &Calendars) -> Self {
        let span = |key, least, most, default| table.time_span(key, least, most).unwrap_or(default);
        let count = |key, most, default| {
            let count = table.count(key, most).and_then(|n| usize::try_from(n).ok());
            count.unwrap_or(default)
        };
        Self {
            timezone: timezone(table).unwrap_or_else(|| self.timezone.clone()),
            calendar: calendars
                .chosen(table)
                .unwrap_or_else(|| self.calendar.clone()),
            timeout: span("timeout", SECOND, 7 * DAY, self.timeout),
            task_timeout: span("task_timeout", 100 * MS, DAY, self.task_timeout),
            cancel_grace: span("cancel_grace", Duration::ZERO, DAY, self.cancel_grace),
            concurrency: count("concurrency", 1_000, self.concurrency),
            jitter: span("jitter", Duration::ZERO, DAY, self.jitter),
            overlap_policy: table
                .choice("overlap_policy", &OVERLAP)
                .or(self.overlap_policy),
            misfire_policy: table
                .choice("misfire_policy", &MISFIRE)
                .unwrap_or(self.misfire_policy),
            misfire_threshold: span("misfire_threshold", SECOND, DAY, self.misfire_threshold),
            catchup_window: span(
                "catchup_window",
                Duration::ZERO,
                366 * DAY,
                self.catchup_window,
            ),
            max_catchup: count("max_catchup", 10_000, self.max_catchup),
            retry: retry(table).or(self.retry),
            pause_after_failures: table
                .count("pause_after_failures", 1_000)
                .or(self.pause_after_failures),
            sla: sla(table, self.sla),
            providers: providers(table).unwrap_or(self.providers),
        }
    }
}

/// Whom to ask, in this order.
fn providers(table: &Table<'_>) -> Option<Providers> {
    let context = table.context();
    let before = context.count();
    let texts = table.texts("providers")?;
    let names = Provider::ALL.map(Provider::as_str);
    let mut list = Vec::with_capacity(texts.len());
    for At { value, span } in &texts {
        match Provider::from_name(value) {
            Some(provider) if list.contains(&provider) => {
                let message = format!("`providers` names `{value}` twice");
                context.error(
                    span.clone(),
                    message,
                    "each is asked once; remove one of the two",
                );
                return None;
            }
            Some(provider) => list.push(provider),
            None => {
                let message = format!("there is no provider `{value}`");
                context.error(span.clone(), message, suggestion(value, &names));
                return None;
            }
        }
    }
    let providers = Providers::try_new(&list);
    if texts.is_empty() && context.count() == before {
        let message = format!("`providers` in {} is an empty list", table.name());
        context.error(table.span(), message, "providers = [\"yahoo\", \"tiingo\"]");
    }
    providers
}

fn retry(table: &Table<'_>) -> Option<Retry> {
    let table = table.table("retry")?;
    let mut retry = RETRY;
    read_retry(&table, &mut retry);
    Some(retry)
}

fn sla(table: &Table<'_>, default: Sla) -> Sla {
    let Some(table) = table.table("sla") else {
        return default;
    };
    let span = |key, default: Option<Duration>| table.time_span(key, MS, 366 * DAY).or(default);
    let sla = Sla {
        late_after: span("late_after", default.late_after),
        max_time_since_success: span("max_time_since_success", default.max_time_since_success),
        max_runtime: span("max_runtime", default.max_runtime),
    };
    table.finish(&[]);
    sla
}

/// Reads `[defaults]` over the built-in ones; `concurrency` is the upstream's.
pub(in crate::config) fn defaults(
    table: Option<&Table<'_>>,
    concurrency: u32,
    calendars: &Calendars,
) -> Common {
    let built_in = Common {
        timezone: TimeZone::UTC,
        calendar: Chosen::None,
        timeout: Duration::from_mins(5),
        task_timeout: Duration::from_mins(1),
        cancel_grace: Duration::from_secs(10),
        concurrency: usize::try_from(concurrency).unwrap_or(1),
        jitter: Duration::ZERO,
        overlap_policy: None,
        misfire_policy: MisfirePolicy::RunOnce,
        misfire_threshold: Duration::from_mins(1),
        catchup_window: Duration::from_hours(1),
        max_catchup: 100,
        retry: None,
        pause_after_failures: None,
        sla: Sla::default(),
        providers: Providers::default(),
    };
    let Some(table) = table else { return built_in };
    let defaults = built_in.overlaid(table, calendars);
    table.finish(&PLANNED);
    defaults
}
