//! `finstage load`: what the plan asks of the upstream's quota, from the file alone.
//!
//! One call a symbol and fire; the calls of a fire are spread from its dispatch on at the pace of
//! the quota. Where several fires overlap their calls add up: more than the quota means that they
//! wait for each other. Retries, first loads and answers that jobs share are not counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::course::Course;
use super::{Exit, Globals, Outcome, open, output};
use crate::clock::{Clock, signed};
use crate::config::Config;
use crate::domain::{Schedule, format_span, parse_span};

/// Longest window: a leap year.
const MOST: Duration = Duration::from_hours(366 * 24);

/// Fires looked at before the window is called too long: about ten seconds of work.
const MOST_FIRES: usize = 2_000_000;

/// Width of the bar that stands for the whole quota.
const BAR_WIDTH: usize = 20;

const MINUTES_AN_HOUR: usize = 60;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How far to look, in whole hours from the beginning of this one
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = window)]
    next: Duration,
    /// Begin with the hour of this instant instead of now
    #[arg(long, value_name = "T")]
    from: Option<Timestamp>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// One hour of the window.
#[derive(Debug, Serialize)]
struct Hour {
    from: Timestamp,
    calls: f64,
    quota: f64,
    share_percent: f64,
    is_over: bool,
    busiest_minute: Timestamp,
    busiest_minute_calls: f64,
    schedules: Vec<Part>,
}

/// What one schedule does within a time.
#[derive(Debug, Serialize)]
struct Part {
    schedule: String,
    fires: usize,
    calls: usize,
}

/// A fire, with the calls it makes.
struct Burst {
    schedule: usize,
    fire: Timestamp,
    dispatched: Timestamp,
    calls: usize,
}

/// A time without a pause for the limiter.
struct Busy {
    from: Timestamp,
    length: Duration,
}

fn window(text: &str) -> Result<Duration, String> {
    match parse_span(text)? {
        span if span.is_zero() || span > MOST => Err("write a span from 1h to 366d".to_owned()),
        span => Ok(span),
    }
}

pub(super) fn run(args: &Args, globals: &Globals) -> Outcome {
    let (config, _) = open::load(globals)?;
    let now = args.from.unwrap_or_else(|| Clock::system().now());
    let plan = Plan::new(&config, now, args.next)?;
    let hours = plan.hours();
    if args.json {
        output::print_json(&hours);
    } else {
        plan.show(&hours);
    }
    Ok(if hours.iter().any(|hour| hour.is_over) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// Requests a run is reckoned with: one a symbol, none for work that is rarely due.
fn calls_of(schedule: &Schedule) -> usize {
    if schedule.job.asks_for_every_symbol() {
        schedule.symbols.len()
    } else {
        0
    }
}

/// All fires of a window.
struct Plan<'c> {
    config: &'c Config,
    schedules: Vec<&'c Arc<Schedule>>,
    max_rps: f64,
    start: Timestamp,
    hours: usize,
    bursts: Vec<Burst>,
}

impl<'c> Plan<'c> {
    fn new(config: &'c Config, now: Timestamp, window: Duration) -> Result<Self, Exit> {
        let hours = usize::try_from(window.as_secs().div_ceil(3_600)).unwrap_or(1);
        let second = now.as_second().div_euclid(3_600) * 3_600;
        let mut plan = Self {
            config,
            schedules: config.schedules.iter().filter(|s| s.enabled).collect(),
            max_rps: config.yahoo.max_rps,
            start: Timestamp::from_second(second).unwrap_or(now),
            hours,
            bursts: Vec::new(),
        };
        for at in 0..plan.schedules.len() {
            plan.add_fires_of(at)?;
        }
        plan.bursts.sort_by_key(|burst| burst.dispatched);
        Ok(plan)
    }

    /// Fires within the window, and those before it whose calls reach into it.
    fn add_fires_of(&mut self, index: usize) -> Result<(), Exit> {
        let Some(schedule) = self.schedules.get(index).copied() else {
            return Ok(());
        };
        let calls = calls_of(schedule);
        let jitter = signed(schedule.jitter_offset());
        let reach = signed(self.spread(calls)) + jitter;
        let mut at = self.start.saturating_sub(reach).unwrap_or(self.start);
        // A fire at the very start belongs to the window.
        at = at
            .saturating_sub(SignedDuration::from_nanos(1))
            .unwrap_or(at);
        // One that runs after another asks when that does, about.
        let course = Course::of(self.config, schedule);
        if !course.is_served() {
            return Ok(());
        }
        while let Some(fire) = course.next_run_after(at).filter(|fire| *fire < self.end()) {
            if self.bursts.len() == MOST_FIRES {
                output::complain(&format!(
                    "more than {MOST_FIRES} fires; shorten the window with --next"
                ));
                return Err(Exit::Usage);
            }
            self.bursts.push(Burst {
                schedule: index,
                fire,
                dispatched: fire.saturating_add(jitter).unwrap_or(fire),
                calls,
            });
            at = fire;
        }
        Ok(())
    }

    fn end(&self) -> Timestamp {
        let hours = i64::try_from(self.hours).unwrap_or(i64::MAX);
        self.start
            .saturating_add(SignedDuration::from_secs(hours.saturating_mul(3_600)))
            .unwrap_or(Timestamp::MAX)
    }

    /// How long so many calls take at the pace of the quota.
    fn spread(&self, calls: usize) -> Duration {
        #[allow(clippy::cast_precision_loss, reason = "a number of symbols")]
        Duration::from_secs_f64(calls as f64 / self.max_rps)
    }

    fn quota(&self) -> f64 {
        self.max_rps * 3_600.0
    }

    /// Seconds from the window's start.
    fn offset_s(&self, at: Timestamp) -> f64 {
        at.duration_since(self.start).as_secs_f64()
    }

    /// Calls of each minute of the window.
    fn minutes(&self) -> Vec<f64> {
        let mut minutes = vec![0.0; self.hours * MINUTES_AN_HOUR];
        for burst in &self.bursts {
            let begin = self.offset_s(burst.dispatched);
            let end = begin + self.spread(burst.calls).as_secs_f64();
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "seconds of at most a year, not below zero"
            )]
            let first = (begin.max(0.0) / 60.0) as usize;
            let mut edge = 60.0 * f64::from(u32::try_from(first).unwrap_or(u32::MAX));
            for minute in minutes.iter_mut().skip(first) {
                if edge >= end {
                    break;
                }
                let within = end.min(edge + 60.0) - begin.max(edge);
                *minute += within.max(0.0) * self.max_rps;
                edge += 60.0;
            }
        }
        minutes
    }

    fn hours(&self) -> Vec<Hour> {
        let minutes = self.minutes();
        let mut hours = Vec::with_capacity(self.hours);
        let mut from = self.start;
        for (part, fires) in minutes.chunks(MINUTES_AN_HOUR).zip(self.fires()) {
            let calls: f64 = part.iter().sum();
            let (minute, most) = busiest(part);
            hours.push(Hour {
                from,
                calls: rounded(calls),
                quota: self.quota(),
                share_percent: rounded(100.0 * calls / self.quota()),
                is_over: calls > self.quota() * (1.0 + 1e-9),
                busiest_minute: from
                    .saturating_add(SignedDuration::from_mins(minute))
                    .unwrap_or(from),
                busiest_minute_calls: rounded(most),
                schedules: self.parts(&fires),
            });
            from = from
                .saturating_add(SignedDuration::from_hours(1))
                .unwrap_or(Timestamp::MAX);
        }
        hours
    }

    /// Fires of each hour by schedule, those before the window left out.
    fn fires(&self) -> Vec<BTreeMap<usize, usize>> {
        let mut hours = vec![BTreeMap::new(); self.hours];
        for burst in &self.bursts {
            let hour = burst
                .fire
                .duration_since(self.start)
                .as_secs()
                .div_euclid(3_600);
            let hour = usize::try_from(hour)
                .ok()
                .and_then(|hour| hours.get_mut(hour));
            if let Some(fires) = hour {
                *fires.entry(burst.schedule).or_default() += 1;
            }
        }
        hours
    }

    fn parts(&self, fires: &BTreeMap<usize, usize>) -> Vec<Part> {
        let part = |(index, fires): (&usize, &usize)| {
            let schedule = self.schedules.get(*index)?;
            Some(Part {
                schedule: schedule.id.as_str().to_owned(),
                fires: *fires,
                calls: fires * calls_of(schedule),
            })
        };
        fires.iter().filter_map(part).collect()
    }

    /// The longest time in which calls wait or go out without a pause.
    fn busiest(&self) -> Option<Busy> {
        let mut longest: Option<Busy> = None;
        let mut current: Option<Busy> = None;
        for burst in &self.bursts {
            let length = self.spread(burst.calls);
            current = Some(match current {
                Some(Busy {
                    from,
                    length: so_far,
                }) if burst.dispatched.duration_since(from) <= signed(so_far) => Busy {
                    from,
                    length: so_far + length,
                },
                _ => Busy {
                    from: burst.dispatched,
                    length,
                },
            });
            if let Some(Busy { from, length }) = current
                && longest.as_ref().is_none_or(|most| most.length < length)
            {
                longest = Some(Busy { from, length });
            }
        }
        longest
    }

    fn show(&self, hours: &[Hour]) {
        let (start, end) = (output::utc(self.start), output::utc(self.end()));
        output::print(&format!("from {start} to {end}\n"));
        let mut fires = BTreeMap::new();
        for (schedule, count) in self.fires().into_iter().flatten() {
            *fires.entry(schedule).or_default() += count;
        }
        let parts = self.parts(&fires);
        if parts.is_empty() {
            output::print("no enabled schedule fires in this time");
            return;
        }
        let cells = parts.iter().map(|part| {
            vec![
                part.schedule.clone(),
                part.fires.to_string(),
                part.calls.to_string(),
            ]
        });
        let head = ["schedule", "fires", "calls"];
        output::print(&output::table(&head, &head[1..], cells.collect()));
        output::print(&format!("\n{}\n", table(hours)));
        let by_minute = hours
            .iter()
            .max_by(|a, b| a.busiest_minute_calls.total_cmp(&b.busiest_minute_calls));
        if let Some(hour) = by_minute {
            output::print(&format!(
                "busiest minute: {}, {:.0} calls; the quota is {:.0}",
                output::utc(hour.busiest_minute),
                hour.busiest_minute_calls,
                self.quota() / 60.0,
            ));
        }
        if let Some(busy) = self.busiest() {
            output::print(&format!(
                "longest time without a pause: {} from {}",
                format_span(busy.length),
                output::utc(busy.from)
            ));
        }
        output::print("not counted: retries, first loads, answers that jobs share");
    }
}

fn table(hours: &[Hour]) -> String {
    let cells = hours.iter().map(|hour| {
        vec![
            output::utc(hour.from),
            format!("{:.0}", hour.calls),
            format!("{:.1}%", hour.share_percent),
            bar(hour.share_percent),
        ]
    });
    let head = ["hour", "calls", "of quota", ""];
    output::table(&head, &["calls", "of quota"], cells.collect())
}

/// A bar of the share; `+` after a full one says that it is over.
fn bar(percent: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of at most the bar's width"
    )]
    let full = (percent.min(100.0) / 100.0 * BAR_WIDTH as f64).ceil() as usize;
    let over = if percent > 100.0 { "+" } else { "" };
    format!("{}{over}", "#".repeat(full))
}

/// The busiest minute of an hour, the first of equals, and its calls.
fn busiest(minutes: &[f64]) -> (i64, f64) {
    let mut most = (0, 0.0);
    for (at, calls) in (0..).zip(minutes) {
        if *calls > most.1 {
            most = (at, *calls);
        }
    }
    most
}

/// To one decimal: the rest is noise of the sum.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
