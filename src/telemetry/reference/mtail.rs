//! The mtail program: from lines to metrics that alert rules can go by.

use std::fmt::Write as _;

use crate::telemetry::events::catalogue;
use crate::telemetry::{EventDef, Signal};

/// Instants instead of counters: a counter that begins at 1 has no increase, and its alert no start.
const DECLARATIONS: &str = r#"# One log a program: `mtail --progs DIR --logs FILE` where FILE has the daemon's JSON lines, with or
# without a priority prefix.

# Lines by event.
counter finstage_log_lines_total by level, event, code
# Lines that are none of ours: another program, or log.format = "text".
counter finstage_log_foreign_lines_total
# When the daemon last showed a sign of life, and when it last began; unix seconds.
gauge finstage_log_alive_seconds
gauge finstage_log_started_seconds
# When a condition last began; 0 since it ended.
gauge finstage_log_opened_seconds by condition, subject
# When an event that nothing ends was last told.
gauge finstage_log_told_seconds by condition, subject, event
# When an error without an alert of its own was last logged.
gauge finstage_log_error_seconds by event, code

/^(?:<\d>)?\{"ts":"(?P<ts>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\.\d{3}Z","level":"(?P<level>[a-z]+)","event":"(?P<event>[a-z_.]+)","code":"(?P<code>FS\d{4})",/ {
  strptime($ts, "2006-01-02T15:04:05")
  finstage_log_lines_total[$level][$event][$code]++
"#;

const END: &str = "} else {
  finstage_log_foreign_lines_total++
}
";

pub(super) fn text() -> String {
    let mut text = super::GENERATED.to_owned();
    text.push_str(DECLARATIONS);
    for event in catalogue() {
        if let Some(deed) = deed(event) {
            let _ = writeln!(text, "\n  # {}: {}", event.name, event.message);
            text.push_str(&clause(event, &deed));
        }
    }
    let own: Vec<&str> = catalogue()
        .filter(|event| event.level == tracing::Level::ERROR)
        .filter(|event| !matches!(event.signal, Signal::None))
        .map(|event| event.code)
        .collect();
    let _ = write!(
        text,
        "\n  # errors without an alert of their own, a library's among them\n  \
         $level == \"error\" && $code !~ /^(?:{})$/ {{\n    \
         finstage_log_error_seconds[$event][$code] = timestamp()\n  }}\n",
        own.join("|")
    );
    text.push_str(END);
    text
}

/// What a line of the event does to the metrics.
fn deed(event: &EventDef) -> Option<String> {
    let case = |alert: &crate::telemetry::Alert| {
        let subject = alert.subject.map_or("\"\"", |_| "$subject");
        format!("[\"{}\"][{subject}]", alert.key)
    };
    match event.signal {
        Signal::None => None,
        Signal::Opens(alert) => Some(format!(
            "finstage_log_opened_seconds{} = timestamp()",
            case(alert)
        )),
        Signal::Closes(alert) => Some(format!("finstage_log_opened_seconds{} = 0", case(alert))),
        Signal::Tells(alert) => Some(format!(
            "finstage_log_told_seconds{}[$event] = timestamp()",
            case(alert)
        )),
        Signal::Beats(_) => Some("finstage_log_alive_seconds = timestamp()".to_owned()),
        Signal::Begins(_) => Some("finstage_log_started_seconds = timestamp()".to_owned()),
    }
}

/// The deed under its condition. A text in a line cannot look like a field: its quotes are escaped.
fn clause(event: &EventDef, deed: &str) -> String {
    let code = event.code;
    let subject = event.signal.alert().and_then(|alert| alert.subject);
    match subject {
        None => format!("  $code == \"{code}\" {{\n    {deed}\n  }}\n"),
        Some(key) => format!(
            "  $code == \"{code}\" {{\n    /,\"{}\":\"(?P<subject>(?:[^\"\\\\]|\\\\.)*)\"/ {{\n      {deed}\n    }}\n  }}\n",
            key.replace('.', "\\.")
        ),
    }
}
