//! What is written from the catalogue: reference page, schema, journal catalogue, alert rules. The
//! files in the repository are held equal to it by a test.

mod alertmanager;
mod journal;
mod loki;
mod markdown;
mod metric_table;
mod mtail;
mod prometheus;
mod schema;

pub(super) use journal::id_of_code;
pub use journal::message_id;

use super::events::catalogue;
use super::{Alert, EventDef, Severity, Signal};

/// A file made of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// What `finstage events --print` calls it.
    pub name: &'static str,
    /// Where it stands in the repository.
    pub path: &'static str,
    text: fn() -> String,
}

impl Document {
    /// Its whole text.
    pub fn text(&self) -> String {
        (self.text)()
    }
}

/// Every document.
pub static DOCUMENTS: [Document; 8] = [
    Document {
        name: "markdown",
        path: "docs/events.md",
        text: markdown::text,
    },
    Document {
        name: "metrics",
        path: "docs/metrics.md",
        text: metric_table::text,
    },
    Document {
        name: "schema",
        path: "alerting/events.schema.json",
        text: schema::text,
    },
    Document {
        name: "journal",
        path: "systemd/finstage.catalog",
        text: journal::text,
    },
    Document {
        name: "mtail",
        path: "alerting/finstage.mtail",
        text: mtail::text,
    },
    Document {
        name: "prometheus",
        path: "alerting/prometheus.rules.yml",
        text: prometheus::text,
    },
    Document {
        name: "loki",
        path: "alerting/loki.rules.yml",
        text: loki::text,
    },
    Document {
        name: "alertmanager",
        path: "alerting/alertmanager.example.yml",
        text: alertmanager::text,
    },
];

/// First line of every YAML file and program.
const GENERATED: &str =
    "# Made of the event catalogue by `finstage events --print`; edit src/telemetry instead.\n";

/// How long after an event that only tells its alert stays: long enough to be noticed and routed.
const TOLD_FOR_S: u32 = 600;

/// Silence after which the daemon counts as dead: three heartbeats.
const SILENCE_S: u32 = 180;

/// What to do when there is no line to say what to do.
const SILENT: &str = "Look whether it runs (`systemctl status finstage`), what it wrote last \
    (`journalctl -u finstage -e`), and whether its log still arrives here.";

/// The rule for errors that have no alert of their own.
const OTHER_ERRORS: Alert = Alert {
    name: "FinstageError",
    key: "error",
    severity: Severity::Warning,
    subject: None,
    hold: "0m",
    summary: "An error was logged",
};

/// What an operator is to do when an alert fires: the action of the events that raise it.
fn action(alert: &Alert) -> String {
    if raising(alert).any(|event| matches!(event.signal, Signal::Beats(_))) {
        return SILENT.to_owned();
    }
    let mut actions: Vec<&str> = raising(alert)
        .map(|event| event.action)
        .filter(|action| !action.starts_with("None"))
        .collect();
    actions.dedup();
    if actions.is_empty() {
        "None; it was asked for.".to_owned()
    } else {
        actions.join(" ")
    }
}

/// The events that raise an alert, or whose absence does.
fn raising(alert: &Alert) -> impl Iterator<Item = &'static EventDef> {
    with_signal(alert, |signal| {
        matches!(
            signal,
            Signal::Opens(_) | Signal::Tells(_) | Signal::Beats(_)
        )
    })
}

/// The events that take part in an alert in a wanted way.
fn with_signal(
    alert: &Alert,
    wanted: fn(Signal) -> bool,
) -> impl Iterator<Item = &'static EventDef> {
    let key = alert.key;
    catalogue()
        .filter(move |event| event.signal.alert().is_some_and(|alert| alert.key == key))
        .filter(move |event| wanted(event.signal))
}

/// The codes of events, joined.
fn codes(events: impl Iterator<Item = &'static EventDef>, by: &str) -> String {
    let codes: Vec<&str> = events.map(|event| event.code).collect();
    codes.join(by)
}

/// Errors without an alert of their own.
fn other_errors() -> impl Iterator<Item = &'static EventDef> {
    catalogue()
        .filter(|event| event.level == tracing::Level::ERROR)
        .filter(|event| matches!(event.signal, Signal::None))
}

/// A text as a YAML scalar: JSON's quotes are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn documents_have_names_and_places_of_their_own_and_end_in_a_newline() {
        let names: BTreeSet<_> = DOCUMENTS.iter().map(|document| document.name).collect();
        let paths: BTreeSet<_> = DOCUMENTS.iter().map(|document| document.path).collect();
        assert_eq!(
            (names.len(), paths.len()),
            (DOCUMENTS.len(), DOCUMENTS.len())
        );
        for document in &DOCUMENTS {
            let text = document.text();
            assert!(
                text.ends_with('\n') && !text.ends_with("\n\n"),
                "{}",
                document.path
            );
        }
    }

    #[test]
    fn nothing_in_a_document_is_taken_for_a_template() {
        for event in catalogue() {
            assert!(!event.meaning.contains("{{") && !event.action.contains("{{"));
        }
    }
}
