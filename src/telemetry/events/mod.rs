//! The catalogue: every line the daemon can log, what it means and what to do about it.
//!
//! A code is never reused; its first digits name its block.

mod alerts;
mod cache;
mod config;
mod daemon;
mod data;
mod host;
mod runs;
mod schedules;
mod signals;
mod store;
mod upstream;

pub use alerts::*;
pub use cache::*;
pub use config::*;
pub use daemon::*;
pub use data::*;
pub use host::*;
pub use runs::*;
pub use schedules::*;
pub use signals::*;
pub use store::*;
pub use upstream::*;

use super::EventDef;

/// The blocks of codes: how a code begins, and what its events are about.
pub const BLOCKS: [(&str, &str); 15] = [
    ("FS10", "The daemon"),
    ("FS20", "The configuration"),
    ("FS30", "Runs"),
    ("FS31", "Tasks"),
    ("FS32", "Schedules"),
    ("FS33", "Heartbeat addresses"),
    ("FS40", "The upstream"),
    ("FS45", "The cache"),
    ("FS50", "Prices"),
    ("FS51", "Price alerts"),
    ("FS52", "Indicators and signals"),
    ("FS60", "The database"),
    ("FS70", "Resources"),
    ("FS80", "The log"),
    ("FS90", "Bugs and foreign messages"),
];

/// Every event the daemon can write, in order of code.
pub fn catalogue() -> impl Iterator<Item = &'static EventDef> {
    [
        daemon::CATALOGUE,
        config::CATALOGUE,
        runs::CATALOGUE,
        schedules::CATALOGUE,
        upstream::CATALOGUE,
        cache::CATALOGUE,
        data::CATALOGUE,
        alerts::CATALOGUE,
        signals::CATALOGUE,
        store::CATALOGUE,
        host::CATALOGUE,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{BLOCKS, catalogue};
    use crate::telemetry::{ALERTS, ENVELOPE, FieldDef, FieldKind, Signal};

    #[test]
    fn codes_and_names_are_unique_and_in_order() {
        let codes: Vec<_> = catalogue().map(|event| event.code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
        let names: BTreeSet<_> = catalogue().map(|event| event.name).collect();
        assert_eq!(names.len(), catalogue().count());
    }

    #[test]
    fn every_event_says_what_it_means_and_what_to_do() {
        for event in catalogue() {
            assert!(
                event.code.starts_with("FS") && event.code.len() == 6,
                "{}",
                event.code
            );
            assert!(
                event.meaning.trim().ends_with('.'),
                "{}: meaning",
                event.name
            );
            assert!(event.action.ends_with('.'), "{}: action", event.name);
            assert!(event.name.contains('.'), "{}", event.name);
            for field in event.fields {
                let key = field.key;
                assert!(!ENVELOPE.contains(&key), "{}: {key}", event.name);
            }
            let block = |block: &&(&str, &str)| event.code.starts_with(block.0);
            assert_eq!(BLOCKS.iter().filter(block).count(), 1, "{}", event.code);
        }
    }

    #[test]
    fn every_alert_has_its_events_and_these_the_field_that_tells_its_cases_apart() {
        for alert in ALERTS {
            let of_it = |wanted: fn(&Signal) -> bool| {
                catalogue()
                    .filter(|event| event.signal.alert().is_some_and(|a| a.key == alert.key))
                    .filter(|event| wanted(&event.signal))
                    .count()
            };
            let opens = of_it(|signal| matches!(signal, Signal::Opens(_)));
            let closes = of_it(|signal| matches!(signal, Signal::Closes(_)));
            let others = of_it(|signal| matches!(signal, Signal::Tells(_) | Signal::Beats(_)));
            assert_eq!(opens > 0, closes > 0, "{}: opens, closes", alert.name);
            assert_ne!(opens > 0, others > 0, "{}: one kind of signal", alert.name);
        }
        for event in catalogue() {
            let subject = event.signal.alert().and_then(|alert| alert.subject);
            if let Some(subject) = subject {
                let has = |field: &FieldDef| field.key == subject && field.kind == FieldKind::Text;
                assert!(event.fields.iter().any(has), "{}: {subject}", event.name);
            }
        }
    }
}
