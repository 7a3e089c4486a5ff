//! What a reload would change, in the file's own words.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::settings::{Config, DaemonSettings};
use super::upstream::tasks_at_once;
use crate::domain::{Schedule, ScheduleId};

/// What is different in a new configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Schedules that are new.
    pub added: Vec<ScheduleId>,
    /// Schedules that are gone.
    pub removed: Vec<ScheduleId>,
    /// Schedules that changed, with the keys that did.
    pub changed: Vec<(ScheduleId, Vec<&'static str>)>,
    /// Other parts that changed and hold at once.
    pub sections: Vec<&'static str>,
    /// Sections that changed and need a restart.
    pub needs_restart: Vec<&'static str>,
}

impl Difference {
    /// What `new` changes in `old`, the configuration in use; `at_start` is the one the daemon began
    /// with, whose fixed parts are still in force.
    pub fn between(at_start: &Config, old: &Config, new: &Config) -> Self {
        let by_id = |config: &Config| -> BTreeMap<ScheduleId, Arc<Schedule>> {
            let schedules = config.schedules.iter();
            schedules.map(|s| (s.id.clone(), Arc::clone(s))).collect()
        };
        let (before, after) = (by_id(old), by_id(new));
        let gone = before.keys().filter(|id| !after.contains_key(*id));
        let mut difference = Self {
            removed: gone.cloned().collect(),
            sections: sections(old, new),
            needs_restart: needs_restart(at_start, new),
            ..Self::default()
        };
        for (id, schedule) in after {
            match before.get(&id) {
                None => difference.added.push(id),
                Some(was) if *was != schedule => {
                    let mut keys = changed_keys(was, &schedule);
                    name_source(&mut keys, (old, was), (new, &schedule));
                    difference.changed.push((id, keys));
                }
                Some(_) => {}
            }
        }
        difference
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The parts beside the schedules that a running daemon takes over.
fn sections(old: &Config, new: &Config) -> Vec<&'static str> {
    let parts = [
        ("[alerts]", old.alerts != new.alerts),
        ("[history]", old.history != new.history),
        ("[daemon] drain", old.daemon.drain != new.daemon.drain),
    ];
    let changed = parts.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(name, _)| name).collect()
}

/// The parts of the file a running daemon cannot take over.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    // The drain is looked up when it is needed.
    let fixed = |daemon: &DaemonSettings| DaemonSettings {
        drain: std::time::Duration::ZERO,
        ..daemon.clone()
    };
    let sections = [
        ("[daemon]", fixed(&old.daemon) != fixed(&new.daemon)),
        ("[store]", old.store != new.store),
        (
            "[upstream.yahoo]",
            old.yahoo != new.yahoo || old.quote_batch != new.quote_batch,
        ),
        (
            "[upstream.tiingo]",
            old.tiingo != new.tiingo || old.tiingo_key != new.tiingo_key,
        ),
        ("[upstream.binance]", old.binance != new.binance),
        ("[cache]", old.cache != new.cache),
    ];
    let changed = sections.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}

/// Where a schedule leaves `concurrency` to the upstream's section, the key that was edited is there.
fn name_source(
    keys: &mut [&'static str],
    (old, was): (&Config, &Schedule),
    (new, is): (&Config, &Schedule),
) {
    let is_left = |config: &Config, schedule: &Schedule| {
        let upstreams = tasks_at_once(&config.yahoo, config.quote_batch);
        usize::try_from(upstreams).is_ok_and(|tasks| tasks == schedule.concurrency)
    };
    if !is_left(old, was) || !is_left(new, is) {
        return;
    }
    for key in keys.iter_mut().filter(|key| **key == "concurrency") {
        *key = if old.quote_batch == new.quote_batch {
            "[upstream.yahoo] concurrency"
        } else {
            "[upstream.yahoo] quotes.batch"
        };
    }
}

/// The keys of a schedule whose meaning changed.
fn changed_keys(old: &Schedule, new: &Schedule) -> Vec<&'static str> {
    let keys = [
        ("job", old.job != new.job),
        ("cron, every, at or after", old.trigger != new.trigger),
        ("timezone", old.timezone != new.timezone),
        ("calendar", old.calendar != new.calendar),
        ("symbols", old.symbols != new.symbols),
        ("enabled", old.enabled != new.enabled),
        ("concurrency", old.concurrency != new.concurrency),
        ("timeout", old.timeout != new.timeout),
        ("task_timeout", old.task_timeout != new.task_timeout),
        ("jitter", old.jitter != new.jitter),
        ("overlap_policy", old.overlap_policy != new.overlap_policy),
        ("misfire_policy", old.misfire_policy != new.misfire_policy),
        (
            "misfire_threshold",
            old.misfire_threshold != new.misfire_threshold,
        ),
        ("catchup_window", old.catchup_window != new.catchup_window),
        ("max_catchup", old.max_catchup != new.max_catchup),
        ("cancel_grace", old.cancel_grace != new.cancel_grace),
        ("retry", old.retry != new.retry),
        (
            "pause_after_failures",
            old.pause_after_failures != new.pause_after_failures,
        ),
        ("starts_at", old.starts_at != new.starts_at),
        ("expires_at", old.expires_at != new.expires_at),
        ("sla", old.sla != new.sla),
        ("heartbeat_url", old.heartbeat_url != new.heartbeat_url),
        ("tags", old.tags != new.tags),
        ("description", old.description != new.description),
        ("owner", old.owner != new.owner),
        ("providers", old.providers != new.providers),
        ("params", old.indicators != new.indicators),
    ];
    let changed = keys.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}
