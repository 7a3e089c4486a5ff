//! What is made of the catalogue is what stands in the repository.

use std::path::Path;

use finstage::telemetry::events::catalogue;
use finstage::telemetry::reference::DOCUMENTS;

use super::tools::tool;
use crate::process::daemon::Home;

/// Set to have the files written instead of compared.
const REWRITE: &str = "FINSTAGE_REWRITE_DOCUMENTS";

#[test]
fn every_document_in_the_repository_is_what_the_catalogue_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stale = Vec::new();
    for document in &DOCUMENTS {
        let path = root.join(document.path);
        if std::env::var_os(REWRITE).is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, document.text()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        if found != document.text() {
            stale.push(document.path);
        }
    }
    assert!(
        stale.is_empty(),
        "not what the catalogue makes: {stale:?}; `just events` writes them"
    );
}

#[test]
fn the_verb_prints_each_document_and_explains_each_event() {
    let home = Home::new("");
    for document in &DOCUMENTS {
        let said = home.say(&["events", "--print", document.name]);
        assert_eq!((said.code, said.stdout), (Some(0), document.text()));
    }
    let said = home.say(&["events", "FS4002", "schedule.stale"]);
    assert_eq!(said.code, Some(0));
    for part in [
        "FS4002 upstream.cooldown_opened (warn)",
        "raises FinstageScheduleStale",
    ] {
        assert!(said.stdout.contains(part), "{}", said.stdout);
    }
    let rows = home.json(&["events", "--json"]);
    assert_eq!(rows.as_array().unwrap().len(), catalogue().count());
    let said = home.say(&["events", "FS9999"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr.contains("there is no event `FS9999`"),
        "{}",
        said.stderr
    );
}

#[test]
fn the_rules_name_no_code_that_does_not_exist() {
    for document in &DOCUMENTS {
        let text = document.text();
        let codes = text
            .match_indices("FS")
            .filter_map(|(at, _)| text.get(at..at + 6));
        for code in codes.filter(|code| code[2..].bytes().all(|byte| byte.is_ascii_digit())) {
            assert!(
                catalogue().any(|event| event.code == code),
                "{}: {code}",
                document.path
            );
        }
    }
}

#[test]
fn those_who_read_the_rules_accept_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerting");
    let progs = root.join("finstage.mtail");
    tool(
        "mtail",
        &[
            "--compile_only",
            "--logtostderr",
            "--progs",
            progs.to_str().unwrap(),
        ],
    );
    let rules = root.join("prometheus.rules.yml");
    let said = tool(
        "promtool",
        &["check", "rules", "--lint-fatal", rules.to_str().unwrap()],
    );
    assert!(said.contains("rules found"), "{said}");
    let config = root.join("alertmanager.example.yml");
    tool("amtool", &["check-config", config.to_str().unwrap()]);
}
