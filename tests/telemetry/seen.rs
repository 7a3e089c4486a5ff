//! Whether the suite has seen every event: asked by scripts/check after all other tests.

use std::collections::BTreeSet;

use finstage::telemetry::events::catalogue;

use crate::support::lines;

/// Events no test brings about where somebody listens, and why.
const NOT_SEEN: &[(&str, &str)] = &[(
    "FS8001",
    "in a test beside the code: a_stalled_reader_costs_info_lines_first_never_errors_and_is_reported",
)];

#[test]
#[ignore = "it goes by what all other tests have noted; scripts/check runs it last"]
fn every_event_was_emitted_by_some_test_and_every_line_kept_its_schema() {
    let folder = lines::notes();
    let mut noted = BTreeSet::new();
    for file in std::fs::read_dir(&folder).expect("run the other tests first") {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        noted.extend(text.lines().map(|line| line.trim_end().to_owned()));
    }
    let wrong: Vec<_> = noted
        .iter()
        .filter(|line| line.starts_with("wrong"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let missing: Vec<String> = catalogue()
        .filter(|event| !noted.contains(event.code))
        .filter(|event| NOT_SEEN.iter().all(|(code, _)| *code != event.code))
        .map(|event| format!("{} {}", event.code, event.name))
        .collect();
    assert!(missing.is_empty(), "no test emits\n{}", missing.join("\n"));
    eprintln!(
        "{} events, all emitted but {NOT_SEEN:?}",
        catalogue().count()
    );
}
