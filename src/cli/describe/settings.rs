//! A schedule's settings in words.

use jiff::Timestamp;

use super::{SYMBOLS, Setting};
use crate::cli::output;
use crate::domain::{
    IndicatorParameters, MisfirePolicy, OverlapPolicy, Schedule, Sla, Trigger, format_span,
};

/// Everything schedules.toml says about it after defaults: a new key is a line here.
pub(super) fn all(schedule: &Schedule) -> Vec<Setting> {
    let line = |name, value| Setting { name, value };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let mut settings = vec![
        line("schedule", schedule.id.to_string()),
        line("description", text(&schedule.description)),
        line("owner", text(&schedule.owner)),
        line("tags", or_dash(&schedule.tags.join(", "))),
        line("enabled", yes_or_no(schedule.enabled)),
        line("job", schedule.job.as_str().to_owned()),
        line("fires", fires_in_words(schedule)),
        line("symbols", symbols(schedule)),
    ];
    settings.extend(params(schedule));
    settings.extend(work(schedule));
    settings.extend(promises(schedule));
    settings
}

/// How its runs are done.
fn work(schedule: &Schedule) -> Vec<Setting> {
    let line = |name, value| Setting { name, value };
    vec![
        line("providers", schedule.providers.to_string()),
        line(
            "concurrency",
            format!("{} symbols at once", schedule.concurrency),
        ),
        line(
            "timeout",
            format!("{} for a run", format_span(schedule.timeout)),
        ),
        line(
            "task_timeout",
            format!(
                "{} for a symbol, waiting not counted",
                format_span(schedule.task_timeout)
            ),
        ),
        line("jitter", jitter(schedule)),
        line(
            "overlap_policy",
            overlap(schedule.overlap_policy).to_owned(),
        ),
        line(
            "misfire_policy",
            misfire(schedule.misfire_policy).to_owned(),
        ),
        line(
            "misfire_threshold",
            format!("late from {} on", format_span(schedule.misfire_threshold)),
        ),
        line(
            "catchup_window",
            format!(
                "worth running up to {} later",
                format_span(schedule.catchup_window)
            ),
        ),
        line(
            "max_catchup",
            format!("{} fires under run_all", schedule.max_catchup),
        ),
        line(
            "cancel_grace",
            format!("{} for tasks in flight", format_span(schedule.cancel_grace)),
        ),
    ]
}

fn promises(schedule: &Schedule) -> Vec<Setting> {
    let line = |name, value| Setting { name, value };
    vec![
        line("retry", retry(schedule)),
        line("calendar", calendar(schedule)),
        line("starts_at", instant(schedule.starts_at)),
        line("expires_at", instant(schedule.expires_at)),
        line("sla", sla(&schedule.sla)),
        line(
            "pause_after_failures",
            schedule
                .pause_after_failures
                .map_or_else(|| "-".to_owned(), |n| format!("{n} in a row")),
        ),
        line(
            "heartbeat_url",
            schedule
                .heartbeat_url
                .as_ref()
                .map_or("-", |_| "set, not shown")
                .to_owned(),
        ),
    ]
}

fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), output::utc)
}

fn retry(schedule: &Schedule) -> String {
    let Some(retry) = &schedule.retry else {
        return "none: a task that failed is done again by the next run".to_owned();
    };
    format!(
        "failed tasks up to {} times in all, first after {}, at most every {}",
        retry.max_attempts,
        format_span(retry.initial_interval),
        format_span(retry.max_interval)
    )
}

fn calendar(schedule: &Schedule) -> String {
    let Some(calendar) = &schedule.calendar else {
        return "-".to_owned();
    };
    let known = calendar
        .valid_through()
        .map(|end| format!(", holidays known through {end}"));
    format!("{}{}", calendar.code(), known.unwrap_or_default())
}

fn sla(sla: &Sla) -> String {
    let promises = [
        ("begins within", sla.late_after),
        ("succeeds at least every", sla.max_time_since_success),
        ("takes at most", sla.max_runtime),
    ];
    let told = promises
        .iter()
        .filter_map(|(words, span)| Some(format!("{words} {}", format_span((*span)?))));
    or_dash(&told.collect::<Vec<_>>().join(", "))
}

fn yes_or_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

fn fires_in_words(schedule: &Schedule) -> String {
    match &schedule.trigger {
        Trigger::Cron(list) => {
            let each = list
                .iter()
                .map(|cron| format!("{} ({cron})", cron.describe()));
            let each: Vec<String> = each.collect();
            format!(
                "{}, {} time",
                each.join("; and: "),
                schedule.timezone_name()
            )
        }
        trigger @ Trigger::Every { .. } => {
            format!("{trigger}, counted from 1970-01-01 00:00 UTC")
        }
        trigger @ Trigger::Session { .. } => {
            format!("{trigger}, on days with a session, early closes followed")
        }
        Trigger::After(leader) => {
            format!("after each run of {leader} that has succeeded, in part too, or timed out")
        }
    }
}

/// What the job `indicators` computes, keeps and tells; nothing for other jobs.
fn params(schedule: &Schedule) -> Vec<Setting> {
    let line = |name, value| Setting { name, value };
    let Some(choice) = schedule.indicators.as_deref() else {
        return vec![line("params", "-".to_owned())];
    };
    let kept = if choice.history {
        "yes: the values of every bar are kept"
    } else {
        "no: the values of the newest bar are kept"
    };
    vec![
        line("params", chosen(&choice.parameters)),
        line("params.history", kept.to_owned()),
        line("params.tell", or_dash(&choice.tell.join(", "))),
    ]
}

/// The indicators by their keys: `sma 20, 50; rsi 14; macd 12/26/9`.
fn chosen(of: &IndicatorParameters) -> String {
    let list = |name: &str, periods: &[u32]| {
        let periods: Vec<String> = periods.iter().map(u32::to_string).collect();
        (!periods.is_empty()).then(|| format!("{name} {}", periods.join(", ")))
    };
    let one = |name: &str, period: Option<u32>| period.map(|period| format!("{name} {period}"));
    let parts = [
        list("sma", &of.sma),
        list("ema", &of.ema),
        one("rsi", of.rsi),
        of.bollinger
            .map(|(period, deviations)| format!("bollinger {period} ± {deviations}")),
        of.macd
            .map(|(fast, slow, signal)| format!("macd {fast}/{slow}/{signal}")),
        of.stochastic.map(|(k, d)| format!("stochastic {k}/{d}")),
        one("atr", of.atr),
        one("adx", of.adx),
        of.obv.then(|| "obv".to_owned()),
        one("volume_sma", of.volume_sma),
        of.vwap.map(|anchor| format!("vwap {}", anchor.name())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("; ")
}

fn symbols(schedule: &Schedule) -> String {
    let names: Vec<&str> = schedule
        .symbols
        .iter()
        .take(SYMBOLS)
        .map(crate::domain::Symbol::as_str)
        .collect();
    let more = if schedule.symbols.len() > SYMBOLS {
        ", …"
    } else {
        ""
    };
    format!("{}: {}{more}", schedule.symbols.len(), names.join(", "))
}

fn jitter(schedule: &Schedule) -> String {
    if schedule.jitter.is_zero() {
        return "none".to_owned();
    }
    format!(
        "up to {}; for this schedule always {}",
        format_span(schedule.jitter),
        format_span(schedule.jitter_offset())
    )
}

fn overlap(policy: OverlapPolicy) -> &'static str {
    match policy {
        OverlapPolicy::Skip => "skip: a fire while the previous run is going is not run",
        OverlapPolicy::BufferOne => {
            "buffer_one: one fire waits for the previous run, more are not run"
        }
        OverlapPolicy::BufferAll => {
            "buffer_all: fires wait for the previous run, one after another"
        }
        OverlapPolicy::CancelOther => {
            "cancel_other: a fire cancels the previous run and takes its place"
        }
        OverlapPolicy::AllowAll => "allow_all: a fire runs beside the previous run",
    }
}

fn misfire(policy: MisfirePolicy) -> &'static str {
    match policy {
        MisfirePolicy::RunOnce => "run_once: of fires nobody could run the newest runs late",
        MisfirePolicy::RunAll => "run_all: fires nobody could run all run late, one after another",
        MisfirePolicy::Skip => "skip: fires nobody could run are recorded as missed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indicators_are_told_by_their_keys_and_those_left_out_are_not() {
        let few = IndicatorParameters {
            sma: vec![20, 50],
            rsi: Some(14),
            bollinger: Some((20, 2.5)),
            macd: Some((12, 26, 9)),
            obv: true,
            ..IndicatorParameters::none()
        };
        let told = "sma 20, 50; rsi 14; bollinger 20 ± 2.5; macd 12/26/9; obv";
        assert_eq!(chosen(&few), told);
    }
}
