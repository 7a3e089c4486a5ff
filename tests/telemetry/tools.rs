//! The programs that read our rules: on the path, or where scripts/check puts them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a tool that must succeed; gives what it says, on stdout and stderr.
#[track_caller]
pub(super) fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(place(name))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}; scripts/check fetches it"));
    let mut said = String::from_utf8(output.stdout).unwrap();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
    said
}

/// What a tool that must succeed says on stdout.
#[track_caller]
pub(super) fn answer(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(place(name))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}; scripts/check fetches it"));
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn place(name: &str) -> PathBuf {
    // The folder of targets: the parent of the one for temporary files.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let fetched = target.join("tools/usr/bin").join(name);
    if fetched.exists() {
        fetched
    } else {
        name.into()
    }
}
