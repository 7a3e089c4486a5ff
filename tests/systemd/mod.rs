//! The unit and its drop-ins, as systemd's own tools see them. `tests/systemd/boot` boots a real
//! systemd around them.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// Exposure must not be greater, in tenths: `systemd-analyze security`.
const THRESHOLD: &str = "--threshold=11";

/// A unit's folder in which the program exists, with the drop-ins named.
fn folder(drop_ins: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let program = folder.path().join("finstage");
    symlink(env!("CARGO_BIN_EXE_finstage"), &program).unwrap();
    let unit = std::fs::read_to_string(root.join("finstage.service")).unwrap();
    let here = unit.replace("/usr/bin/finstage", program.to_str().unwrap());
    assert_ne!(here, unit);
    let here = here.replace("Documentation=file:", "#Documentation=file:");
    std::fs::write(folder.path().join("finstage.service"), here).unwrap();
    let more = folder.path().join("finstage.service.d");
    std::fs::create_dir(&more).unwrap();
    for name in drop_ins {
        std::fs::copy(root.join(name), more.join(name)).unwrap();
    }
    folder
}

/// What `systemd-analyze` says about the unit there, and whether it is content.
fn analyze(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("systemd-analyze")
        .args(["--no-pager"])
        .args(arguments)
        .arg(folder.join("finstage.service"))
        .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()))
        .output()
        .expect("systemd-analyze: scripts/check installs the package systemd");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// systemd's version: what it says first is "systemd 252 (…)".
fn version() -> u32 {
    let output = Command::new("systemd-analyze").arg("--version").output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    let number = said.split_ascii_whitespace().nth(1).unwrap();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

const ALL: [&[&str]; 3] = [&[], &["newer.conf"], &["newer.conf", "static-user.conf"]];

#[test]
fn the_units_exposure_is_at_most_1_1_with_whatever_drop_in() {
    for drop_ins in ALL {
        let folder = folder(drop_ins);
        let arguments = ["security", "--offline=true", THRESHOLD];
        let (is_content, said) = analyze(folder.path(), &arguments);
        assert!(is_content, "{drop_ins:?}: {said}");
        assert!(said.contains("Overall exposure level"), "{said}");
    }
    let folder = folder(&[]);
    let unit = folder.path().join("finstage.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&unit, text.replace("PrivateUsers=yes\n", "")).unwrap();
    let arguments = ["security", "--offline=true", THRESHOLD];
    assert!(
        !analyze(folder.path(), &arguments).0,
        "the threshold leaves room for nothing"
    );
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_and_its_drop_ins() {
    for drop_ins in ALL {
        let folder = folder(drop_ins);
        let (is_content, said) = analyze(folder.path(), &["verify", "--man=no"]);
        let ours: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("finstage"))
            // What newer.conf is for is what an older systemd does not know.
            .filter(|line| version() >= 257 || !line.contains("newer.conf"))
            .collect();
        assert!(is_content && ours.is_empty(), "{drop_ins:?}: {said}");
    }
    let folder = folder(&[]);
    let unit = folder.path().join("finstage.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&unit, text.replace("KillMode=mixed", "KillMode=mixt")).unwrap();
    let (_, said) = analyze(folder.path(), &["verify", "--man=no"]);
    assert!(said.contains("mixt"), "it would not be seen: {said}");
}

#[test]
fn no_value_of_a_unit_has_a_comment_behind_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    for name in ["finstage.service", "newer.conf", "static-user.conf"] {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(!line.contains('#'), "{name}: systemd 252 drops `{line}`");
        }
    }
}
