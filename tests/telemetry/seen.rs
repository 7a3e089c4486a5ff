//! Whether the suite has seen every event: asked by scripts/check after all other tests.

use std::collections::BTreeSet;

use finstage::telemetry::events::catalogue;

use crate::support::lines;

/// Events that are emitted in a test beside the code, where nobody listens for them: file and name.
const BESIDE_THE_CODE: &[(&str, &str, &str)] = &[
    (
        "FS8010",
        "src/telemetry/journal/tests.rs",
        "a_socket_that_goes_and_comes_back_loses_no_line_and_is_told_of_once",
    ),
    (
        "FS8011",
        "src/telemetry/journal/tests.rs",
        "a_socket_that_goes_and_comes_back_loses_no_line_and_is_told_of_once",
    ),
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
            let mut beside = BESIDE_THE_CODE.iter();
            beside.all(|(code, ..)| *code != event.code)
        })
        .map(|event| format!("{} {}", event.code, event.name))
        .collect();
    assert!(missing.is_empty(), "no test emits\n{}", missing.join("\n"));
    eprintln!("{} events, all emitted", catalogue().count());
}

#[test]
fn the_tests_beside_the_code_that_count_are_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (code, file, test) in BESIDE_THE_CODE {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(text.contains(&format!("fn {test}(")), "{code}: {file}");
    }
}
