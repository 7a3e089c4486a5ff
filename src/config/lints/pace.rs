//! Schedules that fire faster than their runs, or the upstream, can follow.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::settings::Config;
use crate::domain::{OverlapPolicy, Schedule, Trigger, format_span};

/// Fires looked at to find a schedule's shortest period.
const FIRES_LOOKED_AT: usize = 8;

/// An arbitrary fixed week: these lints must not depend on the day they are run.
const REFERENCE: Timestamp = Timestamp::constant(1_767_571_200, 0);

/// The shortest periods found so far: of thousands of schedules many fire alike.
#[derive(Default)]
pub(super) struct Pace(HashMap<(String, String), Option<Duration>>);

impl Pace {
    pub(super) fn check(
        &mut self,
        schedule: &Schedule,
        config: &Config,
        lint: &mut impl FnMut(String, String),
    ) {
        let Some(period) = self.shortest_period(schedule) else {
            return;
        };
        let id = &schedule.id;
        if schedule.jitter >= period {
            lint(
                format!("the jitter of `{id}` is not shorter than its period"),
                format!(
                    "it fires every {}; keep the jitter below that",
                    format_span(period)
                ),
            );
        }
        if schedule.timeout > period && schedule.overlap_policy == OverlapPolicy::Skip {
            lint(
                format!(
                    "a run of `{id}` may take {}, but it fires every {}",
                    format_span(schedule.timeout),
                    format_span(period)
                ),
                "fires during a run are skipped: lower `timeout`, or choose another overlap_policy"
                    .to_owned(),
            );
        }
        if schedule.job.asks_for_every_symbol() {
            budget(schedule, period, config, lint);
        }
    }

    fn shortest_period(&mut self, schedule: &Schedule) -> Option<Duration> {
        if let Trigger::Every { period, .. } = &schedule.trigger {
            return Some(*period);
        }
        let zone = schedule.timezone_name().to_owned();
        let key = (schedule.trigger.to_string(), zone);
        *self
            .0
            .entry(key)
            .or_insert_with(|| shortest_period(schedule))
    }
}

fn budget(
    schedule: &Schedule,
    period: Duration,
    config: &Config,
    lint: &mut impl FnMut(String, String),
) {
    let provider = schedule.providers.first();
    let max_rps = config.upstream(provider).max_rps;
    #[allow(clippy::cast_precision_loss, reason = "a number of symbols")]
    let needed = Duration::from_secs_f64(schedule.symbols.len() as f64 / max_rps);
    if needed > period {
        lint(
            format!(
                "`{}` asks for {} symbols every {}, but at {} requests/s that takes {}",
                schedule.id,
                schedule.symbols.len(),
                format_span(period),
                max_rps,
                format_span(needed),
            ),
            format!("fire less often, name fewer symbols, or raise [upstream.{provider}] max_rps"),
        );
    } else if needed > schedule.timeout {
        lint(
            format!(
                "a run of `{}` needs {} at {} requests/s, its timeout is {}",
                schedule.id,
                format_span(needed),
                max_rps,
                format_span(schedule.timeout),
            ),
            format!("raise the schedule's timeout or [upstream.{provider}] max_rps"),
        );
    }
}

fn shortest_period(schedule: &Schedule) -> Option<Duration> {
    let mut shortest = None;
    let next_after = |at| schedule.trigger.next_after(at, &schedule.timezone);
    let mut at = next_after(REFERENCE)?;
    for _ in 0..FIRES_LOOKED_AT {
        let Some(next) = next_after(at) else {
            break;
        };
        let gap = Duration::try_from(next.duration_since(at)).ok()?;
        shortest = Some(shortest.map_or(gap, |least: Duration| least.min(gap)));
        at = next;
    }
    shortest
}
