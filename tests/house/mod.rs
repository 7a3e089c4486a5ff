//! The house keeps its own law: imports go down, each foreign crate has one door, files say what
//! they are for and stay short, and only the command line prints.

mod law;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use law::{DOORS, check};

#[test]
fn the_house_keeps_its_law() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    assert!(files.len() > 10, "found only {files:?}");
    let broken: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(root).unwrap().to_str().unwrap();
            check(path, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(
        broken.is_empty(),
        "{} times against the law:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            files.push(entry);
        }
    }
}

/// What the checker says about a file with a purpose line and this code from line 2 on.
fn said(path: &str, code: &str) -> Vec<String> {
    check(path, &format!("//! A sample.\n{code}"))
}

#[track_caller]
fn breaks(path: &str, code: &str, expected: &[&str]) {
    let said = said(path, code);
    assert_eq!(said.len(), expected.len(), "{path}: {code}\n{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "`{said}` lacks `{expected}`");
    }
}

#[test]
fn an_import_from_below_or_from_the_own_module_is_lawful() {
    for (path, code) in [
        ("src/domain/run.rs", "use crate::clock::Clock;"),
        (
            "src/domain/run.rs",
            "use crate::domain::Symbol; use super::cron;",
        ),
        (
            "src/domain/mod.rs",
            "mod a { use super::b; } use super::clock;",
        ),
        (
            "src/store/runs.rs",
            "use crate::{config::Pool, domain::{Run, http}};",
        ),
        ("src/main.rs", "use finstage::cli; use crate::daemon;"),
        (
            "src/jobs/mod.rs",
            "/// See [`crate::cli`].\nfn f() { g(\"crate::cli\") }",
        ),
        (
            "src/jobs/mod.rs",
            "#[cfg(test)]\nmod tests { use crate::daemon::Daemon; }",
        ),
        ("src/jobs/tests.rs", "use crate::daemon::Daemon;"),
        ("src/jobs/mod.rs", "fn f() { crate::shout!(1) }"),
    ] {
        breaks(path, code, &[]);
    }
}

#[test]
fn an_import_from_above_or_beside_is_told_with_its_line() {
    breaks(
        "src/store/runs.rs",
        "use std::fmt;\nuse crate::jobs::Job;",
        &["src/store/runs.rs:3: `store` imports `crate::jobs`, which is above it"],
    );
    breaks(
        "src/store/runs.rs",
        "use crate::{domain::Run, upstream::{Client, cli}, runner};",
        &["`crate::upstream`, which is a sibling", "`crate::runner`"],
    );
    breaks(
        "src/clock.rs",
        "fn f() -> crate::domain::Symbol { todo() }",
        &["src/clock.rs:2: `clock` imports `crate::domain`"],
    );
    breaks(
        "src/domain/cron.rs",
        "use super::super::http::Page;\nuse super::run;",
        &["`crate::http`"],
    );
    breaks("src/domain/mod.rs", "use super::http;", &["`crate::http`"]);
    breaks("src/http/mod.rs", "use crate::main;", &["above it"]);
    breaks("src/cache/a.rs", "pub(in crate::cli) fn f() {}", &["above"]);
}

#[test]
fn an_unknown_module_asks_for_its_place() {
    breaks("src/attic/a.rs", "", &["place it in LAYERS"]);
    breaks(
        "src/cli/a.rs",
        "use crate::attic::A;",
        &["no module of the law"],
    );
    breaks("src/cli/a.rs", "use crate::Symbol;", &["name the module"]);
}

#[test]
fn a_foreign_crate_is_named_at_its_door_only() {
    for (name, doors) in DOORS {
        for door in *doors {
            let inside = if door.ends_with('/') {
                format!("{door}a.rs")
            } else {
                (*door).to_owned()
            };
            breaks(&inside, &format!("use {name}::A;"), &[]);
        }
        let outside = "src/runner/other.rs";
        let said = format!("{outside}:2: names the crate `{name}`");
        breaks(outside, &format!("use {name}::{{A, b::C}};"), &[&said]);
        breaks(outside, &format!("fn f() {{ {name}::f() }}"), &[&said]);
        breaks(outside, &format!("use ::{name}::A;"), &[&said]);
        breaks(outside, &format!("use {name} as n;"), &[&said]);
        breaks(outside, &format!("use {{std::fmt, {name}}};"), &[&said]);
        let innocent = format!("mod {name}; fn f({name}: u8) {{ self::{name}::g(x.{name}) }}");
        breaks(outside, &innocent, &[]);
        breaks(
            outside,
            &format!("// {name}::A\nconst A: &str = \"{name}::A\";"),
            &[],
        );
    }
    breaks(
        "src/upstream/client.rs",
        "use governor::Quota;",
        &["limiter.rs"],
    );
    breaks(
        "src/domain/cronies.rs",
        "use croner::Cron;",
        &["src/domain/cron.rs"],
    );
}

#[test]
fn a_file_says_its_purpose_first_and_stays_short() {
    let broken = |source: &str| check("src/clock.rs", source).join("\n");
    assert_eq!(broken("//! Time.\n"), "");
    assert_eq!(broken("#![doc = include_str!(\"../README.md\")]\n"), "");
    for source in [
        "",
        "use std::fmt;\n",
        "//!\n",
        "// Time.\n",
        "\n//! Time.\n",
    ] {
        assert!(broken(source).contains("src/clock.rs:1: opens without"));
    }
    assert_eq!(broken(&format!("//! Time.\n{}", "\n".repeat(399))), "");
    assert!(broken(&format!("//! Time.\n{}", "\n".repeat(400))).contains("401 lines"));
}

#[test]
fn only_the_command_line_prints() {
    for name in ["print", "println", "eprint", "eprintln"] {
        let code = format!("fn f() {{ {name}!(\"x\") }}");
        breaks("src/cli/list.rs", &code, &[]);
        breaks("src/main.rs", &code, &[]);
        breaks(
            "src/daemon/mod.rs",
            &code,
            &[&format!("mod.rs:2: `{name}!`")],
        );
    }
    breaks("src/daemon/mod.rs", "// println!()\nfn println() {}", &[]);
}
