//! An example for Alertmanager: who hears of what.

use std::fmt::Write as _;

use crate::telemetry::Severity;

pub(super) fn text() -> String {
    let mut text = super::GENERATED.to_owned();
    text.push_str(
        "# Put your own receivers in place of the addresses below.\n\
         route:\n  receiver: operators\n  group_by: [alertname, subject]\n  group_wait: 30s\n  \
         group_interval: 5m\n  repeat_interval: 4h\n  routes:\n",
    );
    for severity in Severity::ALL {
        let (name, receiver) = (severity.as_str(), receiver(severity));
        let _ = write!(
            text,
            "    - matchers: ['alertname =~ \"Finstage.*\"', 'severity = \"{name}\"']\n      \
             receiver: {receiver}\n{}",
            timing(severity)
        );
    }
    text.push_str(
        "# A dead daemon, or a database that is out, explains what follows from it.\n\
         inhibit_rules:\n  - source_matchers: ['alertname = \"FinstageDaemonDead\"']\n    \
         target_matchers: ['alertname =~ \"Finstage.*\"', 'alertname != \"FinstageDaemonDead\"', 'severity != \"notice\"']\n    \
         equal: [job, instance]\n  - source_matchers: ['alertname = \"FinstageStoreUnavailable\"']\n    \
         target_matchers: ['alertname =~ \"FinstageScheduleStale|FinstageRunsFail|FinstageRunsMissed\"']\n    \
         equal: [job, instance]\nreceivers:\n",
    );
    for severity in Severity::ALL {
        let receiver = receiver(severity);
        let _ = write!(
            text,
            "  - name: {receiver}\n    webhook_configs:\n      - url: http://127.0.0.1:9095/{receiver}\n"
        );
    }
    text
}

fn receiver(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "on-call",
        Severity::Warning => "operators",
        Severity::Notice => "readers-of-prices",
    }
}

/// People are woken at once; prices are told at once, and once.
fn timing(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "      group_wait: 0s\n      repeat_interval: 1h\n",
        Severity::Warning => "",
        Severity::Notice => "      group_wait: 0s\n      repeat_interval: 1d\n",
    }
}
