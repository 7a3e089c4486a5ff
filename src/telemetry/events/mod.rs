//! The catalogue: every line the daemon can log, what it means and what to do about it.
//!
//! Codes: FS10 daemon · FS20 configuration · FS30 runs · FS31 tasks · FS32 schedules · FS33
//! heartbeats · FS40 upstream · FS45 cache · FS50 data · FS51 price
//! alerts · FS60 store · FS70 resources · FS80 log · FS90 bugs and
//! foreign messages. A code is never reused.

mod alerts;
mod cache;
mod config;
mod daemon;
mod data;
mod host;
mod runs;
mod schedules;
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
pub use store::*;
pub use upstream::*;

use super::EventDef;

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
        store::CATALOGUE,
        host::CATALOGUE,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::catalogue;

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
                assert!(
                    !["ts", "level", "event", "code", "msg", "action"].contains(field),
                    "{field}"
                );
            }
        }
    }
}
