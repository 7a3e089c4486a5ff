//! docs/faults.md lists what the tests do, no more and no less.

use finstage::domain::FaultClass;

use crate::support::fault_upstream::{Expected, Fault};

fn outcome(expected: Expected) -> String {
    let of = |class: FaultClass| format!("`{class}`");
    match expected {
        Expected::Stored => "stored".to_owned(),
        Expected::Fails(class) => of(class),
        Expected::Either(one, other) => format!("{} or {}", of(one), of(other)),
    }
}

#[test]
fn the_list_of_faults_in_the_documentation_is_the_one_that_is_tested() {
    let row = |fault: &Fault| format!("| {} | {} |", fault.doc(), outcome(fault.expected()));
    let tested: Vec<String> = Fault::ALL.iter().map(row).collect();
    let page = include_str!("../../docs/faults.md");
    let listed: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != "| what the upstream does | what comes of it |")
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(
        listed,
        tested,
        "\nthe rows as tested:\n{}",
        tested.join("\n")
    );
    assert!(tested.len() >= 25);
}
