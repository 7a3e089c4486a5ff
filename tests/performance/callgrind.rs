//! Runs one test of this binary under callgrind and reads what its functions took.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::baseline::Counts;

/// What the counted functions' names begin with; callgrind starts and stops at them.
const PREFIX: &str = "counted_";

/// The compiler and the target of this binary, as in `1.95.0 x86_64-unknown-linux-gnu`.
pub(super) fn build() -> String {
    let said = run(Command::new("rustc").arg("-vV"), "the compiler");
    let field = |key: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no `{key}` in {said}"))
            .to_owned()
    };
    format!("{} {}", field("release: "), field("host: "))
}

/// Runs the test `path` with a variable set, and gives the instructions that each function
/// `counted_NAME` of `names` took in this binary: with SQLite, which is linked into it, in all
/// threads; without the C library, which chooses its copying and comparing by the processor.
pub(super) fn count(path: &str, variable: (&str, &Path), names: &[&str]) -> Counts {
    let folder = tempfile::tempdir().unwrap();
    // Names suffice; reading where each line came from would take longer than the work.
    let binary = folder.path().join("counted");
    let strip = ["--strip-debug", "-o"];
    let current = std::env::current_exe().unwrap();
    run(
        Command::new("strip").args(strip).arg(&binary).arg(current),
        "binutils",
    );
    let out = folder.path().join("out");
    let child = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(format!("--zero-before=*::work::{PREFIX}*"))
        // Not the same words: of two options for one pattern callgrind keeps the first.
        .arg(format!("--dump-after=*performance::work::{PREFIX}*"))
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(&binary)
        .args([path, "--exact", "--nocapture", "--test-threads=1"])
        .env(variable.0, variable.1)
        .env_remove("LD_PRELOAD")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("valgrind: {error}; scripts/check installs it"));
    let told = String::from_utf8_lossy(&child.stdout);
    let complained = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{told}\n{complained}");
    assert!(told.contains("1 passed"), "{path} did not run: {told}");
    let mut counts = Counts::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let file = entry.unwrap().path();
        if file
            .extension()
            .is_some_and(|number| number != OsStr::new(""))
        {
            let profile = std::fs::read_to_string(&file).unwrap();
            let (name, instructions) = read(&profile, &binary);
            let before = counts.insert(name.to_owned(), instructions);
            assert_eq!(before, None, "{name} was done twice");
        }
    }
    let counted: Vec<&str> = counts.keys().map(String::as_str).collect();
    assert_eq!(counted, names, "what was done\n{complained}");
    counts
}

/// What function a profile was written after, and the instructions of `binary` in it.
fn read<'a>(profile: &'a str, binary: &Path) -> (&'a str, u64) {
    let trigger = profile
        .lines()
        .find_map(|line| line.strip_prefix("desc: Trigger: "));
    let trigger = trigger.unwrap_or_else(|| panic!("no trigger in {profile:.500}"));
    let (_, name) = trigger.rsplit_once(PREFIX).unwrap();
    let binary = binary.to_str().unwrap();
    let mut is_ours = false;
    let mut instructions = 0;
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(object) = line.strip_prefix("ob=") {
            is_ours = object == binary;
        } else if line.starts_with("calls=") {
            // The next line is what the callee took: it is counted where it stands itself.
            lines.next();
        } else if is_ours && line.starts_with(|first: char| first.is_ascii_digit()) {
            let cost = line.split(' ').nth(1).unwrap();
            instructions += cost.parse::<u64>().unwrap();
        }
    }
    (name, instructions)
}

#[track_caller]
fn run(command: &mut Command, what: &str) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(output.status.success(), "{what}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_profile_is_read_without_the_c_library_and_nothing_twice() {
    let profile = "desc: Trigger: --dump-after=main::work::counted_plan\n\n\
                   ob=/tmp/b\nfl=???\nfn=a\n0 5\ncob=/lib/libc.so.6\ncfn=memcpy\ncalls=3 0\n0 900\n\
                   0 2\n\nob=/lib/libc.so.6\nfn=memcpy\n0 900\n\nob=/tmp/b\nfn=c\n0 40\n\ntotals: 947\n";
    assert_eq!(read(profile, Path::new("/tmp/b")), ("plan", 47));
}
