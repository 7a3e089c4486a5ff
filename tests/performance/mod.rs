//! The gate for performance: how many instructions the hot paths take, against a committed baseline.
//!
//! Instructions, counted by callgrind, are the same on a busy machine and an idle one; seconds are
//! not. docs/performance-gate.md says what is counted and how a change is accepted.

mod baseline;
mod callgrind;
mod work;

use std::path::PathBuf;

use baseline::{Baselines, Counts, compare};

/// Set in the process whose instructions are counted, to the folder of its database.
const COUNTED: &str = "FINSTAGE_COUNTED_IN";

/// Set to have the counts written as the new baseline.
const ACCEPT: &str = "FINSTAGE_ACCEPT_INSTRUCTIONS";

fn baselines() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/instructions.json")
}

#[test]
fn the_hot_paths_take_the_instructions_that_were_accepted() {
    if let Some(folder) = std::env::var_os(COUNTED) {
        work::perform(&PathBuf::from(folder));
        return;
    }
    if !cfg!(debug_assertions) {
        eprintln!(
            "SKIPPED: the baselines are those of the test profile, not of an optimised build"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    work::prepare(folder.path());
    let path = "performance::the_hot_paths_take_the_instructions_that_were_accepted";
    let counts = callgrind::count(path, (COUNTED, folder.path()), &work::NAMES);
    let build = callgrind::build();
    eprintln!("{build}: {counts:?}");
    let mut baselines = Baselines::read(&baselines());
    if std::env::var_os(ACCEPT).is_some() {
        baselines.accept(&build, counts);
        baselines.write(&self::baselines());
        return;
    }
    let Some(accepted) = baselines.of(&build) else {
        eprintln!(
            "SKIPPED: no baseline for {build}, there is one for {}; `just accept-instructions` \
             adds one",
            baselines.builds().join(" and ")
        );
        return;
    };
    let faults = compare(accepted, &counts);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_takes_more_or_fewer_instructions_is_named_with_before_after_and_the_remedy() {
    let counts = |parse, plan| Counts::from([("parse".into(), parse), ("plan".into(), plan)]);
    let accepted = counts(1_000_000, 2_000_000);
    for within in [(1_000_000, 2_000_000), (1_030_000, 1_940_000)] {
        assert!(compare(&accepted, &counts(within.0, within.1)).is_empty());
    }
    let more = compare(&accepted, &counts(1_000_000, 2_070_000));
    let [more] = more.as_slice() else {
        panic!("{more:?}")
    };
    let said = "plan takes 2070000 instructions, accepted were 2000000: 3.5 % more";
    assert!(more.starts_with(said), "{more}");
    assert!(more.contains("just accept-instructions"), "{more}");
    let fewer = compare(&accepted, &counts(500_000, 2_000_000));
    assert_eq!(fewer.len(), 1);
    assert!(fewer[0].contains("50.0 % fewer"), "{fewer:?}");
}

#[test]
fn what_is_counted_and_not_accepted_or_accepted_and_not_counted_is_a_fault() {
    let one = |name: &str| Counts::from([(name.to_owned(), 7)]);
    let faults = compare(&one("parse"), &one("plan"));
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("parse was not counted"), "{faults:?}");
    assert!(faults[1].starts_with("plan has no baseline"), "{faults:?}");
}
