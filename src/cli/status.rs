//! `finstage status`.

use super::{Exit, Globals, Outcome, ask, open, output};
use crate::config::Config;
use crate::daemon::control::protocol::{
    Answer, CacheAnswer, PaceAnswer, ProgressAnswer, Request, ScheduleAnswer, StatusAnswer,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let config = open::for_asking(globals)?;
    let Answer::Status(status) = ask::daemon(&config, &Request::Status)?.0 else {
        return Err(ask::unexpected());
    };
    if args.json {
        output::print_json(&status);
    } else {
        show(&status, &config);
    }
    Ok(if status.is_late {
        Exit::Failure
    } else {
        Exit::Success
    })
}

fn show(status: &StatusAnswer, config: &Config) {
    output::print(&format!(
        "finstage {}, pid {}, serving since {}\n{}, read {}",
        status.version,
        status.pid,
        output::utc(status.started_at),
        status.config_file,
        output::utc(status.config_loaded_at),
    ));
    if status.config_problems > 0 {
        output::print(&format!(
            "a newer configuration was rejected, problems: {}; see finstage validate",
            status.config_problems
        ));
    }
    if let Some(ms) = status.store_down_ms {
        let span = output::duration_ms(ms);
        output::print(&format!("the database cannot be used for {span}"));
    }
    output::print("");
    show_schedules(&status.schedules, config);
    if !status.runs.is_empty() {
        output::print("");
        show_runs(&status.runs);
    }
    if !status.paces.is_empty() {
        output::print("");
        output::print(&pace_line(&status.paces));
    }
    // Nothing was asked yet: nothing to say.
    if let Some(cache) = status.cache.as_ref().filter(|cache| cache.misses > 0) {
        output::print("");
        output::print(&cache_line(cache));
    }
}

fn pace_line(paces: &[PaceAnswer]) -> String {
    let each = paces.iter().map(|pace| {
        let (now, most) = (rps(pace.pace_rps), rps(pace.max_rps));
        let slowed = if pace.pace_rps < pace.max_rps {
            ", slowed by refusals"
        } else {
            ""
        };
        format!(
            "{} {now} of {most} requests a second{slowed}",
            pace.provider
        )
    });
    format!("pace: {}", each.collect::<Vec<_>>().join("; "))
}

/// Three significant digits at most: `0.011`, `1`, `12.5`.
fn rps(pace: f64) -> String {
    let decimals = match pace {
        ..0.1 => 4,
        0.1..10.0 => 2,
        _ => 1,
    };
    let text = format!("{pace:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn cache_line(cache: &CacheAnswer) -> String {
    let mut parts = vec![
        format!("{} answers from it", cache.hits + cache.shared),
        format!("{} loaded", cache.loads),
    ];
    let rare = [
        (cache.load_errors, "loads failed"),
        (cache.stale, "past their time"),
        (cache.evictions, "dropped for room"),
        (cache.backend_errors, "calls to Redis failed"),
    ];
    let told = rare.iter().filter(|(count, _)| *count > 0);
    parts.extend(told.map(|(count, what)| format!("{count} {what}")));
    let bytes = i64::try_from(cache.bytes).unwrap_or(i64::MAX);
    let held = output::bytes(bytes);
    parts.push(format!("holds {} in {held}", cache.entries));
    format!("cache: {}", parts.join(", "))
}

fn show_schedules(schedules: &[ScheduleAnswer], config: &Config) {
    let cells = schedules.iter().map(|row| {
        let zone = config.schedule(&row.schedule).map(|s| s.timezone.clone());
        let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
        let next = row.next.map(|at| output::local(at, &zone));
        let after = row.after.as_ref().filter(|_| row.state != "disabled");
        let next = next.or_else(|| after.map(|leader| format!("after {leader}")));
        let note = match (&row.paused_because, row.overdue_ms) {
            (Some(because), _) => match row.paused_until {
                Some(until) => format!("{because}, until {}", output::utc(until)),
                None => because.clone(),
            },
            (None, 1_001..) => format!("overdue by {}", output::duration_ms(row.overdue_ms)),
            (None, _) => String::new(),
        };
        vec![
            row.schedule.clone(),
            row.state.clone(),
            row.running.to_string(),
            row.waiting.to_string(),
            next.unwrap_or_else(|| "-".to_owned()),
            note,
        ]
    });
    let head = ["schedule", "state", "running", "waiting", "next", "note"];
    output::print(&output::table(
        &head,
        &["running", "waiting"],
        cells.collect(),
    ));
}

fn show_runs(runs: &[ProgressAnswer]) {
    let cells = runs.iter().map(|run| {
        vec![
            run.id.to_string(),
            run.schedule.clone(),
            run.trigger.clone(),
            output::utc(run.scheduled_for),
            output::utc(run.started_at),
            format!("{}/{}", run.tasks_done, run.tasks_total),
        ]
    });
    let head = [
        "run",
        "schedule",
        "trigger",
        "scheduled for",
        "began",
        "tasks",
    ];
    output::print(&output::table(&head, &["run", "tasks"], cells.collect()));
}
