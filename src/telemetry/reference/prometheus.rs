//! The Prometheus rules over the metrics of the mtail program.

use std::fmt::Write as _;

use super::{OTHER_ERRORS, SILENCE_S, TOLD_FOR_S, quoted};
use crate::telemetry::{ALERTS, Alert, Signal};

pub(super) fn text() -> String {
    let mut text = super::GENERATED.to_owned();
    text.push_str("groups:\n  - name: finstage\n    rules:\n");
    for alert in ALERTS {
        text.push_str(&rule(alert, &expression(alert), &super::action(alert)));
    }
    let errors = format!("time() - finstage_log_error_seconds < {TOLD_FOR_S}");
    let action = "Look the code up: `finstage events CODE`.";
    text.push_str(&rule(&OTHER_ERRORS, &errors, action));
    let unread = Alert {
        name: "FinstageLogUnread",
        key: "log_unread",
        severity: crate::telemetry::Severity::Critical,
        subject: None,
        hold: "5m",
        summary: "Nobody turns finstage's log into metrics; no other alert can fire",
    };
    let action = "Look at mtail, and at whether Prometheus scrapes it.";
    text.push_str(&rule(&unread, "absent(finstage_log_alive_seconds)", action));
    text
}

/// When the alert holds. A condition that was open before the daemon began is void: the new process
/// opens it again if it is still so.
fn expression(alert: &Alert) -> String {
    let key = alert.key;
    let signal = super::raising(alert).map(|event| event.signal).next();
    match signal {
        Some(Signal::Opens(_)) => format!(
            "finstage_log_opened_seconds{{condition=\"{key}\"}} > 0 \
             and finstage_log_opened_seconds{{condition=\"{key}\"}} \
             >= on (job, instance) group_left () finstage_log_started_seconds"
        ),
        Some(Signal::Beats(_)) => format!("time() - finstage_log_alive_seconds > {SILENCE_S}"),
        _ => {
            format!("time() - finstage_log_told_seconds{{condition=\"{key}\"}} < {TOLD_FOR_S}")
        }
    }
}

fn rule(alert: &Alert, expression: &str, action: &str) -> String {
    let mut rule = String::new();
    let _ = writeln!(rule, "      - alert: {}", alert.name);
    let _ = writeln!(rule, "        expr: {}", quoted(expression));
    let _ = writeln!(rule, "        for: {}", alert.hold);
    let severity = alert.severity.as_str();
    let _ = writeln!(rule, "        labels: {{ severity: {severity} }}");
    let _ = writeln!(rule, "        annotations:");
    let _ = writeln!(rule, "          summary: {}", quoted(alert.summary));
    let _ = writeln!(rule, "          action: {}", quoted(action));
    rule
}
