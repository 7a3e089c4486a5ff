//! Providers that cannot do what schedules want of them.

use std::collections::HashMap;

use crate::config::settings::Config;
use crate::domain::{Provider, Providers, Schedule, ScheduleId, Symbol};

/// A schedule whose providers are partly simulated and partly not, with what to tell.
pub(super) fn mixture(schedule: &Schedule, config: &Config) -> Option<(String, String)> {
    let is_simulated =
        |provider: &Provider| config.upstream(*provider).base_url.starts_with("http:");
    let simulated = schedule.providers.iter().find(is_simulated)?;
    let real = schedule.providers.iter().find(|one| !is_simulated(one))?;
    Some((
        format!(
            "`{}` would mix the prices of a stand-in on this machine ({simulated}) with real ones ({real})",
            schedule.id
        ),
        format!(
            "give [upstream.{real}] a base_url on this machine too, or name {simulated} no more"
        ),
    ))
}

/// What is probably not meant, over all schedules; each thing is told once.
pub(super) fn check(config: &Config, mut lint: impl FnMut(&ScheduleId, String, String)) {
    let asks_others = |schedule: &Schedule| schedule.providers != Providers::default();
    if !config
        .schedules
        .iter()
        .any(|schedule| asks_others(schedule))
    {
        return;
    }
    let mut firsts: HashMap<&Symbol, (&ScheduleId, Provider)> = HashMap::new();
    let (mut told_key, mut told_order) = (false, false);
    let needs_key = config.tiingo_key.is_none() && config.tiingo.base_url.starts_with("https:");
    for schedule in &config.schedules {
        let asks_tiingo = schedule.providers.iter().any(|one| one == Provider::Tiingo);
        if needs_key && asks_tiingo && !told_key {
            told_key = true;
            lint(
                &schedule.id,
                "there is no key for Tiingo: it will be passed over".to_owned(),
                "set TIINGO_API_KEY, TIINGO_API_KEY_FILE or the systemd credential tiingo_api_key \
                 (not needed with --simulate)"
                    .to_owned(),
            );
        }
        let first = schedule.providers.first();
        for symbol in schedule.symbols.iter() {
            let (other, theirs) = *firsts.entry(symbol).or_insert((&schedule.id, first));
            if theirs != first && !told_order {
                told_order = true;
                lint(
                    &schedule.id,
                    format!(
                        "`{}` asks {first} first for {symbol}, `{other}` asks {theirs}",
                        schedule.id
                    ),
                    "a series is kept by one provider, others fill its gaps: begin `providers` alike"
                        .to_owned(),
                );
            }
        }
    }
}
