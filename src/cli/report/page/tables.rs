//! The tables of the page.

use maud::{Markup, html};

use super::Quota;
use crate::cli::output;
use crate::cli::report::text::{mean_ms, pace, shortened};
use crate::store::reports::{DurationReport, FaultReport, ScheduleReport, SymbolReport};

/// Rows of a table at most: the page stays small; the JSON has all.
const MOST_ROWS: usize = 200;

/// Characters of a message that are shown.
const MESSAGE: usize = 200;

/// Where there is no value.
pub(super) const DASH: &str = "–";

pub(super) fn schedules(all: &[ScheduleReport]) -> Markup {
    let mut rows: Vec<&ScheduleReport> = all.iter().collect();
    if rows.len() > MOST_ROWS {
        rows.sort_by_key(|row| std::cmp::Reverse(row.runs - row.succeeded));
        rows.truncate(MOST_ROWS);
    }
    let head = [
        "schedule",
        "runs",
        "success",
        "not run",
        "median",
        "p95",
        "longest",
        "late p95",
        "latest",
        "calls",
        "retries",
        "429",
        "rows",
        "CPU a run",
        "memory",
    ];
    let cells = rows.iter().map(|row| {
        let success = row.success_percent;
        let is_bad = success.is_some_and(|share| share < 100.0);
        let memory = row.memory_peak_bytes.map(output::bytes);
        html! {
            tr {
                th scope="row" title=(row.job) { (row.schedule) }
                td.n { (row.runs) }
                td.n.bad[is_bad] { (success.map_or_else(|| DASH.to_owned(), percent)) }
                td.n { (row.not_run) }
                td.n { (dash_ms(row.duration_p50_ms)) }
                td.n { (dash_ms(row.duration_p95_ms)) }
                td.n { (dash_ms(row.duration_max_ms)) }
                td.n { (dash_ms(row.lateness_p95_ms)) }
                td.n { (dash_ms(row.lateness_max_ms)) }
                td.n { (row.calls) }
                td.n { (row.retries) }
                td.n.bad[row.rate_limited > 0] { (row.rate_limited) }
                td.n { (row.rows_written) }
                td.n { (dash_ms(row.cpu_mean_ms)) }
                td.n { (memory.as_deref().unwrap_or(DASH)) }
            }
        }
    });
    html! {
        @if all.len() > MOST_ROWS {
            p { (MOST_ROWS) " of " (all.len()) " schedules, those with the most failures first." }
        }
        (table(&head, &head[1..], cells.collect()))
    }
}

pub(super) fn symbols(rows: &[SymbolReport]) -> Markup {
    let head = ["symbol", "tasks", "failed", "mean", "longest"];
    let cells = rows.iter().map(|row| {
        html! {
            tr {
                th scope="row" { (row.symbol) }
                td.n { (row.tasks) }
                td.n.bad[row.failed > 0] { (row.failed) }
                td.n { (mean_ms(row.duration_mean_ms)) }
                td.n { (output::duration_ms(row.duration_max_ms)) }
            }
        }
    });
    table(&head, &head[1..], cells.collect())
}

pub(super) fn faults(rows: &[FaultReport]) -> Markup {
    let head = ["class", "tasks", "symbols", "last", "symbol", "message"];
    let cells = rows.iter().map(|row| {
        let message = row.last_message.as_deref().unwrap_or_default();
        html! {
            tr {
                th scope="row" { (row.class) }
                td.n { (row.tasks) }
                td.n { (row.symbols) }
                td { (row.last_at.map_or_else(|| DASH.to_owned(), output::utc)) }
                td { (row.last_symbol.as_deref().unwrap_or_default()) }
                td.long { (shortened(message, MESSAGE)) }
            }
        }
    });
    table(&head, &["tasks", "symbols"], cells.collect())
}

pub(super) fn quotas(rows: &[Quota]) -> Markup {
    let head = [
        "upstream",
        "requests",
        "refused",
        "a minute",
        "allowed",
        "used",
        "busiest minute",
        "of its most",
    ];
    let dash = |value: Option<String>| value.unwrap_or_else(|| DASH.to_owned());
    let cells = rows.iter().map(|row| {
        html! {
            tr {
                th scope="row" { (row.provider) }
                td.n { (row.requests) }
                td.n.bad[row.refusals > 0] { (row.refusals) }
                td.n { (pace(row.mean_per_minute)) }
                td.n { (dash(row.allowed_per_minute.map(pace))) }
                td.n { (dash(row.mean_percent.map(percent))) }
                td.n { (pace(row.peak_per_minute)) }
                td.n { (dash(row.peak_percent.map(percent))) }
            }
        }
    });
    table(&head, &head[1..], cells.collect())
}

pub(super) fn durations(all: &[DurationReport]) -> Markup {
    let head = [
        "work", "name", "count", "median", "p95", "longest", "in all",
    ];
    let cells = all.iter().take(MOST_ROWS).map(|row| {
        html! {
            tr {
                th scope="row" { (row.work) }
                td { (row.name) }
                td.n { (row.count) }
                td.n { (output::duration_us(row.p50_us)) }
                td.n { (output::duration_us(row.p95_us)) }
                td.n { (output::duration_us(row.max_us)) }
                td.n { (output::duration_us(row.total_us)) }
            }
        }
    });
    table(&head, &head[2..], cells.collect())
}

/// A table; columns named in `right` are numbers.
fn table(head: &[&str], right: &[&str], rows: Vec<Markup>) -> Markup {
    html! {
        div.table tabindex="0" {
            table {
                thead {
                    tr {
                        @for name in head { th.n[right.contains(name)] scope="col" { (name) } }
                    }
                }
                tbody { @for row in rows { (row) } }
            }
        }
    }
}

pub(super) fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

pub(super) fn dash_ms(ms: Option<i64>) -> String {
    ms.map_or_else(|| DASH.to_owned(), output::duration_ms)
}
