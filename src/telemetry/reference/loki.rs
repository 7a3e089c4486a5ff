//! The Loki rules, for those who keep the log in Loki and have no mtail. `LogQL` cannot tell what is
//! open from what has ended: an alert is raised by its event and ends ten minutes after it.

use std::fmt::Write as _;

use super::{OTHER_ERRORS, SILENCE_S, TOLD_FOR_S, quoted};
use crate::telemetry::{ALERTS, Alert, Signal};

/// The stream: the unit's name, as collectors of the journal label it.
const STREAM: &str = "{unit=\"finstage.service\"}";

pub(super) fn text() -> String {
    let mut text = super::GENERATED.to_owned();
    text.push_str(
        "# Change the stream's labels to those of your collector; lines are taken as JSON.\n\
         groups:\n  - name: finstage\n    rules:\n",
    );
    for alert in ALERTS {
        text.push_str(&rule(alert, &expression(alert), &super::action(alert)));
    }
    let own: Vec<String> = ALERTS
        .iter()
        .map(|alert| super::codes(super::raising(alert), "|"))
        .collect();
    let errors = format!(
        "sum by (event, code) (count_over_time({STREAM} | json | level=\"error\" | code!~\"{}\" [{TOLD_FOR_S}s])) > 0",
        own.join("|")
    );
    let action = "Look the code up: `finstage events CODE`.";
    text.push_str(&rule(&OTHER_ERRORS, &errors, action));
    text
}

fn expression(alert: &Alert) -> String {
    let codes = super::codes(super::raising(alert), "|");
    let filter = format!("{STREAM} | json | code=~\"{codes}\"");
    if super::raising(alert).any(|event| matches!(event.signal, Signal::Beats(_))) {
        return format!("absent_over_time({filter} [{SILENCE_S}s])");
    }
    match alert.subject {
        None => format!("sum by (event) (count_over_time({filter} [{TOLD_FOR_S}s])) > 0"),
        Some(key) => {
            // `json` makes `schedule.name` the label `schedule_name`.
            let label = key.replace('.', "_");
            format!(
                "sum by (subject, event) (count_over_time({filter} | label_format subject={label} [{TOLD_FOR_S}s])) > 0"
            )
        }
    }
}

fn rule(alert: &Alert, expression: &str, action: &str) -> String {
    let mut rule = String::new();
    let _ = writeln!(rule, "      - alert: {}", alert.name);
    let _ = writeln!(rule, "        expr: {}", quoted(expression));
    let severity = alert.severity.as_str();
    let _ = writeln!(rule, "        labels: {{ severity: {severity} }}");
    let _ = writeln!(rule, "        annotations:");
    let _ = writeln!(rule, "          summary: {}", quoted(alert.summary));
    let _ = writeln!(rule, "          action: {}", quoted(action));
    rule
}
