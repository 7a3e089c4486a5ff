//! The journal's protocol against a socket of the test's own, read by another reader.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::events::{self, catalogue};
use crate::telemetry::layer::LineLayer;
use crate::telemetry::writer::Writer;
use crate::telemetry::{MAX_LINE_BYTES, reference};

/// What would have been written to stderr.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Written {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn listen(place: &Path) -> UnixDatagram {
    let receiver = UnixDatagram::bind(place).unwrap();
    let patience = Some(Duration::from_secs(20));
    receiver.set_read_timeout(patience).unwrap();
    receiver
}

type Entry = BTreeMap<String, String>;

/// The next entry; panics when there is none.
fn receive(receiver: &UnixDatagram) -> Entry {
    let mut datagram = vec![0; 1 << 16];
    let length = receiver.recv(&mut datagram).expect("an entry");
    parse(&datagram[..length])
}

/// The protocol as its specification has it, read and not written.
fn parse(mut rest: &[u8]) -> Entry {
    let mut entry = Entry::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        rest = &rest[end + 1..];
        let (name, value) = if let Some((name, value)) = line.split_once('=') {
            (name, value.to_owned())
        } else {
            let (length, after) = rest.split_at(8);
            let length = u64::from_le_bytes(length.try_into().unwrap());
            let (value, after) = after.split_at(length.try_into().unwrap());
            assert_eq!(after[0], b'\n');
            rest = &after[1..];
            (line, String::from_utf8(value.to_vec()).unwrap())
        };
        assert!(
            entry.insert(name.to_owned(), value).is_none(),
            "{name} twice"
        );
    }
    entry
}

fn message(entry: &Entry) -> Value {
    serde_json::from_str(&entry["MESSAGE"]).unwrap()
}

/// A line of its own kind, as the log makes its own.
fn line(def: &crate::telemetry::EventDef, reason: &str) -> Line {
    LineBuilder::own(def, Style::Journal, "2026-01-01T00:00:00.000Z", |line| {
        line.text("reason", reason);
    })
}

/// The entries of what a closure logs, through the whole way a daemon's lines go.
fn entries(emit: impl FnOnce()) -> Vec<Entry> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("socket");
    let receiver = listen(&place);
    let stderr = Written::default();
    let journal = Journal::new(place, Duration::ZERO, stderr.clone());
    let writer = Writer::start(journal, Style::Journal);
    let layer = LineLayer::new(Style::Journal, Level::DEBUG, writer.handle());
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        emit();
        events::DaemonStopped { uptime_ms: 1 }.emit();
    });
    let mut entries = Vec::new();
    loop {
        let entry = receive(&receiver);
        if entry["FINSTAGE_CODE"] == "FS1005" {
            break;
        }
        entries.push(entry);
    }
    assert!(stderr.lines().is_empty(), "{:?}", stderr.lines());
    entries
}

#[test]
fn a_line_has_its_text_and_the_fields_an_operator_filters_by() {
    let entries = entries(|| {
        events::TaskFailed {
            run_id: 42,
            schedule: "us-bars",
            symbol: "BRK\n-B",
            class: "timeout",
            reason: "a\nb",
        }
        .emit();
    });
    let mut entry = entries[0].clone();
    let told = message(&entry);
    assert_eq!(told["reason"], "a b");
    assert_eq!(told["run.id"], 42);
    entry.remove("MESSAGE");
    let wanted = [
        ("FINSTAGE_CLASS", "timeout"),
        ("FINSTAGE_CODE", "FS3101"),
        ("FINSTAGE_EVENT", "task.failed"),
        ("FINSTAGE_RUN", "42"),
        ("FINSTAGE_SCHEDULE", "us-bars"),
        ("FINSTAGE_SYMBOL", "BRK -B"),
        ("MESSAGE_ID", "6f1d0c8e5b7a4c39a2e4b1f7d03e3101"),
        ("PRIORITY", "7"),
        ("SYSLOG_FACILITY", "3"),
        ("SYSLOG_IDENTIFIER", "finstage"),
    ];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(entry, Entry::from(wanted));
}

#[test]
fn a_library_cannot_choose_the_fields_of_its_line() {
    let entries = entries(|| {
        tracing::event!(
            target: "sqlx",
            Level::ERROR,
            code = "FS1006",
            job = "quotes",
            "gone"
        );
    });
    let entry = &entries[0];
    assert_eq!(entry["FINSTAGE_CODE"], "FS9003");
    assert_eq!(entry["PRIORITY"], "3");
    assert!(!entry.contains_key("FINSTAGE_JOB"), "{entry:?}");
}

#[test]
fn an_entry_is_bounded_even_when_its_line_was_shortened() {
    let long = "\u{1f4c8}".repeat(5_000);
    let entries = entries(|| {
        events::TaskFailed {
            run_id: 1,
            schedule: &long,
            symbol: &long,
            class: &long,
            reason: &long,
        }
        .emit();
    });
    let entry = &entries[0];
    assert_eq!(message(entry)["shortened"], true);
    for (name, value) in entry {
        assert!(name.len() + 1 + value.len() < MAX_LINE_BYTES, "{name}");
    }
    assert_eq!(
        entry["FINSTAGE_SYMBOL"].chars().count(),
        601,
        "cut and marked"
    );
}

#[test]
fn a_value_of_several_lines_has_its_length_in_front() {
    let line = Line {
        level: Level::WARN,
        text: "one\ntwo\n".to_owned(),
        fields: vec![("FINSTAGE_SYMBOL", "a\nMESSAGE_ID=b".to_owned())],
    };
    let datagram = encode(&line);
    let begins = b"MESSAGE\n\x07\0\0\0\0\0\0\0one\ntwo\nPRIORITY=4\n";
    assert!(datagram.starts_with(begins), "{datagram:?}");
    let entry = parse(&datagram);
    assert_eq!(entry["MESSAGE"], "one\ntwo");
    assert_eq!(entry["FINSTAGE_SYMBOL"], "a\nMESSAGE_ID=b");
    assert!(!entry.contains_key("MESSAGE_ID"));
}

#[test]
fn a_journal_that_does_not_read_costs_nobody_time_and_loses_no_error() {
    const LINES: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("socket");
    let receiver = listen(&place);
    let stderr = Written::default();
    let journal = Journal::new(place, Duration::ZERO, stderr.clone());
    let writer = Writer::start(journal, Style::Journal);
    let handle = writer.handle();
    for _ in 0..LINES {
        handle.send(line(&events::DaemonHeartbeat::DEF, "same"));
    }
    handle.send(line(&events::BugPanic::DEF, "last"));
    let (mut heartbeats, mut dropped, mut has_error) = (0, 0, false);
    while heartbeats + dropped < LINES || !has_error {
        let entry = receive(&receiver);
        match entry["FINSTAGE_EVENT"].as_str() {
            "daemon.heartbeat" => heartbeats += 1,
            "log.dropped" => dropped += message(&entry)["lines"].as_u64().unwrap(),
            "bug.panic_contained" => has_error = true,
            other => panic!("{other}"),
        }
    }
    assert_eq!(heartbeats + dropped, LINES);
    assert!(dropped > 0, "a socket without end?");
    assert!(stderr.lines().is_empty(), "{:?}", stderr.lines());
}

#[test]
fn a_socket_that_goes_and_comes_back_loses_no_line_and_is_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("socket");
    let stderr = Written::default();
    let mut journal = Journal::new(place.clone(), Duration::ZERO, stderr.clone());
    let receiver = listen(&place);
    let line = |reason: &str| line(&events::BugPanic::DEF, reason);
    journal.write_line(&line("first"));
    assert_eq!(message(&receive(&receiver))["reason"], "first");
    drop(receiver);
    journal.write_line(&line("refused"));
    std::fs::remove_file(&place).unwrap();
    journal.write_line(&line("missing"));
    let told = stderr.lines();
    let fields: Vec<Value> = told
        .iter()
        .map(|line| serde_json::from_str(&line[3..]).expect(line))
        .collect();
    assert!(told[0].starts_with("<4>{"), "{told:?}");
    assert_eq!(fields[0]["code"], "FS8010");
    assert!(told[1].starts_with("<3>{"), "{told:?}");
    assert_eq!(fields[1]["reason"], "refused");
    assert_eq!(fields[2]["reason"], "missing");
    assert_eq!(told.len(), 3);
    let receiver = listen(&place);
    journal.write_line(&line("again"));
    assert_eq!(message(&receive(&receiver))["reason"], "again");
    let back = receive(&receiver);
    assert_eq!(back["FINSTAGE_CODE"], "FS8011");
    assert_eq!(message(&back)["lines"], 2);
    assert!(message(&back).get("action").is_none());
    journal.write_line(&line("after"));
    assert_eq!(message(&receive(&receiver))["reason"], "after");
    assert_eq!(stderr.lines().len(), 3);
}

#[test]
fn a_socket_that_cannot_be_used_is_left_alone_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("socket");
    let stderr = Written::default();
    let mut journal = Journal::new(place.clone(), Duration::from_hours(1), stderr.clone());
    journal.write_line(&line(&events::BugPanic::DEF, "first"));
    let receiver = listen(&place);
    journal.write_line(&line(&events::BugPanic::DEF, "second"));
    assert_eq!(stderr.lines().len(), 3);
    receiver.set_nonblocking(true).unwrap();
    let nothing = receiver.recv(&mut [0; 16]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

#[test]
fn every_field_of_the_journal_is_one_of_an_event_and_named_as_journald_wants() {
    let envelope = crate::telemetry::ENVELOPE;
    for (key, name) in FIELDS {
        let mut keys = catalogue().flat_map(|event| event.fields);
        assert!(
            envelope.contains(&key) || keys.any(|field| field.key == key),
            "{key}"
        );
        let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        assert!(name.bytes().all(is_plain) && name.len() <= 64, "{name}");
        assert!(name.starts_with("FINSTAGE_"), "{name}");
    }
}

#[test]
fn every_line_names_its_entry_in_the_catalogue() {
    for event in catalogue() {
        let entry = parse(&encode(&line(event, "any")));
        assert_eq!(entry["MESSAGE_ID"], reference::message_id(event));
        assert_eq!(entry["FINSTAGE_CODE"], event.code);
    }
}
