//! The reference page: every event with what it means and what to do.

use std::fmt::Write as _;

use crate::telemetry::events::{BLOCKS, catalogue};
use crate::telemetry::{EventDef, Signal};

const INTRODUCTION: &str = "\
# Events

<!-- Made of the event catalogue (src/telemetry/events) by `finstage events --print markdown`. -->

Every line of the daemon's log is one of these events: one JSON object (`log.format`), with

| key | what it is |
|---|---|
| `ts` | when, RFC 3339 in UTC with milliseconds |
| `level` | `error`, `warn`, `info` or `debug` |
| `event`, `code` | the name and the code: both stable, never reused |
| `msg` | the message, the same for every line of the event |
| `action` | what to do; on warnings and errors |
| `shortened` | `true` when fields were left out to keep the line within 4 KiB |

and the event's own fields. A field that is a number is left out when it is not finite. Control
characters and marks of direction are replaced by blanks. The same line is written five times a
minute at most; the others are counted by `log.repeated`. DEBUG lines, and lines that open or close an
alert, are never counted as repeats. When the reader is too slow, DEBUG and INFO lines are dropped
first, and `log.dropped` says how many.

`finstage events CODE` explains one event. What a library logs at WARN or above comes as
`dependency.message` (FS9003), its fields as `field.NAME`.

## In the journal

Where stderr is the journal's (`log.format` `auto`), an entry's `MESSAGE` is the line, its `PRIORITY` the
level, and its `MESSAGE_ID` the event's number in `systemd/finstage.catalog`: `journalctl -x` adds meaning
and action. These keys are fields of the entry, to filter by: `journalctl FINSTAGE_SYMBOL=AAPL -p warning`.

| key | field |
|---|---|
";

const ALERTS_HEAD: &str = "
## Alerts

`alerting/finstage.mtail` turns the log into metrics, `alerting/prometheus.rules.yml` these into
alerts, `alerting/alertmanager.example.yml` routes them; `alerting/loki.rules.yml` does what LogQL can.
They need `log.level` `info` or `debug`: heartbeats, and events that close an alert, are INFO.

| alert | severity | raised by | ended by |
|---|---|---|---|
";

const BLOCK_HEAD: &str = "\
| code | event | level | meaning | what to do | fields |
|---|---|---|---|---|---|
";

pub(super) fn text() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (key, field) in crate::telemetry::journal::FIELDS {
        let _ = writeln!(page, "| `{key}` | `{field}` |");
    }
    page.push_str(ALERTS_HEAD);
    for alert in crate::telemetry::ALERTS {
        let ended = super::with_signal(alert, |signal| matches!(signal, Signal::Closes(_)));
        let ended = super::codes(ended, ", ");
        let raised = super::codes(super::raising(alert), ", ");
        let beats = super::raising(alert).any(|event| matches!(event.signal, Signal::Beats(_)));
        let (raised, ended) = match (beats, ended.is_empty()) {
            (true, _) => (format!("absence of {raised}"), raised),
            (false, true) => (raised, format!("{} minutes", super::TOLD_FOR_S / 60)),
            (false, false) => (raised, ended),
        };
        let (name, severity) = (alert.name, alert.severity.as_str());
        let _ = writeln!(page, "| `{name}` | {severity} | {raised} | {ended} |");
    }
    let errors = super::codes(super::other_errors(), ", ");
    let _ = writeln!(
        page,
        "| `{}` | {} | {errors}, and any FS9003 at level `error` | {} minutes |",
        super::OTHER_ERRORS.name,
        super::OTHER_ERRORS.severity.as_str(),
        super::TOLD_FOR_S / 60
    );
    for (block, title) in BLOCKS {
        let _ = write!(page, "\n## {block}xx {title}\n\n{BLOCK_HEAD}");
        for event in catalogue().filter(|event| event.code.starts_with(block)) {
            page.push_str(&row(event));
        }
    }
    page
}

fn row(event: &EventDef) -> String {
    let fields: Vec<String> = event
        .fields
        .iter()
        .map(|field| format!("`{}`", field.key))
        .collect();
    let level = if event.is_foreign() {
        "the library's"
    } else {
        event.level_name()
    };
    let cell = |text: &str| text.replace('|', "\\|");
    format!(
        "| {} | `{}` | {level} | {} | {} | {} |\n",
        event.code,
        event.name,
        cell(event.meaning),
        cell(event.action),
        fields.join(" ")
    )
}
