//! Whether the suite has seen every event: asked by scripts/check after all other tests.

use std::collections::BTreeSet;

use finstage::telemetry::events::catalogue;

use crate::support::lines;

/// Events that are emitted in a test beside the code, where nobody listens for this one: its name.
const BESIDE_THE_CODE: &[(&str, &str)] = &[
    (
        "FS4022",
        "a_provider_that_is_down_is_passed_over_and_tried_again_by_one_task",
    ),
    (
        "FS8001",
        "a_stalled_reader_costs_info_lines_first_never_errors_and_is_reported",
    ),
    (
        "FS8010",
        "a_socket_that_goes_and_comes_back_loses_no_line_and_is_told_of_once",
    ),
    (
        "FS8011",
        "a_socket_that_goes_and_comes_back_loses_no_line_and_is_told_of_once",
    ),
];

/// Events no test is sure to bring about, and why.
const NOT_SEEN: &[(&str, &str)] = &[
    (
        "FS1006",
        "to do: once a minute by timers that no faked clock hastens",
    ),
    ("FS1008", "a planner that hangs cannot be had from outside"),
    (
        "FS2007",
        "told once a day, of a calendar that ends within the year",
    ),
    (
        "FS4504",
        "to do: an upstream that comes back while old answers stand in",
    ),
    (
        "FS5102",
        "to do: like its five sisters, by a price that is chosen",
    ),
    ("FS5103", "to do: the same"),
    ("FS5106", "to do: the same"),
    (
        "FS5107",
        "to do: a database that fails between a price and its alerts",
    ),
    ("FS6005", "told once an hour, when something was old enough"),
    ("FS7002", "it needs a machine without /proc"),
];

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
        .filter(|event| {
            let mut excused = NOT_SEEN.iter().chain(BESIDE_THE_CODE);
            excused.all(|(code, _)| *code != event.code)
        })
        .map(|event| format!("{} {}", event.code, event.name))
        .collect();
    assert!(missing.is_empty(), "no test emits\n{}", missing.join("\n"));
    eprintln!(
        "{} events, all emitted but {NOT_SEEN:?}",
        catalogue().count()
    );
}

#[test]
fn the_tests_beside_the_code_that_count_are_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (code, test) in BESIDE_THE_CODE {
        let files = [
            "src/upstream/chain/tests.rs",
            "src/telemetry/writer.rs",
            "src/telemetry/journal/tests.rs",
        ];
        let has = |file: &&str| {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            text.contains(&format!("fn {test}("))
        };
        assert!(files.iter().any(has), "{code}: {test}");
    }
}
