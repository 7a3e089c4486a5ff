//! The report as one page for a browser; the only place that names maud, which escapes every text.
//!
//! The page holds all it needs: no script, no font, nothing from elsewhere, and says so to the
//! browser. The plots are our own SVG, without a text from outside.

mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plot::{self, Curve, Unit};
use super::{Quota, Report};
use crate::cli::output;
use crate::store::reports::{DurationPart, OutcomePart, ProcessReport, ScheduleReport};
use tables::{DASH, dash_ms, percent};

const STYLE: &str = include_str!("page.css");

/// What the page may do: show itself.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page, or why a plot could not be drawn.
pub(super) fn render(report: &Report) -> Result<String, String> {
    let (since, until) = (output::utc(report.since), output::utc(report.until));
    let body = html! {
        h1 { "Finstage report" }
        p { (since) " to " (until) ". All times are UTC." }
        (figures(report))
        h2 { "Runs" }
        (runs(report)?)
        @if !report.slowest_symbols.is_empty() {
            h2 { "Slowest symbols" }
            p { "By the mean duration of their tasks, the wait for the upstream’s turn included." }
            (tables::symbols(&report.slowest_symbols))
        }
        @if !report.faults.is_empty() {
            h2 { "What failed" }
            (tables::faults(&report.faults))
        }
        h2 { "Upstreams" }
        (upstreams(report)?)
        h2 { "Resources" }
        (resources(report)?)
        @if !report.durations.is_empty() {
            h2 { "How long work took" }
            (tables::durations(&report.durations))
        }
        footer { "finstage " (env!("CARGO_PKG_VERSION")) }
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Finstage report, " (until) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    Ok(page.into_string())
}

/// The few numbers to begin with.
fn figures(report: &Report) -> Markup {
    let sum = |count: fn(&ScheduleReport) -> u64| report.schedules.iter().map(count).sum::<u64>();
    let (runs, succeeded) = (sum(|one| one.runs), sum(|one| one.succeeded));
    #[allow(clippy::cast_precision_loss, reason = "a number of runs")]
    let share = (runs > 0).then(|| 100.0 * succeeded as f64 / runs as f64);
    let late = report.schedules.iter();
    let late = late.filter_map(|one| one.lateness_max_ms).max();
    let requests: u64 = report.upstreams.iter().map(|one| one.requests).sum();
    let refusals: u64 = report.upstreams.iter().map(|one| one.refusals).sum();
    let process = &report.process;
    let is_sampled = process.samples > 0;
    let sampled = |text: String| if is_sampled { text } else { DASH.to_owned() };
    let tiles = [
        ("runs", runs.to_string()),
        ("succeeded", share.map_or_else(|| DASH.to_owned(), percent)),
        ("fires not run", sum(|one| one.not_run).to_string()),
        ("latest begin", dash_ms(late)),
        ("requests", requests.to_string()),
        ("refused", refusals.to_string()),
        (
            "highest memory",
            sampled(output::bytes(process.memory_max_bytes)),
        ),
        ("mean CPU", sampled(percent(process.cpu_mean_percent))),
    ];
    html! {
        dl {
            @for (name, value) in &tiles {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

fn runs(report: &Report) -> Result<Markup, String> {
    if report.schedules.is_empty() {
        return Ok(html! { p { "No runs in this time." } });
    }
    let (window, outcomes) = (&report.curves.window, &report.curves.outcomes);
    let count = |of: fn(&OutcomePart) -> u64| -> Vec<f64> {
        outcomes.iter().map(|part| float(of(part))).collect()
    };
    let stacks = [
        (plot::GREEN, count(|part| part.succeeded)),
        (plot::RED, count(|part| part.not_succeeded)),
        (plot::GREY, count(|part| part.not_run)),
    ];
    let outcome = plot::columns(window, &stacks)?;
    let late = |of: fn(&OutcomePart) -> Option<i64>| -> Vec<Option<f64>> {
        outcomes.iter().map(|part| of(part).map(whole)).collect()
    };
    let lateness = [
        curve(plot::YELLOW, late(|part| part.lateness_max_ms)),
        curve(plot::BLUE, late(|part| part.lateness_p95_ms)),
    ];
    let lateness = plot::curves(window, Unit::Ms, &lateness)?;
    let mut slow = Vec::new();
    for (schedule, parts) in &report.curves.durations {
        let of = |value: fn(&DurationPart) -> i64| -> Vec<Option<f64>> {
            let values = parts.iter().map(|part| part.as_ref().map(value).map(whole));
            values.collect()
        };
        let curves = [
            curve(plot::YELLOW, of(|part| part.max_ms)),
            curve(plot::BLUE, of(|part| part.p50_ms)),
        ];
        slow.push((schedule, plot::curves(window, Unit::Ms, &curves)?));
    }
    let (runs_of, most) = (slow.len(), report.schedules.len());
    Ok(html! {
        div.plots {
            (figure("Fires by what became of them", &[("green", "succeeded"),
                ("red", "failed, wholly or in part"), ("grey", "not run")], &outcome))
            (figure("Lateness of punctual runs", &[("blue", "95th percentile"),
                ("yellow", "largest")], &lateness))
        }
        (tables::schedules(&report.schedules))
        h2 { "Durations" }
        @if runs_of < most { p { "The slowest schedules; the JSON report has all." } }
        div.plots {
            @for (schedule, svg) in &slow {
                (figure(schedule, &[("blue", "median"), ("yellow", "longest")], svg))
            }
        }
    })
}

fn upstreams(report: &Report) -> Result<Markup, String> {
    if report.upstreams.is_empty() {
        return Ok(html! { p { "No requests in this time." } });
    }
    let window = &report.curves.window;
    let mut plots = Vec::new();
    for quota in &report.upstreams {
        let values = report.curves.requests_per_minute.get(&quota.provider);
        let values = values.into_iter().flatten().map(|value| Some(*value));
        let mut curves = vec![curve(plot::BLUE, values.collect())];
        if let Some(allowed) = quota.allowed_per_minute {
            curves.insert(0, curve(plot::RED, vec![Some(allowed); window.parts()]));
        }
        plots.push((quota, plot::curves(window, Unit::Count, &curves)?));
    }
    Ok(html! {
        div.plots {
            @for (quota, svg) in &plots {
                (figure(&quota.provider, &[("blue", "requests a minute"),
                    ("red", "allowed by max_rps")], svg))
            }
        }
        (tables::quotas(&report.upstreams))
    })
}

fn resources(report: &Report) -> Result<Markup, String> {
    if report.process.samples == 0 {
        return Ok(html! {
            p { "No resource samples in this time: the daemon takes one every 15 s." }
        });
    }
    let window = &report.curves.window;
    let of = |value: fn(&ProcessReport) -> Option<f64>| -> Vec<Option<f64>> {
        let parts = report.curves.resources.iter();
        parts.map(|part| part.as_ref().and_then(value)).collect()
    };
    let cpu = [
        curve(plot::GREY, of(|part| Some(part.host_cpu_mean_percent))),
        curve(plot::YELLOW, of(|part| Some(part.cpu_max_percent))),
        curve(plot::BLUE, of(|part| Some(part.cpu_mean_percent))),
    ];
    let memory = [
        curve(
            plot::RED,
            of(|part| part.cgroup_memory_limit_bytes.map(whole)),
        ),
        curve(
            plot::YELLOW,
            of(|part| part.cgroup_memory_max_bytes.map(whole)),
        ),
        curve(plot::BLUE, of(|part| Some(whole(part.memory_max_bytes)))),
    ];
    let files = [curve(plot::BLUE, of(|part| Some(whole(part.open_fds_max))))];
    let disk = [curve(
        plot::BLUE,
        of(|part| Some(whole(part.disk_available_min_bytes))),
    )];
    let mut memory_key = vec![("blue", "the process")];
    if report.process.cgroup_memory_limit_bytes.is_some() {
        memory_key.extend([
            ("yellow", "its control group"),
            ("red", "the group’s limit"),
        ]);
    }
    Ok(html! {
        div.plots {
            (figure("CPU", &[("blue", "process, mean (100 % is one core)"),
                ("yellow", "process, highest of 15 s"), ("grey", "machine, of all cores")],
                &plot::curves(window, Unit::Percent, &cpu)?))
            (figure("Memory", &memory_key, &plot::curves(window, Unit::Bytes, &memory)?))
            (figure("Open files", &[], &plot::curves(window, Unit::Count, &files)?))
            (figure("Free on the database’s disk", &[], &plot::curves(window, Unit::Bytes, &disk)?))
        }
    })
}

/// A plot with its name and what its colours mean.
fn figure(name: &str, key: &[(&str, &str)], svg: &str) -> Markup {
    html! {
        figure {
            figcaption { (name) }
            @if !key.is_empty() {
                div.key {
                    @for (color, meaning) in key { span { i class=(color) {} (meaning) } }
                }
            }
            (PreEscaped(svg))
        }
    }
}

fn curve(color: plot::Color, values: Vec<Option<f64>>) -> Curve {
    Curve { color, values }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "bytes and milliseconds below 2^53"
)]
fn whole(value: i64) -> f64 {
    value as f64
}

#[allow(clippy::cast_precision_loss, reason = "a number of runs")]
fn float(count: u64) -> f64 {
    count as f64
}
