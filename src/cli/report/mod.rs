//! `finstage report`.

mod file;
mod page;
mod plot;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::{Exit, Globals, Outcome, open, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Provider;
use crate::store::reports::{
    DurationPart, DurationReport, FaultReport, OutcomePart, ProcessReport, ProviderReport,
    ScheduleReport, SymbolReport, Window,
};
use crate::store::{Store, StoreError};

/// Parts of a curve at most.
const PARTS: i64 = 180;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// From when on: a span (24h), a date or an instant
    #[arg(long, default_value = "24h", value_parser = open::since)]
    since: Timestamp,
    /// Print as JSON
    #[arg(long)]
    json: bool,
    /// Write a page with plots into this file, for any browser: it loads nothing from elsewhere
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// All that is told.
#[derive(Serialize)]
struct Report {
    since: Timestamp,
    until: Timestamp,
    schedules: Vec<ScheduleReport>,
    slowest_symbols: Vec<SymbolReport>,
    faults: Vec<FaultReport>,
    upstreams: Vec<Quota>,
    process: ProcessReport,
    durations: Vec<DurationReport>,
    curves: Curves,
}

/// How much of a provider's quota was used.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Quota {
    provider: String,
    requests: u64,
    refusals: u64,
    mean_per_minute: f64,
    /// In the busiest minute.
    peak_per_minute: f64,
    /// By `max_rps` of the configuration; absent for a provider it does not know.
    allowed_per_minute: Option<f64>,
    /// Share of that in the mean.
    mean_percent: Option<f64>,
    /// Share of the most that one minute can have, which is that and `burst`, in the busiest.
    peak_percent: Option<f64>,
}

/// The same in equal parts of the time of which there is a record.
#[derive(Serialize)]
struct Curves {
    since: Timestamp,
    until: Timestamp,
    part_s: f64,
    outcomes: Vec<OutcomePart>,
    durations: BTreeMap<String, Vec<Option<DurationPart>>>,
    requests_per_minute: BTreeMap<String, Vec<f64>>,
    resources: Vec<Option<ProcessReport>>,
    #[serde(skip)]
    window: Window,
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    if let Some(path) = &args.html {
        // Before minutes are spent on it.
        file::check(path).map_err(|reason| {
            output::complain(&reason);
            Exit::Usage
        })?;
    }
    let report = open::small_runtime()?.block_on(async {
        let store = open::store_for_reading(&config).await?;
        let until = Clock::system().now();
        gather(&store, &config, args.since, until)
            .await
            .map_err(open::store_failed)
    })?;
    if args.json {
        output::print_json(&report);
    }
    match &args.html {
        Some(path) => {
            let page = page::render(&report).map_err(|reason| {
                output::complain(&format!("the plots cannot be drawn: {reason}"));
                Exit::Software
            })?;
            file::write(path, &page).map_err(|reason| {
                output::complain(&reason);
                Exit::Failure
            })?;
            let size = output::bytes(i64::try_from(page.len()).unwrap_or(i64::MAX));
            output::say(&format!("{} written, {size}", path.display()));
        }
        None if !args.json => text::show(&report),
        None => {}
    }
    Ok(Exit::Success)
}

async fn gather(
    store: &Store,
    config: &Config,
    since: Timestamp,
    until: Timestamp,
) -> Result<Report, StoreError> {
    // Nothing is drawn of a time of which nothing is known.
    let begin = store.first_record_since(since).await?.unwrap_or(since);
    let window = window(begin.min(until), until);
    let runs = store.run_report(&window).await?;
    let work = store.work_report(&window).await?;
    let resources = store.resource_report(&window).await?;
    let quotas = work.providers.iter().map(|one| quota(one, config, &window));
    let upstreams = quotas.collect();
    let per_minute = work.providers.into_iter();
    Ok(Report {
        since,
        until,
        schedules: runs.schedules,
        slowest_symbols: store.slowest_symbols(since).await?,
        faults: store.fault_reports(since).await?,
        upstreams,
        process: resources.total,
        durations: work.durations,
        curves: Curves {
            since: window.since(),
            until: window.until(),
            part_s: window.part_ms() / 1_000.0,
            outcomes: runs.outcomes,
            durations: runs.durations,
            requests_per_minute: per_minute
                .map(|one| (one.provider, one.per_minute))
                .collect(),
            resources: resources.parts,
            window,
        },
    })
}

/// Parts of a minute at least: four samples, one roll-up.
fn window(since: Timestamp, until: Timestamp) -> Window {
    let minutes = (until.as_second() - since.as_second()) / 60;
    let parts = minutes.clamp(1, PARTS);
    Window::new(since, until, usize::try_from(parts).unwrap_or(1))
}

fn quota(report: &ProviderReport, config: &Config, window: &Window) -> Quota {
    let known = Provider::ALL
        .into_iter()
        .find(|provider| provider.as_str() == report.provider);
    let settings = known.map(|provider| config.upstream(provider));
    let allowed = settings.map(|settings| settings.max_rps * 60.0);
    let most = settings.map(|settings| settings.max_rps * 60.0 + f64::from(settings.burst));
    #[allow(clippy::cast_precision_loss, reason = "a number of requests")]
    let requests = report.requests as f64;
    let length = window.until().duration_since(window.since());
    let mean = requests / (length.as_secs_f64() / 60.0).max(1.0);
    Quota {
        provider: report.provider.clone(),
        requests: report.requests,
        refusals: report.refusals,
        mean_per_minute: mean,
        peak_per_minute: report.peak_per_minute,
        allowed_per_minute: allowed,
        mean_percent: allowed.map(|allowed| 100.0 * mean / allowed),
        peak_percent: most.map(|most| 100.0 * report.peak_per_minute / most),
    }
}
