//! Every line the suite sees, in whatever process: held against the schema, and its code noted.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, Once, PoisonError};

use finstage::telemetry::{MAX_LINE_BYTES, json_line, reference};
use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use super::schema;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let document = reference::DOCUMENTS.iter().find(|it| it.name == "schema");
    serde_json::from_str(&document.unwrap().text()).unwrap()
});

/// Codes this process has noted already.
static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Where codes are noted, a file a process: `scripts/check` empties it before the tests and asks
/// afterwards whether any is missing.
pub(crate) fn notes() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("events")
}

/// From now on every event of this process that no other listener takes is checked.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Ear);
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

/// Checks an event of this process, as the line the daemon would write.
#[track_caller]
pub(crate) fn hear(event: &Event<'_>) {
    check_text(&json_line(event));
}

/// Checks a line as it was written.
#[track_caller]
pub(crate) fn check_text(line: &str) {
    if line.len() > MAX_LINE_BYTES {
        wrong(&format!("{} bytes: {line}", line.len()));
    }
    let json = line.trim_start_matches(|c: char| c == '<' || c == '>' || c.is_ascii_digit());
    match serde_json::from_str(json) {
        Ok(value) => check(&value),
        Err(error) => wrong(&format!("no JSON ({error}): {line}")),
    }
}

/// Checks a line that was read already.
#[track_caller]
pub(crate) fn check(line: &Value) {
    if let Err(reason) = schema::validate(&SCHEMA, line) {
        wrong(&format!("{reason}: {line}"));
    }
    note(line["code"].as_str().unwrap_or_default(), "");
}

/// A panic may be contained by what is under test, a note is not.
#[track_caller]
fn wrong(reason: &str) -> ! {
    note("wrong", reason);
    panic!("a line against its schema: {reason}");
}

fn note(code: &str, more: &str) {
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !noted.insert(format!("{code}{more}")) {
        return;
    }
    let folder = notes();
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(std::process::id().to_string());
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    writeln!(file, "{code} {more}").unwrap();
}

struct Ear;

impl<S: Subscriber> Layer<S> for Ear {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "finstage"
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        hear(event);
    }
}
